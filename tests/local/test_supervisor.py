"""The supervisor on a fake server: real processes, sockets and signals."""

import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from modelberth.local.listener import is_free
from support.supervised import FAKE_SERVER, Supervised, get


def test_it_serves_and_ends_without_a_trace(supervised: Supervised) -> None:
    desired = supervised.desire()
    process = supervised.start()
    status = supervised.serving(desired)
    children = supervised.children()

    assert get(status.port)["revision"] == "one"
    assert supervised.directory.supervisor() == process.pid
    assert len(children) == 1

    process.terminate()
    assert process.wait(10) == 0
    assert supervised.directory.supervisor() is None
    assert is_free(status.port)
    assert not psutil.pid_exists(children[0])


def test_a_replica_that_dies_is_started_again_and_callers_wait_meanwhile(supervised: Supervised) -> None:
    desired = supervised.desire()
    supervised.start()
    port = supervised.serving(desired).port
    first = get(port)["pid"]

    with pytest.raises(httpx.HTTPError):
        get(port, "/die")
    second = get(port)["pid"]  # the connection waits in the socket's queue; it is not refused

    assert second != first
    assert supervised.wait(lambda status: status.restarts == 1).phase == "serving"
    assert "ended with exit status -9" in supervised.log


def test_a_program_that_is_gone_is_tried_again_until_it_is_back(
    supervised: Supervised, tmp_path: Path
) -> None:
    """Somebody rebuilds the virtual environment while the endpoint runs."""
    interpreter = tmp_path / "python"
    interpreter.symlink_to(sys.executable)
    desired = supervised.desire(command=(str(interpreter), str(FAKE_SERVER)))
    supervised.start()
    port = supervised.serving(desired).port
    interpreter.rename(tmp_path / "elsewhere")
    with pytest.raises(httpx.HTTPError):
        get(port, "/die")
    deadline = time.monotonic() + 10
    while "cannot be started: No such file" not in supervised.log and time.monotonic() < deadline:
        time.sleep(0.02)
    (tmp_path / "elsewhere").rename(interpreter)
    assert get(port)["revision"] == "one"
    assert "cannot be started: No such file" in supervised.log


def test_the_pause_before_a_restart_grows(supervised: Supervised) -> None:
    desired = supervised.desire()
    supervised.start()
    port = supervised.serving(desired).port
    for _ in range(3):
        with pytest.raises(httpx.HTTPError):
            get(port, "/die")
    supervised.wait(lambda status: status.restarts == 3)
    pauses = [
        line.rpartition(" in ")[2] for line in supervised.log.splitlines() if "starting it again" in line
    ]
    assert pauses == ["0.1 s", "0.2 s", "0.4 s"]


def test_a_change_reaches_callers_without_a_failed_request(supervised: Supervised) -> None:
    first = supervised.desire("one")
    supervised.start()
    port = supervised.serving(first).port
    answers: list[str] = []
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            answers.append(get(port)["revision"])

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    second = supervised.desire("two", FAKE_START_SECONDS="0.2")
    supervised.change()
    supervised.serving(second)
    after = len(answers) + len(callers)  # those under way when the status was read may be of either
    time.sleep(0.2)
    stop.set()
    for caller in callers:
        caller.join(10)

    assert set(answers) == {"one", "two"}
    assert len(answers) > after
    assert set(answers[after:]) == {"two"}


def test_a_change_that_does_not_start_leaves_the_old_one_serving(supervised: Supervised) -> None:
    first = supervised.desire("one")
    supervised.start()
    port = supervised.serving(first).port
    bad = supervised.desire("two", FAKE="fail")
    supervised.change()
    status = supervised.wait(lambda status: status.failed_serial == bad.serial)

    assert status.failure == "the model is no good"
    assert (status.phase, status.revision) == ("serving", "one")
    assert get(port)["revision"] == "one"
    assert len(supervised.children()) == 1


def test_one_that_is_never_ready_is_given_up(supervised: Supervised) -> None:
    desired = supervised.desire(FAKE="hang", STARTUP_TIMEOUT="0.5")
    process = supervised.start()
    status = supervised.wait(lambda status: status.failed_serial == desired.serial)
    assert status.phase == "failed"
    assert "not ready within limits.startup_timeout = 0.5 s" in status.failure
    assert process.wait(10) == 1


def test_a_port_that_is_taken_is_named(supervised: Supervised) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        desired = supervised.desire(port=port)
        process = supervised.start()
        status = supervised.wait(lambda status: status.failed_serial == desired.serial)
        assert f"target.port: given {port}" in status.failure
        assert process.wait(10) == 1


def test_a_new_port_is_opened_before_the_old_one_closes(supervised: Supervised) -> None:
    first = supervised.desire("one")
    supervised.start()
    old = supervised.serving(first).port
    with socket.create_server(("127.0.0.1", 0)) as probe:
        new = probe.getsockname()[1]
    second = supervised.desire("two", port=new)
    supervised.change()
    assert supervised.serving(second).port == new
    assert get(new)["revision"] == "two"
    assert is_free(old)


def test_the_port_stays_over_a_restart_of_the_supervisor(supervised: Supervised) -> None:
    desired = supervised.desire()
    process = supervised.start()
    port = supervised.serving(desired).port
    process.terminate()
    process.wait(10)
    again = supervised.desire()
    with socket.create_server(("127.0.0.1", again.preferred_port)) if port != 21000 else socket.socket():
        supervised.start()
        assert supervised.serving(again).port == port


def test_replicas_share_the_port(supervised: Supervised) -> None:
    desired = supervised.desire(replicas=3)
    supervised.start()
    port = supervised.serving(desired).port
    seen = {get(port)["pid"] for _ in range(200)}
    assert seen <= set(supervised.children())
    assert len(supervised.children()) == 3


def test_no_server_outlives_a_killed_supervisor(supervised: Supervised) -> None:
    desired = supervised.desire(replicas=2)
    process = supervised.start()
    port = supervised.serving(desired).port
    children = supervised.children()
    process.kill()
    process.wait(10)
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in children if psutil.pid_exists(pid)] == []
    assert len(children) == 2
    assert supervised.directory.supervisor() is None
    assert is_free(port)


def test_it_ends_when_its_folder_is_gone(supervised: Supervised) -> None:
    desired = supervised.desire()
    process = supervised.start()
    port = supervised.serving(desired).port
    shutil.rmtree(supervised.directory.path)
    assert process.wait(15) == 0
    assert is_free(port)


def test_a_second_supervisor_stands_back(supervised: Supervised) -> None:
    desired = supervised.desire()
    first = supervised.start()
    supervised.serving(desired)
    second = supervised.start()
    assert second.wait(10) == 0
    assert supervised.directory.supervisor() == first.pid
    assert "another supervisor runs in this folder" in supervised.log


def test_a_stop_ends_a_start_that_is_under_way(supervised: Supervised) -> None:
    supervised.desire(FAKE="hang")
    process = supervised.start()
    for _ in range(500):
        if process.poll() is None and supervised.children():
            break
        time.sleep(0.01)
    children = supervised.children()
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(10) == 1
    assert len(children) == 1
    assert not psutil.pid_exists(children[0])


def test_a_long_log_is_cut_and_its_last_piece_kept(supervised: Supervised) -> None:
    desired = supervised.desire()
    supervised.start()
    port = supervised.serving(desired).port
    with supervised.directory.log_file.open("a") as log:
        log.write("x" * (10 * 2**20 + 1))
    deadline = time.monotonic() + 10
    while supervised.directory.log_file.stat().st_size > 2**20 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert supervised.directory.log_file.stat().st_size < 2**20
    assert (supervised.directory.path / "server.log.1").stat().st_size > 10 * 2**20
    assert get(port)["revision"] == "one"
