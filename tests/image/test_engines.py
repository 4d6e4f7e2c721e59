import os
from pathlib import Path

import pytest

from console import SetupError
from engines import ENGINES, Build, Engine, choose

BUILD = Build(Path("Dockerfile"), Path("context"), "localhost/server:1", {"BASE": "python@sha256:0"}, epoch=7)


def program(folder: Path, name: str, *, works: bool) -> None:
    path = folder / name
    path.write_text("#!/bin/sh\n" + ("exit 0\n" if works else "echo 'no daemon here' >&2; exit 1\n"))
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"docker": True, "podman": True, "buildah": True}, "docker"),
        ({"docker": False, "podman": True, "buildah": True}, "podman"),
        ({"podman": False, "buildah": True}, "buildah"),
        ({"buildah": True}, "buildah"),
    ],
)
def test_the_first_engine_that_works_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: dict[str, bool], chosen: str
) -> None:
    for name, works in there.items():
        program(tmp_path, name, works=works)

    assert choose(None, {"PATH": str(tmp_path)}).name == chosen
    said = capsys.readouterr().out
    assert f"with {chosen}" in said
    for name in ENGINES[: ENGINES.index(chosen)]:
        assert f"{name}: {'no daemon here' if name in there else 'not on PATH'}" in said


def test_no_engine_is_an_error_that_says_why_of_each(tmp_path: Path) -> None:
    program(tmp_path, "docker", works=False)

    with pytest.raises(SetupError) as raised:
        choose(None, {"PATH": str(tmp_path)})

    assert str(raised.value).splitlines()[1:] == [
        "  - docker: no daemon here",
        "  - podman: not on PATH",
        "  - buildah: not on PATH",
    ]


def test_an_engine_that_was_asked_for_is_not_replaced(tmp_path: Path) -> None:
    program(tmp_path, "buildah", works=True)

    with pytest.raises(SetupError, match="podman: not on PATH"):
        choose("podman", {"PATH": str(tmp_path)})


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_is_told_the_time_the_base_and_the_dockerfile(name: str) -> None:
    command = Engine(name).build_command(BUILD, Path("image.tar"))

    assert command[0] == name
    assert command[-5:] == ["--tag", "localhost/server:1", "--file", "Dockerfile", "context"]
    assert "--build-arg BASE=python@sha256:0 --build-arg SOURCE_DATE_EPOCH=7" in " ".join(command)
    if name == "docker":
        assert "type=oci,dest=image.tar,rewrite-timestamp=true" in command
    else:
        assert command[command.index("--timestamp") + 1] == "7"


def test_the_flags_of_a_restricted_host_come_where_each_belongs() -> None:
    environ = {
        "MODELBERTH_ENGINE_FLAGS": "--storage-driver vfs",
        "MODELBERTH_BUILD_FLAGS": "--isolation chroot",
        "MODELBERTH_RUN_FLAGS": "--ulimit 'nofile=1024:1024'",
    }
    engine = Engine.of("podman", environ)

    build = engine.build_command(BUILD, Path("image.tar"))
    run = engine.run_command("image", "name", ["--detach"], "serve")

    assert build[:4] == ["podman", "--storage-driver", "vfs", "build"]
    assert build[build.index("--isolation") + 1] == "chroot"
    assert run[:4] == ["podman", "--storage-driver", "vfs", "run"]
    assert run[-5:] == ["--ulimit", "nofile=1024:1024", "--detach", "image", "serve"]
    assert Engine.of("podman", {}) == Engine("podman")


def test_a_container_is_run_without_rights() -> None:
    command = " ".join(Engine("docker").run_command("image", "name"))

    assert "--read-only --tmpfs /tmp --cap-drop=ALL --security-opt no-new-privileges" in command


def test_buildah_runs_nothing_and_says_what_does() -> None:
    with pytest.raises(SetupError, match="install podman or Docker"):
        Engine("buildah").run_command("image", "name")


def test_a_build_that_fails_shows_the_end_of_its_output(tmp_path: Path) -> None:
    path = tmp_path / "buildah"
    path.write_text("#!/bin/sh\necho 'Error: no such base' >&2\nexit 125\n")
    path.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    with pytest.raises(SetupError, match="ended with code 125:\nError: no such base"):
        Engine(str(path)).build(BUILD, tmp_path / "image.tar", environ)
