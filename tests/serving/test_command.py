"""The command as a supervisor sees it: exit status and one line on stderr."""

import ast
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import modelberth
import modelberth_server
from modelberth_server import __main__
from modelberth_server.process import function
from modelberth_server.settings import Settings
from serving.models import IRIS, ModelFile
from serving.processes import Launch

PACKAGE = Path(modelberth_server.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelberth_server", *arguments]
    environ = {"HOST": "127.0.0.1", "PORT": "0", **environ}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_check_describes_the_model(iris: ModelFile) -> None:
    checked = run(iris.environ(MODELBERTH_MODEL_NAME="iris", MODELBERTH_MODEL_VERSION="3"), "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.count("\n") == 1
    assert json.loads(checked.stdout) == {
        "name": "iris",
        "version": "3",
        "sha256": iris.sha256,
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        ],
    }


Change = Callable[[ModelFile, Path], dict[str, str]]

REFUSALS: dict[str, tuple[int, str, Change]] = {
    "unknown variable": (
        2,
        "MODELBERTH_TREADS: unknown variable, did you mean MODELBERTH_THREADS?",
        lambda iris, _: iris.environ(MODELBERTH_TREADS="2"),
    ),
    "missing variable": (
        2,
        "no model found: MODELBERTH_MODEL_PATH, MODELBERTH_MODEL_URI and MODELBERTH_MODELS_FILE are not set",
        lambda *_: {},
    ),
    "missing digest": (
        2,
        "MODELBERTH_MODEL_SHA256: required",
        lambda iris, _: {"MODELBERTH_MODEL_PATH": str(iris.path)},
    ),
    "missing digest in a platform's folder": (
        2,
        "MODELBERTH_MODEL_SHA256: required",
        lambda iris, _: {"AZUREML_MODEL_DIR": str(iris.path.parent)},
    ),
    "bad value": (
        2,
        "MODELBERTH_THREADS: 'two' is not a whole number from 1 to 256",
        lambda iris, _: iris.environ(MODELBERTH_THREADS="two"),
    ),
    "missing file": (
        3,
        "does not exist",
        lambda iris, tmp: iris.environ(MODELBERTH_MODEL_PATH=str(tmp / "none.onnx")),
    ),
    "other bytes": (
        3,
        f"expected {'0' * 64}",
        lambda iris, _: iris.environ(MODELBERTH_MODEL_SHA256="0" * 64),
    ),
    "not a model": (
        3,
        "is not an ONNX model",
        lambda _, tmp: ModelFile.write(tmp / "pickle.onnx", b"\x80\x04]\x94.").environ(),
    ),
}


@pytest.mark.parametrize(
    ("case", "argument"), [(case, "--check") for case in REFUSALS] + [("bad value", ""), ("other bytes", "")]
)
def test_a_refusal_is_one_line_and_an_exit_status(
    iris: ModelFile, tmp_path: Path, case: str, argument: str
) -> None:
    status, message, change = REFUSALS[case]
    environ = change(iris, tmp_path) | {"MODELBERTH_LOG_LEVEL": "error"}
    refused = run(environ, *argument.split())
    assert (refused.returncode, refused.stdout) == (status, "")
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1
    assert message in refused.stderr


def test_a_taken_port_is_refused(iris: ModelFile) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(iris.environ(PORT=str(port)))
    assert refused.returncode == 4
    assert refused.stderr == f"error: PORT: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_where_predictions_on_s3_events_go_is_without_effect_outside_of_a_function(iris: ModelFile) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run(iris.environ(PORT=port, MODELBERTH_S3_OUTPUT_URI="s3://results/iris"))
    assert ended.returncode == 4
    assert ended.stderr.count("MODELBERTH_S3_OUTPUT_URI: without effect outside AWS Lambda") == 1
    assert ended.stderr.count("\n") == 2


def test_in_a_function_it_has_an_effect(
    iris: ModelFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(function, "run", lambda *_: 7)
    settings = Settings.from_environ(iris.environ(MODELBERTH_S3_OUTPUT_URI="s3://results/iris"))
    assert __main__._serve(settings, {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}) == 7
    assert caplog.messages == []


def test_an_address_of_another_machine_is_refused(iris: ModelFile) -> None:
    refused = run(iris.environ(HOST="203.0.113.1", PORT="8080"))
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: PORT: cannot listen on 203.0.113.1:8080: ")


@pytest.mark.parametrize("variable", ["MODELBERTH_LISTEN_FD", "MODELBERTH_LIFELINE_FD"])
def test_a_descriptor_that_is_not_open_is_refused(iris: ModelFile, variable: str) -> None:
    refused = run(iris.environ(**{variable: "99"}))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {variable}: 99")
    assert refused.stderr.endswith(": Bad file descriptor\n")


def test_a_descriptor_of_the_wrong_kind_is_refused(iris: ModelFile, launch: Launch) -> None:
    with socket.socket() as idle, (Path(os.devnull)).open() as file:
        for variable, descriptor, problem in [
            ("MODELBERTH_LISTEN_FD", file.fileno(), "is no socket"),
            ("MODELBERTH_LISTEN_FD", idle.fileno(), "is no listening TCP socket"),
            ("MODELBERTH_LIFELINE_FD", file.fileno(), "is neither a pipe nor a socket"),
        ]:
            server = launch(iris.environ(**{variable: str(descriptor)}), inherited=(descriptor,))
            assert server.exit_status() == 2
            assert server.log.startswith(f"error: {variable}: {descriptor} {problem}")


def test_unknown_arguments_are_refused(iris: ModelFile) -> None:
    refused = run(iris.environ(), "--chekc")
    assert refused.returncode == 2
    assert "unrecognized arguments: --chekc" in refused.stderr


ALWAYS = {"httptools", "numpy", "onnxruntime", "orjson", "uvloop"}
WHERE_ASKED_FOR = {"arro3", "awslambdaric", "google", "grpc", "jwt", "obstore", "opentelemetry", "simdjson"}


def test_the_package_imports_only_what_the_image_holds() -> None:
    imported: set[str] = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add((node.module or "").partition(".")[0])
    assert len(MODULES) > 60
    third_party = imported - sys.stdlib_module_names - {"modelberth_server"}
    assert third_party - {"cryptography", "prometheus_client"} == ALWAYS | WHERE_ASKED_FOR
    assert not imported & {"pickle", "shelve", "marshal"}


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("process.worker", WHERE_ASKED_FOR | {"zipfile", "modelberth_server.telemetry.capture"}),
        # The parent of the workers: what it imports is there twice.
        ("__main__", WHERE_ASKED_FOR | ALWAYS | {"argparse", "asyncio", "difflib", "ssl"}),
    ],
)
def test_what_a_start_imports(module: str, absent: set[str]) -> None:
    code = f"import sys, modelberth_server.{module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(loaded.stdout.split())
    assert f"modelberth_server.{module}" in names
    assert (names | {name.partition(".")[0] for name in names}) & absent == set()


def _home_after(code: str, home: Path) -> list[str]:
    home.mkdir()
    environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True, capture_output=True)
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_nothing_is_told_to_anybody(tmp_path: Path) -> None:
    """ONNX Runtime by itself begins with an identifier of the machine in the home folder."""
    session = f"import onnxruntime; onnxruntime.InferenceSession({str(IRIS)!r})"
    assert "deviceid" in _home_after(session, tmp_path / "by itself")
    assert _home_after(f"import modelberth_server; {session}", tmp_path / "here") == []


def test_versions_agree() -> None:
    assert modelberth_server.__version__ == modelberth.__version__
