from __future__ import annotations

import io
import shutil
import sys
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import go_build
import pulumi_cli
from console import SetupError
from pulumi_archive import archive_url
from pulumi_cli import PulumiCli, find_or_install, is_built_from_source
from versions import Version

NOBODY = "http://127.0.0.1:9/install.sh"  # the discard port: nothing listens there

# Does what the official script does with these arguments, as far as the set-up sees it.
INSTALLER = """
[ "$1" = --version ] && [ "$3" = --install-root ] && [ "$5" = --no-edit-path ] || exit 9
echo "installer $*" >> '{log}'
mkdir "$4" "$4/bin"
printf '#!/bin/sh\\necho v%s\\n' {version} > "$4/bin/pulumi"
printf '#!/bin/sh\\n' > "$4/bin/pulumi-language-python"
chmod 755 "$4/bin/pulumi" "$4/bin/pulumi-language-python"
"""

# A stand-in on machines without curl: the same arguments, the same message.
CURL = """#!{python}
import sys, urllib.error, urllib.request
target, url = sys.argv[sys.argv.index("--output") + 1], sys.argv[-1]
try:
    content = urllib.request.urlopen(url).read()
except urllib.error.HTTPError as error:
    sys.exit(f"curl: (22) The requested URL returned error: {{error.code}}")
open(target, "wb").write(content)
"""


@pytest.fixture
def curl(machine) -> None:
    machine.system_programs("sh", "mkdir", "chmod")
    if shutil.which("curl"):
        machine.system_programs("curl")
    else:
        stand_in = machine.program("curl", "")
        stand_in.write_text(CURL.format(python=sys.executable))


def test_a_new_enough_cli_on_path_is_taken(machine, capsys: pytest.CaptureFixture[str]) -> None:
    path = machine.pulumi("v3.261.0-alpha.1")
    cli = find_or_install(machine.checkout, machine.environ, NOBODY)
    assert cli == PulumiCli(path, Version(3, 261, 0))
    assert not is_built_from_source(cli.path)
    assert capsys.readouterr().out == f"pulumi    3.261.0 from PATH, {path}\n"
    assert not machine.checkout.cache.exists()


@pytest.mark.parametrize("version", ["v3.249.9", "v2.999.0", "v3.99.0"])
def test_an_old_cli_on_path_is_skipped_with_its_version(
    machine, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old = machine.pulumi(version)
    cached = machine.pulumi("v3.250.0", machine.checkout.cached_bin)
    assert find_or_install(machine.checkout, machine.environ, NOBODY).path == cached
    assert capsys.readouterr().out.splitlines() == [
        f"pulumi    PATH: {old} is {version[1:]}, 3.250.0 or newer is needed",
        f"pulumi    3.250.0 from cache, {cached}",
    ]


def test_a_cli_without_its_language_host_is_skipped(machine, capsys: pytest.CaptureFixture[str]) -> None:
    lonely = machine.pulumi("v3.260.0")
    (lonely.parent / "pulumi-language-python").unlink()
    machine.pulumi("v3.250.0", machine.checkout.cached_bin)
    find_or_install(machine.checkout, machine.environ, NOBODY)
    assert f"PATH: {lonely} has no pulumi-language-python beside it or on PATH" in capsys.readouterr().out


def test_a_link_on_path_finds_the_language_host_beside_its_target(machine) -> None:
    real = machine.pulumi("v3.260.0", machine.folder / "opt")
    link = machine.folder / "bin" / "pulumi"
    link.symlink_to(real)
    assert find_or_install(machine.checkout, machine.environ, NOBODY).path == link


def test_the_cache_on_path_is_still_the_cache(machine) -> None:
    machine.pulumi("v3.250.0", machine.checkout.cached_bin)
    environ = {**machine.environ, "PATH": f"{machine.checkout.cached_bin}:{machine.environ['PATH']}"}
    assert pulumi_cli.on_path(machine.checkout, environ) is None
    assert find_or_install(machine.checkout, environ, NOBODY).path == machine.checkout.cached_bin / "pulumi"


def test_the_persons_own_pulumi_home_is_not_used(machine) -> None:
    program = machine.pulumi("v3.250.0")
    program.write_text(program.read_text() + 'echo "$PULUMI_HOME" >> "$LOG"\n')
    find_or_install(machine.checkout, {**machine.environ, "PULUMI_HOME": "/theirs"}, NOBODY)
    assert machine.calls() == ["pulumi version", str(machine.checkout.pulumi_home)]


@pytest.mark.usefixtures("curl")
def test_the_official_installer_fills_the_cache_once(
    machine, serve, capsys: pytest.CaptureFixture[str]
) -> None:
    site = serve({"/install.sh": INSTALLER.format(log=machine.log, version="3.250.0").encode()})
    cli = find_or_install(machine.checkout, machine.environ, f"{site.url}/install.sh")
    assert cli == PulumiCli(machine.checkout.cached_bin / "pulumi", Version(3, 250, 0))
    assert not is_built_from_source(cli.path)
    (call,) = machine.calls()
    assert call.startswith("installer --version 3.250.0 --install-root ")
    assert (
        capsys.readouterr().out.splitlines()[-1] == f"pulumi    3.250.0 from official installer, {cli.path}"
    )
    assert find_or_install(machine.checkout, machine.environ, f"{site.url}/install.sh") == cli
    assert len(site.requests) == 1
    assert sorted(path.name for path in machine.checkout.cache.iterdir()) == ["bin", "lock"]


@pytest.mark.usefixtures("curl")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "/install.sh: curl: (22) The requested URL returned error: 404"),
        ("echo 'error: cannot reach the releases' >&2; exit 1", "error: cannot reach the releases"),
        ("exit 0", "does not run"),
        (INSTALLER, "is 3.100.0, 3.250.0 or newer is needed"),
    ],
    ids=["missing", "failing", "empty", "old"],
)
def test_a_broken_installer_leads_to_the_go_module(
    machine, serve, script: str | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.go()
    pages = {"/install.sh": script.format(log=machine.log, version="3.100.0").encode()} if script else {}
    cli = find_or_install(machine.checkout, machine.environ, f"{serve(pages).url}/install.sh")
    assert is_built_from_source(cli.path)
    shown = capsys.readouterr().out
    assert "pulumi    official installer: " in shown
    assert reason in shown


def archive(**programs: bytes) -> bytes:
    """What the releases serve: the programs in `pulumi/`; here also two files that want to lie elsewhere."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in {**programs, "../evil": b"", "../../evil": b""}.items():
            member = tarfile.TarInfo(f"pulumi/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


def test_without_curl_the_installers_archive_is_taken(
    machine, serve, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = {"pulumi": b"#!/bin/sh\necho v3.250.0\n", "pulumi-language-python": b"#!/bin/sh\n"}
    path = urlsplit(archive_url(NOBODY, "3.250.0")).path
    site = serve({path: archive(**programs)})
    cli = find_or_install(machine.checkout, machine.environ, f"{site.url}/install.sh")
    assert cli == PulumiCli(machine.checkout.cached_bin / "pulumi", Version(3, 250, 0))
    assert not is_built_from_source(cli.path)
    assert sorted(file.name for file in machine.checkout.cached_bin.iterdir()) == sorted(programs)
    assert list(machine.checkout.cache.parent.rglob("evil")) == []
    assert "3.250.0 from official installer" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"<html>", archive(pulumi=b"x" * 10_000)[:-200]])
def test_an_archive_that_is_none_leads_to_the_go_module(
    machine, serve, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.go()
    site = serve({urlsplit(archive_url(NOBODY, "3.250.0")).path: content})
    cli = find_or_install(machine.checkout, machine.environ, f"{site.url}/install.sh")
    assert is_built_from_source(cli.path)
    assert "official installer: it needs curl, which is not on PATH; without it: " in capsys.readouterr().out


def test_an_old_cached_cli_is_replaced(machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.go()
    machine.pulumi("v3.200.0", machine.checkout.cached_bin)
    (machine.checkout.cached_bin / "left").touch()
    assert find_or_install(machine.checkout, machine.environ, NOBODY).version == Version(3, 250, 0)
    assert not (machine.checkout.cached_bin / "left").exists()
    assert capsys.readouterr().out.count("is 3.200.0, 3.250.0 or newer is needed") == 1


def test_when_no_way_is_left_the_error_lists_them_and_what_to_install(machine) -> None:
    old = machine.pulumi("v3.100.0")
    with pytest.raises(SetupError) as error:
        find_or_install(machine.checkout, machine.environ, NOBODY)
    lines = str(error.value).splitlines()
    assert lines[0] == "There is no Pulumi CLI 3.250.0 or newer, and no way to one:"
    assert lines[1:3] == [
        f"  - PATH: {old} is 3.100.0, 3.250.0 or newer is needed",
        f"  - cache: there is no {machine.checkout.cached_bin / 'pulumi'}",
    ]
    address = archive_url(NOBODY, "3.250.0")
    assert lines[3].startswith(
        f"  - official installer: it needs curl, which is not on PATH; without it: {address}: "
    )
    assert lines[4] == f"  - Go module: there is no Go on PATH ({go_build.required_go()} or newer is needed)"
    assert "https://www.pulumi.com/docs/" in lines[6]
    assert "https://go.dev/doc/install" in lines[7]
    assert len(lines) == 8


def test_the_pins_agree() -> None:
    module = (Path(go_build.__file__).parent / "go" / "cli" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{pulumi_cli.INSTALLED}\n" in module.replace(" // indirect", "")
    assert Version.parse(pulumi_cli.INSTALLED) >= pulumi_cli.MINIMUM
    assert go_build.required_go() >= Version(1, 21, 0)
