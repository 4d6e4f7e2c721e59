"""The definitions of kinds, from modules that a `go` of the tests' own brings."""

from pathlib import Path

import pytest

from cluster import definitions
from console import SetupError

TABLE = """
[projects.one]
module = "example.com/one"
release = "v1.2.3"
files = "crds/**/*.yaml"

[projects.two]
module = "example.com/two"
release = "v0.1.0"
files = "*.yaml"

[kinds]
First = { api = "one.example.com/v1", project = "one" }
Second = { api = "one.example.com/v1", project = "one" }
Third = { api = "two.example.com/v1", project = "two" }
"""
CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec:
  names:
    kind: {kind}
"""


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Modules in folders, a table that names them, and a `go` that finds them and notes what it was asked."""
    for path, kind in {
        "one@v1.2.3/crds/first.yaml": "First",
        "one@v1.2.3/crds/more/second.yaml": "Second",
        "one@v1.2.3/crds/other.yaml": "Other",
        "two@v0.1.0/third.yaml": "Third",
    }.items():
        file = tmp_path / "modules" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CRD.format(kind=kind))
    table = tmp_path / "crds.toml"
    table.write_text(TABLE)
    monkeypatch.setattr(definitions, "TABLE", table)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in {
        "go": f"""#!/bin/sh
echo "$@ GOFLAGS=$GOFLAGS" >> {tmp_path}/asked
folder={tmp_path}/modules/"${{4#example.com/}}"
test -d "$folder" && echo "{{\\"Dir\\": \\"$folder\\"}}" && exit
echo '{{"Error": "no such version"}}'
exit 1
""",
        "kubectl": f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n',
    }.items():
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}:/usr/bin:/bin", "GOFLAGS": "-mod=vendor"}


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().splitlines()


def test_each_kind_has_the_file_that_defines_it(tmp_path: Path, environ: dict[str, str]) -> None:
    found = definitions.fetch(environ)
    assert {kind: path.name for kind, path in found.items()} == {
        "First": "first.yaml",
        "Second": "second.yaml",
        "Third": "third.yaml",
    }
    # Whatever a person has set for his own modules does not hold for these.
    assert asked(tmp_path) == [
        "mod download -json example.com/one@v1.2.3 GOFLAGS=",
        "mod download -json example.com/two@v0.1.0 GOFLAGS=",
    ]


def test_a_kind_that_its_module_lacks_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "modules/one@v1.2.3/crds/more/second.yaml").unlink()
    with pytest.raises(SetupError, match=r"example\.com/one v1\.2\.3 does not define Second in crds/"):
        definitions.fetch(environ)


def test_a_version_that_is_not_to_be_had_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    table = tmp_path / "crds.toml"
    table.write_text(table.read_text().replace("v0.1.0", "v9.0.0"))
    with pytest.raises(SetupError, match=r"example\.com/two@v9\.0\.0 cannot be downloaded: no such version"):
        definitions.fetch(environ)


def test_without_go_it_says_so(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin/go").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(SetupError, match="go cannot be started"):
        definitions.fetch({**environ, "PATH": str(tmp_path / "bin")})


def test_they_are_applied_by_the_server_and_waited_for(tmp_path: Path, environ: dict[str, str]) -> None:
    kubectl = tmp_path / "bin/kubectl"
    assert definitions.apply(kubectl, Path("k.conf"), environ) == ["First", "Second", "Third"]
    applied, waited = asked(tmp_path)[2:]
    assert applied.startswith("--kubeconfig=k.conf apply --server-side --force-conflicts --filename=")
    assert waited.startswith(
        "--kubeconfig=k.conf wait --for=condition=Established --timeout=300s --filename="
    )
    for line in (applied, waited):
        assert [word.rpartition("/")[2] for word in line.split() if word.startswith("--filename")] == [
            "first.yaml",
            "second.yaml",
            "third.yaml",
        ]


def test_the_table_is_the_packages_own() -> None:
    assert definitions.TABLE.name == "crds.toml"
    assert definitions.TABLE.is_file()
    assert definitions.TABLE.read_text().count("\n[projects.") == 9
