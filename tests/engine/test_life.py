"""The whole life of an endpoint on the real engine."""

import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from support.project import Project, iris, plain, predict

pytestmark = pytest.mark.engine


def test_the_whole_life(project: Project) -> None:
    # preview: shows what comes, makes nothing
    preview = project.modelberth("preview")
    assert preview.returncode == 10, preview.stdout + preview.stderr
    assert "`iris` is new" in plain(preview.stdout)
    assert project.supervisors() == []

    # up
    url = project.up()["iris"]["url"]
    assert project.changes["create"] >= 4
    assert predict(url)["predictions"] == ["setosa"]
    (supervisor,) = project.supervisors()

    # up again: no change, nothing restarted
    before = project.process()
    assert project.up()["iris"]["url"] == url
    assert project.changes == {}
    assert project.process() == before
    assert [p.pid for p in project.supervisors()] == [supervisor.pid]

    # change, shown and applied in place
    project.configure(iris(limits={"max_body": "2Mi"}))
    preview = project.modelberth("preview")
    assert "hands over to new processes at the same address without a failed request" in plain(preview.stdout)
    assert "MODELBERTH_MAX_BODY_BYTES" in preview.stdout
    assert project.up()["iris"]["url"] == url
    assert project.changes == {"update": 2}  # the process, and what was asked of the endpoint
    assert (
        httpx.get(f"{url}/health/ready").json()["revision"]
        == project.process()["revision"]
        != before["revision"]
    )

    # killed: a refresh notices, the next up mends, at the same address
    for process in (*supervisor.children(), supervisor):
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs([supervisor], timeout=10)
    drift = project.run(
        "pulumi", "refresh", "--preview-only", "--expect-no-changes", "--stack", "dev", "--non-interactive"
    )
    assert drift.returncode == 7, drift.stdout
    assert project.up()["iris"]["url"] == url
    assert project.changes["create"] == 1
    assert predict(url)["predictions"] == ["setosa"]

    # destroy: nothing is left
    folder = Path(project.process()["directory"])
    assert folder.is_dir()
    assert project.modelberth("down").returncode == 0
    assert project.state() == []
    assert project.leftovers() == []
    assert not folder.exists()
    with socket.create_server(("127.0.0.1", urlsplit(url).port or 0)):
        pass


def test_the_state_of_an_answer_that_is_wrong_is_told_and_mended(project: Project) -> None:
    """Somebody restarts the server with other settings behind the engine's back."""
    url = project.up()["iris"]["url"]
    directory = Path(project.process()["directory"])
    (supervisor,) = project.supervisors()
    desired = (directory / "desired.json").read_text()
    revision = project.process()["revision"]
    (directory / "desired.json").write_text(
        desired.replace(revision, "somebody-els").replace('"serial": "', '"serial": "x')
    )
    supervisor.send_signal(signal.SIGHUP)
    for _ in range(400):
        if httpx.get(f"{url}/health/ready").json()["revision"] == "somebody-els":
            break
    else:
        pytest.fail("the stranger's settings were not taken up")
    (directory / "desired.json").write_text(desired)

    project.pulumi("refresh", "--yes", "--stack", "dev")
    assert project.process()["status"].startswith("unhealthy: answers as revision 'somebody-els'")
    assert project.up()["iris"]["url"] == url
    assert project.process()["status"] == "serving"
    assert httpx.get(f"{url}/health/ready").json()["revision"] == revision


def test_up_twice_says_so_and_prints_a_line_that_works(project: Project) -> None:
    first = project.modelberth("up")
    assert first.returncode == 0, first.stdout + first.stderr
    second = project.modelberth("up")
    assert "No change: the stack is as described." in second.stdout
    (curl,) = [
        line.partition("try")[2].strip()
        for line in second.stdout.splitlines()
        if line.strip().startswith("try ")
    ]
    (reply,) = [
        line.partition("reply")[2].strip()
        for line in second.stdout.splitlines()
        if line.strip().startswith("reply ")
    ]
    assert '{"input": [[5.1, 3.5, 1.4, 0.2]]}' in curl  # the model's own example
    called = project.run("sh", "-c", curl)
    assert called.returncode == 0
    assert called.stdout == reply
    assert '"setosa"' in plain(reply)
