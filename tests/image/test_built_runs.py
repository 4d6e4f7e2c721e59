"""The image as a platform runs it: read-only, without capabilities, by SIGTERM at the end."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from console import SetupError
from container import Container, running
from context import ROOT
from engines import Engine, choose
from image.conftest import BuiltImage

ROW = {"input": [[5.1, 3.5, 1.4, 0.2]]}


@pytest.fixture(scope="session")
def engine() -> Engine:
    return choose(None, os.environ)


@pytest.fixture(scope="module")
def container(built: BuiltImage, engine: Engine) -> Iterator[Container]:
    with running(engine, built.tag) as container:
        yield container


def predict(url: str) -> httpx.Response:
    return httpx.post(f"{url}/predict", json=ROW, timeout=10)


def processes(container: Container) -> list[psutil.Process]:
    first = psutil.Process(container.main_process())
    return [first, *first.children(recursive=True)]


def test_it_answers_and_is_measured(container: Container) -> None:
    answer = predict(container.url)

    assert answer.status_code == 200
    assert answer.json()["predictions"] == ["setosa"]
    metrics = httpx.get(f"{container.admin_url}/metrics")
    assert metrics.status_code == 200
    assert "modelberth_requests_total" in metrics.text
    assert httpx.get(f"{container.url}/metrics").status_code == 404


def test_every_process_is_of_a_user_without_rights(container: Container) -> None:
    found = processes(container)

    assert found
    for process in found:
        assert set(process.uids()) == set(process.gids()) == {10001}
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {0}
        assert status["NoNewPrivs"] == "1"


def test_its_log_is_json(container: Container) -> None:
    predict(container.url)

    lines = [json.loads(line) for line in container.logs().splitlines()]

    assert [line for line in lines if str(line["message"]).startswith("ready: model iris")]


def test_it_starts_as_sagemaker_starts_it_and_by_any_user(built: BuiltImage, engine: Engine) -> None:
    with running(engine, built.tag, options=["--user=12345:12345"], arguments=["serve"]) as container:
        assert httpx.get(f"{container.url}/ping").status_code == 200
        assert predict(container.url).status_code == 200
        assert {process.uids().effective for process in processes(container)} == {12345}


def test_a_model_with_another_hash_is_refused_with_its_exit_code(built: BuiltImage, engine: Engine) -> None:
    variables = {"MODELBERTH_MODEL_SHA256": "0" * 64}

    with pytest.raises(SetupError, match="sha256"), running(engine, built.tag, variables=variables):
        pass


def test_no_request_is_lost_when_it_is_stopped(built: BuiltImage, engine: Engine) -> None:
    answers: list[int] = []
    stopped = threading.Event()

    def call(url: str) -> None:
        with httpx.Client() as client:
            while not stopped.is_set():
                try:
                    answer = client.post(f"{url}/predict", json=ROW, timeout=10)
                except httpx.ConnectError:
                    return  # nobody listens any more: nothing was sent
                answers.append(answer.status_code)
                if answer.headers.get("connection") == "close":
                    return

    with running(engine, built.tag) as container:
        callers = [threading.Thread(target=call, args=[container.url]) for _ in range(4)]
        for caller in callers:
            caller.start()
        while len(answers) < 100:
            stopped.wait(0.01)
        psutil.Process(container.main_process()).terminate()
        for caller in callers:
            caller.join(20)
    stopped.set()

    assert len(answers) >= 100
    assert set(answers) == {200}


def test_the_conformance_suite_passes_on_it(container: Container) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("modelberth"),
            "conformance",
            container.url,
            "--admin",
            container.admin_url,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
