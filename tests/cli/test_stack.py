"""What the command knows of a stack before it starts the engine."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from modelberth.cli.engine import Engine
from modelberth.cli.failure import Exit, Failure
from modelberth.cli.recovery import release_stale_lock, require_unlocked, restore_state
from modelberth.cli.stack import Stack, open_stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    folder = tmp_path / "a project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("description: x\nname: shop\n")
    (folder / "Pulumi.dev.yaml").write_text(
        "# mine\nconfig:\n  shop:endpoints: []\nencryptionsalt: v1:theirs\n"
    )
    monkeypatch.setenv("PULUMI_BACKEND_URL", (folder / ".state").as_uri())
    return Stack.find("dev", folder)


def test_it_is_found_from_below(stack: Stack) -> None:
    below = stack.folder / "stacks" / "deep"
    below.mkdir(parents=True)
    assert Stack.find("dev", below) == stack
    assert stack.project == "shop"


def test_the_engine_gets_a_copy_without_another_clones_salt(stack: Stack) -> None:
    before = stack.file.read_text()
    copy = stack.config()
    assert copy.read_text() == "# mine\nconfig:\n  shop:endpoints: []\n"
    copy.write_text(copy.read_text() + "encryptionsalt: v1:ours\n")  # as the engine does
    stack.file.write_text("config: {}")
    assert stack.config().read_text() == "config: {}\nencryptionsalt: v1:ours\n"
    stack.file.write_text(before)
    assert stack.config().read_text().endswith("encryptionsalt: v1:ours\n")
    assert stack.file.read_text() == before


def test_a_stack_that_was_made_without_us_keeps_its_own_salt(stack: Stack) -> None:
    write_state(stack, state())
    assert stack.config().read_text().endswith("encryptionsalt: v1:theirs\n")


def write_lock(stack: Stack, pid: int, host: str) -> Path:
    assert stack.lock_folder is not None
    stack.lock_folder.mkdir(parents=True)
    lock = stack.lock_folder / "x.json"
    lock.write_text(json.dumps({"pid": pid, "username": "jo", "hostname": host, "timestamp": "2026-11-01"}))
    return lock


class NoEngine(Engine):
    """Fails the test where it is used at all."""

    def __init__(self) -> None:
        pass


def test_no_lock_is_nothing_to_do(stack: Stack) -> None:
    assert release_stale_lock(stack, NoEngine()) == ""


def test_a_lock_of_another_machine_is_never_broken(stack: Stack) -> None:
    write_lock(stack, 1, "elsewhere")
    with pytest.raises(Failure, match="process 1 of jo on elsewhere, since 2026-11-01") as failure:
        release_stale_lock(stack, NoEngine())
    assert failure.value.status == Exit.LOCKED


def test_a_lock_whose_process_number_belongs_to_someone_else_is_stale(stack: Stack) -> None:
    write_lock(stack, os.getpid(), socket.gethostname())
    assert "pulumi" not in psutil.Process().name()
    released = []

    class Recording(NoEngine):
        def do(self, *arguments: str, status: Exit, why: str, cwd: Path | None = None) -> None:
            released.append(arguments)

    assert f"process {os.getpid()} left behind" in release_stale_lock(stack, Recording())
    assert released == [("cancel", "--yes", "dev")]


def test_a_system_without_ps_will_do(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    write_lock(stack, 2**22 + 1, socket.gethostname())  # over the highest process number of Linux and macOS
    assert require_unlocked(stack) == [json.loads((stack.lock_folder / "x.json").read_text())]  # type: ignore[operator]


def test_a_lock_of_a_living_engine_is_respected(stack: Stack, tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    engine.symlink_to(shutil.which("sleep") or "")
    with subprocess.Popen([engine, "60"]) as running:
        while psutil.Process(running.pid).name() != "pulumi":
            pass  # the kernel names it a moment after it was started
        write_lock(stack, running.pid, socket.gethostname())
        with pytest.raises(Failure, match=f"process {running.pid} of jo") as failure:
            require_unlocked(stack)
        running.kill()
    assert failure.value.status == Exit.LOCKED


def test_a_lock_file_that_is_damaged_is_named(stack: Stack) -> None:
    lock = write_lock(stack, 1, "here")
    lock.write_text("{")
    with pytest.raises(Failure, match="is damaged; remove it") as failure:
        release_stale_lock(stack, NoEngine())
    assert failure.value.status == Exit.STATE


def test_a_state_without_a_sound_backup_is_left_alone(stack: Stack) -> None:
    assert stack.state_file is not None
    stack.state_file.parent.mkdir(parents=True)
    stack.state_file.write_text("{")
    stack.state_file.with_suffix(".json.bak").write_text("{")
    with pytest.raises(Failure, match="and so is the one before it"):
        restore_state(stack)
    assert stack.state_file.read_text() == "{"


@pytest.mark.parametrize(
    ("name", "message", "status"),
    [
        ("Dev", "lower-case letters", Exit.USAGE),
        ("../dev", "lower-case letters", Exit.USAGE),
        ("prod", "given 'prod', allowed: dev; no Pulumi.prod.yaml", Exit.NO_STACK),
    ],
)
def test_a_stack_that_is_not(stack: Stack, name: str, message: str, status: Exit) -> None:
    with pytest.raises(Failure, match=message) as failure:
        Stack.find(name, stack.folder)
    assert failure.value.status == status


def test_a_folder_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(Failure, match="this folder was removed") as failure:
        open_stack("dev")
    assert failure.value.status is Exit.USAGE


def test_a_stack_of_another_revision_has_no_file_here(stack: Stack) -> None:
    assert Stack.find("prod", stack.folder, file=False).name == "prod"


def write_state(stack: Stack, text: str) -> None:
    assert stack.state_file is not None
    stack.state_file.parent.mkdir(parents=True)
    stack.state_file.write_text(text)


def state(*, version: int = 3, contract: object = 1) -> str:
    outputs = {"endpoints": {"iris": {"contract_version": contract}}}
    resources = [{"type": "pulumi:pulumi:Stack", "outputs": outputs}]
    return json.dumps({"version": version, "checkpoint": {"latest": {"resources": resources}}})


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"checkpoint": {}}', '{"version": "x", "checkpoint": {}}']
)
def test_a_damaged_state_is_told_with_the_way_out(stack: Stack, text: str) -> None:
    write_state(stack, text)
    with pytest.raises(Failure, match=r"is damaged: .* `modelberth recover --stack dev`") as failure:
        stack.require_readable(NoEngine())
    assert failure.value.status is Exit.STATE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (state(version=5), "made by a newer engine: format 5, this one reads up to 4. Update the Pulumi CLI"),
        (state(contract=2), "made by a newer modelberth: contract 2, this one writes 1. Update modelberth"),
    ],
)
def test_a_state_of_a_newer_version_is_refused(stack: Stack, text: str, message: str) -> None:
    write_state(stack, text)
    with pytest.raises(Failure, match=message) as failure:
        stack.require_readable(NoEngine())
    assert failure.value.status is Exit.NEWER


@pytest.mark.parametrize("contract", [1, None, "x"])
def test_a_state_of_this_version_is_read(stack: Stack, contract: object) -> None:
    assert not stack.require_readable(NoEngine())
    write_state(stack, state(contract=contract))
    assert stack.require_readable(NoEngine())
