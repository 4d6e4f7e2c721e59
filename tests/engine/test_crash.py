"""`kill -9` of the engine at several points: the next `up` converges, and no process is there twice."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.project import Project, engine_of, iris, predict

pytestmark = pytest.mark.engine


def locked(project: Project) -> bool:
    return any((project.folder / ".state/backend/.pulumi/locks").rglob("*.json"))


def asked_for(project: Project) -> bool:
    return any((project.folder / ".state/local").glob("*/desired.json"))


def supervised(project: Project) -> bool:
    return bool(project.supervisors())


def serving(project: Project) -> bool:
    return any((project.folder / ".state/local").glob("*/status.json"))


def kill_when(project: Project, reached: Callable[[Project], bool], command: str) -> None:
    """Run `modelberth up` or `down`; kill the engine, and only it, as soon as the point is reached."""
    operation = {"up": "up", "down": "destroy"}[command]
    with project.start("modelberth", command) as running:
        deadline = time.monotonic() + 60
        engine = None
        while engine is None or not reached(project):
            assert running.poll() is None, running.communicate()[0]
            assert time.monotonic() < deadline
            engine = engine or engine_of(running.pid, operation)
            time.sleep(0.005)
        engine.kill()
        running.communicate(timeout=60)
    assert running.returncode != 0


def assert_converged(project: Project, revision: str | None = None) -> None:
    """One supervisor, one replica, no lock, nothing pending, and a right answer."""
    deadline = time.monotonic() + 20
    while len(project.leftovers()) > 2 and time.monotonic() < deadline:
        time.sleep(0.1)  # what the killed engine started ends by itself
    (supervisor,) = project.supervisors()
    assert len(supervisor.children()) == 1
    assert len(project.leftovers()) == 2, project.leftovers()
    assert not locked(project)
    exported = json.loads(project.pulumi("stack", "export", "--stack", "dev").stdout)["deployment"]
    assert not exported.get("pending_operations")
    assert len([r for r in exported["resources"] if r["type"] == "modelberth:local:Process"]) == 1
    process = project.process()
    assert process["status"] == "serving"
    assert revision is None or process["revision"] == revision
    assert predict(process["url"])["predictions"] == ["setosa"]


@pytest.mark.parametrize("point", [locked, asked_for, supervised, serving])
def test_a_create_that_was_cut_off(project: Project, point: Callable[[Project], bool]) -> None:
    kill_when(project, point, "up")
    project.up()
    assert_converged(project)


def test_a_create_that_was_cut_off_and_is_no_longer_wanted(project: Project) -> None:
    kill_when(project, asked_for, "up")
    project.configure(iris(name="other"))
    project.up()
    (supervisor,) = project.supervisors()
    assert supervisor.cmdline()[-1].endswith("modelberth-dev-other")
    assert [d.name for d in (project.folder / ".state/local").iterdir()] == ["modelberth-dev-other"]


def test_metadata_of_the_state_that_was_torn(project: Project) -> None:
    project.up()
    stacks = project.folder / ".state/backend/.pulumi/stacks/modelberth"
    (stacks / "dev.json.attrs").write_bytes(b"")
    broken = project.run("pulumi", "stack", "--stack", "dev", "--non-interactive")
    assert "failed to load checkpoint" in broken.stderr  # the fault is real: the engine alone gives up here
    project.up()
    assert_converged(project)


def test_an_update_that_was_cut_off(project: Project) -> None:
    project.up()
    before = project.process()["revision"]
    project.configure(iris(limits={"max_body": "2Mi"}))
    desired = Path(project.process()["directory"]) / "desired.json"
    written = desired.stat().st_mtime_ns
    kill_when(project, lambda _: desired.stat().st_mtime_ns != written, "up")
    project.up()
    assert_converged(project)
    assert project.process()["revision"] != before


def test_a_destroy_that_was_cut_off(project: Project) -> None:
    project.up()
    kill_when(project, locked, "down")
    assert project.modelberth("down").returncode == 0
    assert project.state() == []
    assert project.supervisors() == []


def test_a_damaged_state_is_told_and_put_back(project: Project) -> None:
    project.up()
    project.configure(iris(limits={"max_body": "2Mi"}))
    project.up()
    state = project.folder / ".state/backend/.pulumi/stacks/modelberth/dev.json"
    state.write_bytes(state.read_bytes()[:900])

    told = project.modelberth("up")
    assert told.returncode == 4
    assert "is damaged" in told.stderr
    assert "modelberth recover --stack dev" in told.stderr

    recovered = project.modelberth("recover")
    assert recovered.returncode == 0, recovered.stderr
    assert "put the state before the damaged one back" in recovered.stdout
    project.up()
    assert_converged(project)
