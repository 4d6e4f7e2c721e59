from __future__ import annotations

import threading
from pathlib import Path

import pytest

import go_build
from console import SetupError
from pulumi_cli import PulumiCli, find_or_install, is_built_from_source
from versions import Version

NOBODY = "http://127.0.0.1:9/install.sh"  # the discard port: nothing listens there


def test_the_build_is_pinned_complete_and_done_once(machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.go()
    environ = {**machine.environ, "GOOS": "plan9", "GOWORK": "/elsewhere/go.work"}
    cli = find_or_install(machine.checkout, environ, NOBODY)
    assert is_built_from_source(cli.path)
    assert cli.version == Version(3, 250, 0)
    calls = machine.calls()
    builds = [call for call in calls if call.startswith("go build")]
    assert len(builds) == 2
    assert all(" -mod=readonly " in build for build in builds)
    assert "version.Version=v3.250.0" in builds[0]
    assert builds[0].endswith(" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
    assert builds[1].endswith(" github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python")
    environments = {call for call in calls if call.startswith("go environment")}
    assert environments == {"go environment: cgo=0 workspace=off os="}
    executor = machine.checkout.cached_bin / "pulumi-language-python-exec"
    assert executor.read_text() == (
        'import the program\nif __name__ == "__main__":\n'
        "    import signal\n\n    signal.signal(signal.SIGINT, signal.SIG_DFL)\n    run()\n"
    )
    assert executor.stat().st_mode & 0o777 == 0o755
    assert "pulumi    building v3.250.0 with Go 1.26.8: once for all checkouts" in capsys.readouterr().out

    assert find_or_install(machine.checkout, environ, NOBODY) == cli
    assert machine.calls() == []


def test_two_checkouts_at_once_build_once(machine) -> None:
    machine.go()
    found: list[PulumiCli] = []

    def set_up() -> None:
        found.append(find_or_install(machine.checkout, machine.environ, NOBODY))

    threads = [threading.Thread(target=set_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert sum(call.startswith("go build") for call in machine.calls()) == 2


def test_an_old_go_that_fetches_its_own_toolchain_is_used(machine) -> None:
    machine.go(version="go1.21.0", toolchain="auto")
    assert is_built_from_source(find_or_install(machine.checkout, machine.environ, NOBODY).path)


@pytest.mark.parametrize(
    ("version", "toolchain"), [("go1.24.9", "local"), ("go1.19.8", "auto"), ("not a version", "auto")]
)
def test_a_go_that_cannot_build_it_is_told(machine, version: str, toolchain: str) -> None:
    machine.go(version=version, toolchain=toolchain)
    with pytest.raises(SetupError) as error:
        find_or_install(machine.checkout, machine.environ, NOBODY)
    expected = (
        f"Go {version[2:]}, {go_build.required_go()} or newer" if version.startswith("go") else "no version"
    )
    assert expected in str(error.value)
    assert not any(call.startswith("go build") for call in machine.calls())


def test_a_failed_build_leaves_the_cache_as_it_was(machine) -> None:
    machine.go(failure="echo compiling; echo 'no space left on device' >&2; exit 1")
    old = machine.pulumi("v3.200.0", machine.checkout.cached_bin)
    with pytest.raises(SetupError, match="no space left on device"):
        find_or_install(machine.checkout, machine.environ, NOBODY)
    assert old.exists()
    assert sorted(path.name for path in machine.checkout.cache.iterdir()) == ["bin", "lock"]


@pytest.mark.parametrize("module", ["cli", "language-python"])
def test_every_go_module_is_pinned_by_hash(module: str) -> None:
    folder = Path(go_build.__file__).parent / "go" / module
    lines = [line.split() for line in (folder / "go.mod").read_text().splitlines() if line.startswith("\t")]
    required = {f"{name} {version}/go.mod" for name, version, *_ in lines}
    hashed = {
        line.rpartition(" ")[0] for line in (folder / "go.sum").read_text().splitlines() if " h1:" in line
    }
    replaced = {"github.com/atotto/clipboard v0.1.4/go.mod"}
    assert required - hashed <= replaced
    assert len(required) > 50
