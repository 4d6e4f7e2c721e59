"""Which SDKs are found, without importing one."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelberth.preview.standins.sdk.packages import PackageError, find_packages, installed

SDKS = {
    "aws": "pulumi_aws",
    "azure-native": "pulumi_azure_native",
    "gcp": "pulumi_gcp",
    "kubernetes": "pulumi_kubernetes",
}

AFTER_READING = """
import sys
from modelberth.preview.standins.sdk.types import lookup
read = [
    len(lookup(token).inputs) + len(lookup(token).outputs)
    for token in ("aws:ecr/repository:Repository", "azure-native:app:ContainerApp",
                  "gcp:cloudrunv2/service:Service", "kubernetes:apps/v1:Deployment")
]
assert all(count > 0 for count in read), read
print(*sorted(name for name in sys.modules if name.startswith("pulumi_")))
"""


def sdk(folder: Path, import_name: str, plugin: Any) -> Path:
    """An SDK as pip leaves it: a module with Pulumi's plugin file in it."""
    module = folder / import_name
    module.mkdir(parents=True)
    text = plugin if isinstance(plugin, str) else json.dumps(plugin)
    (module / "pulumi-plugin.json").write_text(text, encoding="utf-8")
    return module


def test_every_installed_sdk_is_found() -> None:
    found = installed()
    assert {name: found[name].import_name for name in SDKS} == SDKS
    for name in SDKS:
        package = found[name]
        assert package.name == name
        assert package.version == importlib.metadata.version(package.distribution)
        assert (package.root / "__init__.py").is_file()
    assert installed() is found


def test_reading_types_imports_no_sdk() -> None:
    command = [sys.executable, "-c", AFTER_READING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_a_plugin_file_names_package_and_version(tmp_path: Path) -> None:
    root = sdk(tmp_path, "pulumi_random", {"resource": True, "name": "random", "version": "4.1.0"})
    package = find_packages([str(tmp_path)])["random"]
    assert (package.version, package.distribution, package.import_name) == (
        "4.1.0",
        "pulumi-random",
        "pulumi_random",
    )
    assert package.root == root


def test_a_parameterized_sdk_goes_by_its_own_name(tmp_path: Path) -> None:
    own = {"name": "azure-native_app_v20240301", "version": "3.0.0", "value": "e30="}
    plugin = {"resource": True, "name": "azure-native", "version": "3.29.0", "parameterization": own}
    sdk(tmp_path, "pulumi_azure_native_app_v20240301", plugin)
    found = find_packages([str(tmp_path)])
    assert {name: package.version for name, package in found.items()} == {own["name"]: "3.0.0"}


def test_a_plugin_file_that_says_little_is_completed(tmp_path: Path) -> None:
    sdk(tmp_path, "pulumi_some_thing", {"resource": True})
    package = find_packages([str(tmp_path)])["some-thing"]
    assert package.version == ""


def test_what_is_no_resource_sdk_is_left_out(tmp_path: Path) -> None:
    sdk(tmp_path, "pulumi_policy", {"resource": False, "name": "policy"})
    sdk(tmp_path, "pulumi_old", {"name": "old"})
    (tmp_path / "requests").mkdir()
    assert find_packages([str(tmp_path), str(tmp_path / "not-there")]) == {}


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    for folder, version in (("a", "1.0.0"), ("b", "2.0.0")):
        sdk(tmp_path / folder, "pulumi_random", {"resource": True, "name": "random", "version": version})
    assert find_packages([str(tmp_path / "b"), str(tmp_path / "a")])["random"].version == "2.0.0"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "cannot be read"), ("[1]", "given a list, allowed: a mapping; install the SDK again")],
)
def test_a_broken_plugin_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    root = sdk(tmp_path, "pulumi_random", text)
    with pytest.raises(PackageError) as raised:
        find_packages([str(tmp_path)])
    assert str(raised.value).startswith(f"{root / 'pulumi-plugin.json'}: ")
    assert said in str(raised.value)
