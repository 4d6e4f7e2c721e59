"""From start to ready, and the tie to a supervisor."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from serving.models import ModelFile
from serving.processes import Launch, predict, wait_until

FLOWER = [[5.1, 3.5, 1.4, 0.2]]

# The server, with a model that takes until a file appears to load.
GATED = """
import sys, time
from pathlib import Path
from modelberth_server import __main__
from modelberth_server.process import versions
load = versions.load
def gated(*arguments):
    while not Path({gate!r}).exists():
        time.sleep(0.01)
    return load(*arguments)
versions.load = gated
sys.argv = ["modelberth_server"]
sys.exit(__main__.main())
"""


# The server, which tells of each garbage collection.
COLLECTIONS = """
import gc, runpy, sys
def told(phase, _):
    if phase == "stop":
        print("collection, enabled:", gc.isenabled(), file=sys.stderr, flush=True)
gc.collect()
gc.callbacks.append(told)
sys.argv = ["modelberth_server"]
runpy.run_module("modelberth_server", run_name="__main__", alter_sys=True)
"""


def test_imports_are_not_searched_for_garbage_and_what_follows_is(iris: ModelFile, launch: Launch) -> None:
    server = launch(iris.environ(), code=COLLECTIONS)
    server.wait_until_ready()
    server.wait_for_log("collection, enabled: True\n")
    start = server.log.partition("listening on ")[0]
    # Some hundred, where it is not kept from it.
    assert start.count("collection, ") <= 3, start


def test_health_answers_while_the_model_loads(iris: ModelFile, launch: Launch, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    server = launch(iris.environ(MODELBERTH_REVISION="r1"), code=GATED.format(gate=str(gate)))
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/health/live").status_code == 200
        loading = client.get("/health/ready")
        assert (loading.status_code, loading.json()["status"]) == (503, "loading")
        assert loading.json()["revision"] == "r1"
        for path in ("/v2/health/ready", "/v2/models/model/ready"):
            assert (client.get(path).status_code, client.get(path).json()["ready"]) == (503, False)
        for early in (predict(client, FLOWER), client.get("/v2/models/model")):
            assert (early.status_code, early.json()) == (503, {"error": "the model is loading"})
            assert early.headers["retry-after"] == "1"
        gate.touch()
        server.wait_until_ready()
        assert client.get("/health/ready").json()["status"] == "ready"
        assert predict(client, FLOWER).json()["predictions"] == ["setosa"]


def test_an_inherited_socket_is_left_alone_until_the_model_is_ready(
    iris: ModelFile, launch: Launch, tmp_path: Path
) -> None:
    """A request that comes early waits and is answered: nobody sees a 503 or a refused connection."""
    gate = tmp_path / "gate"
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = "http://{}:{}".format(*sock.getsockname())
        server = launch(
            iris.environ(MODELBERTH_LISTEN_FD=str(sock.fileno()), HOST="203.0.113.1"),
            inherited=(sock.fileno(),),
            code=GATED.format(gate=str(gate)),
        )
        answers: list[httpx.Response] = []

        def ask() -> None:
            with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
                answers.append(predict(client, FLOWER))

        asking = threading.Thread(target=ask)
        asking.start()
        gate.touch()
        asking.join()
        assert [answer.status_code for answer in answers] == [200]
        server.terminate()
        assert server.exit_status() == 0


@pytest.mark.parametrize("inherited", [False, True])
def test_a_model_that_is_refused_ends_the_server(iris: ModelFile, launch: Launch, inherited: bool) -> None:
    environ = iris.environ(MODELBERTH_MODEL_SHA256="0" * 64)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        if inherited:
            environ["MODELBERTH_LISTEN_FD"] = str(sock.fileno())
        server = launch(environ, inherited=(sock.fileno(),))
        assert server.exit_status() == 3
    last = server.log.splitlines()[-1]
    assert last.startswith("error: MODELBERTH_MODEL_PATH: ")
    assert "check MODELBERTH_MODEL_SHA256" in last
    assert "Traceback" not in server.log


def test_a_signal_while_the_model_loads_ends_the_server(
    iris: ModelFile, launch: Launch, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    server = launch(iris.environ(), code=GATED.format(gate=str(gate)))
    server.wait_for_log("listening on ")
    server.terminate()
    server.wait_for_log("draining")
    gate.touch()
    assert server.exit_status() == 0
    assert "ready: model" not in server.log


@pytest.mark.parametrize("moment", ["listening", "load", "rehearse", "references", "admin"])
def test_a_signal_at_any_moment_of_the_start_ends_the_server_in_silence(
    iris: ModelFile, launch: Launch, tmp_path: Path, moment: str
) -> None:
    """What it has begun is given up: nothing of that is an error."""
    gate = tmp_path / "gate"
    code = GATED.format(gate=str(gate))
    gated = moment in {"load", "rehearse", "references"}
    if gated:
        code = code.replace("versions.load", f"versions.{moment}")
        code = code.replace("not Path", "print('held', file=sys.stderr, flush=True) or not Path")
    server = launch(iris.environ(MODELBERTH_ADMIN_PORT="0"), code=code if gated else None)
    server.wait_for_log({"admin": "admin routes on ", "listening": "listening on "}.get(moment, "held"))
    server.terminate()
    if gated:
        server.wait_for_log("draining")
        gate.touch()
    assert server.exit_status() == 0
    for word in ("ERROR", "Traceback", "never retrieved", "CancelledError"):
        assert word not in server.log, server.log


def test_a_socket_to_the_supervisor_hears_the_news(iris: ModelFile, launch: Launch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile() as news:
        server = launch(
            iris.environ(MODELBERTH_LIFELINE_FD=str(theirs.fileno())), inherited=(theirs.fileno(),)
        )
        theirs.close()
        assert news.readline() == "ready\n"
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert predict(client, FLOWER).status_code == 200
        server.terminate()
        assert news.readline() == "draining\n"
        assert news.readline() == ""
    assert server.exit_status() == 0


def test_the_end_of_a_pipe_drains_the_server(iris: ModelFile, launch: Launch) -> None:
    read, write = os.pipe()
    server = launch(iris.environ(MODELBERTH_LIFELINE_FD=str(read)), inherited=(read,))
    os.close(read)
    os.write(write, b"still here")
    server.wait_until_ready()
    assert server.process.poll() is None
    os.close(write)
    assert server.exit_status() == 0
    assert "the supervisor is gone" in server.log


def test_no_server_outlives_a_killed_parent(iris: ModelFile, tmp_path: Path) -> None:
    parent = textwrap.dedent("""
        import os, subprocess, sys, time
        read, write = os.pipe()
        environ = {**os.environ, "MODELBERTH_LIFELINE_FD": str(read)}
        child = subprocess.Popen([sys.executable, "-m", "modelberth_server"], env=environ, pass_fds=(read,))
        print(child.pid, flush=True)
        time.sleep(600)
    """)
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", parent],
            env=iris.environ(HOST="127.0.0.1", PORT="0"),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout
    with process, process.stdout as output:
        server = psutil.Process(int(output.readline()))
        try:
            wait_until(lambda: "ready: model" in log.read_text(), log.read_text)
            process.send_signal(signal.SIGKILL)
            wait_until(lambda: has_ended(server), lambda: f"the server still runs: {server}")
        finally:
            if not has_ended(server):
                server.kill()


def has_ended(process: psutil.Process) -> bool:
    """A zombie has ended; where nothing reaps orphans it stays one."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
