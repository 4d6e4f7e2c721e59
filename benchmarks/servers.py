"""The model server: how soon a new process answers, and how long an update takes to hand over."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from comparison import Comparison, Race
from modelberth.provider.local_process import LocalProcess
from modelberth.provider.model_file import SERVER, sha256
from modelberth.provider.resource import Settings
from scratch import Scratch
from timing import BenchmarkError, Cost, timed

__all__ = ["compare"]

_MODEL = "models/iris/model.onnx"
_ROWS, _CLASSES = [[5.1, 3.5, 1.4, 0.2]], ["setosa"]
_IMPORT = "import onnxruntime"
_ANSWER = "server start to first right answer"
_HAND_OVER = "update to hand-over"
_TIMEOUT = 60


def compare(scratch: Scratch, rounds: int) -> Iterator[Comparison]:
    """Against the import of the runtime alone, the part of a start that is not ours.

    Raises:
        BenchmarkError: the model is not served.
    """
    root = scratch.endpoints.folder
    process = LocalProcess(Settings(root, root / ".state" / "benchmark"))
    checked = process.check({"name": "benchmark", "model": _MODEL}, {})
    if checked.failures:
        raise BenchmarkError(checked.failures[0].reason)
    created = process.create(checked.inputs, 0)
    try:
        race = Race.run(
            {
                _ANSWER: lambda: _first_answer(root / _MODEL),
                _HAND_OVER: _hand_over(process, dict(created.inputs), dict(created.outputs)),
                _IMPORT: lambda: timed([sys.executable, "-c", _IMPORT]).cost,
            },
            rounds,
        )
    finally:
        process.delete(created.id, created.outputs, 0)
    yield race.compare(_ANSWER, _IMPORT)
    yield race.compare(_HAND_OVER, _IMPORT)


def _first_answer(model: Path) -> Cost:
    """From the start of the process to an answer; the request waits in the socket's queue, nothing polls."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environ = {
            "PATH": os.environ["PATH"],
            "MODELBERTH_MODEL_PATH": str(model),
            "MODELBERTH_MODEL_SHA256": sha256(model),
            "MODELBERTH_LISTEN_FD": str(listener.fileno()),
        }
        began = time.perf_counter()
        server = subprocess.Popen(
            SERVER, env=environ, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL
        )
        try:
            host, port = listener.getsockname()
            connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
            connection.request("POST", "/predict", json.dumps({"input": _ROWS}))
            body = connection.getresponse().read()
            wall = time.perf_counter() - began
            connection.close()
        finally:
            # At once, not with a drain: the processor time is to be that of the start.
            server.kill()
            _, status, usage = os.wait4(server.pid, 0)
            server.returncode = os.waitstatus_to_exitcode(status)
    if json.loads(body).get("predictions") != _CLASSES:
        raise BenchmarkError(f"the server answered {body!r}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def _hand_over(process: LocalProcess, inputs: dict[str, Any], outputs: dict[str, Any]) -> Callable[[], Cost]:
    """The provider's Update: until only the new process takes connections."""
    limits = cycle(["2097152", "1048576"])

    def run() -> Cost:
        news = {**inputs, "environment": {"MODELBERTH_MAX_BODY_BYTES": next(limits)}}
        began = time.perf_counter()
        updated = process.update("benchmark", outputs, news, 0)
        wall = time.perf_counter() - began
        if updated["revision"] == outputs["revision"]:
            raise BenchmarkError("the update changed nothing")
        outputs.update(updated)
        return Cost(wall)

    return run
