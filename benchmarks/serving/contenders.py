"""Who is measured: Modelberth's server, with and without options, and the rivals."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from onnx_models import ServedModel
from own_server import compiled_folder, interpreter, source_folder
from rival_environments import PROGRAMS, binaries, lock_of
from running_server import Command, free_port
from workloads import Workload

__all__ = ["NOT_TO_BE_HAD", "OPTIONS", "OURS", "RIVALS", "UNBATCHED", "Contender"]

_MAX_BODY_BYTES: Final = 8 << 20  # an image as JSON is larger than the default of 1 MiB

NOT_TO_BE_HAD: Final[Mapping[str, str]] = {
    "TensorFlow Serving": "a container image, or its makers' own apt repository; in no package index",
    "Triton": "a container image; `tritonserver` on the Python package index is an empty placeholder",
}


@dataclass(frozen=True, eq=False)
class Contender:
    """A server and how it is started and spoken to."""

    name: str
    label: str
    command: Callable[[ServedModel, int, Path], Command]
    """Model, port and a scratch folder → what to start."""
    contracts: Mapping[str, str] = field(default_factory=dict)
    """A workload's form (`rows`, `image`, `binary`) → the name of the contract, where the server has one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """That each request carries beside those of the contract."""
    package: str | None = None
    """Name of the rival's distribution, whose version the lock tells."""
    ready: str | None = None
    """Path that answers 200 once the model serves; without one its requests are what tells."""

    def contract(self, workload: Workload) -> str | None:
        """Name of the contract that the workload is sent by; None where the server has none for it."""
        return self.contracts.get(workload.form)

    @property
    def version(self) -> str:
        """The rival's version, from the lock; empty for our own."""
        if self.package is None:
            return ""
        found = re.search(
            rf"^{re.escape(self.package)}==(\S+)$", lock_of(self.name).read_text(), re.MULTILINE
        )
        assert found, f"{lock_of(self.name)} does not lock {self.package}"
        return found[1]


def _modelberth(
    name: str,
    label: str,
    options: Callable[[Path], Mapping[str, str]] = lambda _: {},
    headers: Mapping[str, str] = MappingProxyType({}),
    *,
    compiled: bool = True,
) -> Contender:
    def command(model: ServedModel, port: int, scratch: Path) -> Command:
        environ = {
            "PYTHONPATH": str(compiled_folder() if compiled else source_folder()),
            "MODELBERTH_MODEL_PATH": str(model.file),
            "MODELBERTH_MODEL_SHA256": hashlib.sha256(model.file.read_bytes()).hexdigest(),
            "MODELBERTH_MAX_BODY_BYTES": str(_MAX_BODY_BYTES),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            **options(scratch),
        }
        return Command([interpreter(), "-m", "modelberth_server"], environ, scratch)

    contracts = {"rows": "plain", "image": "plain", "binary": "open-inference-binary"}
    return Contender(name, label, command, contracts, headers, ready="/health/ready")


_API_KEY: Final = "benchmark-benchmark-benchmark-benchmark"  # of a server that lives for seconds, on loopback
_KEY_HEADER: Final = {"x-api-key": _API_KEY}


def _api_keys(scratch: Path) -> Mapping[str, str]:
    file = scratch / "api-keys"
    file.write_text(f"benchmark {hashlib.sha256(_API_KEY.encode()).hexdigest()}\n")
    file.chmod(0o600)
    return {"MODELBERTH_API_KEYS_FILE": str(file)}


def _capture(scratch: Path) -> Mapping[str, str]:
    folder = scratch / "capture"
    folder.mkdir(exist_ok=True)
    return {"MODELBERTH_CAPTURE_URI": folder.as_uri()}


def _rival(
    name: str,
    label: str,
    package: str,
    arguments: Callable[[int], list[str]],
    contracts: Mapping[str, str],
    environ: Callable[[int, Path], Mapping[str, str]] = lambda _port, _scratch: {},
    ready: str | None = None,
) -> Contender:
    def command(model: ServedModel, port: int, scratch: Path) -> Command:
        program, *rest = arguments(port)
        return Command(
            [binaries(name) / program, *rest],
            {
                "MODEL_PATH": str(model.file),
                "PORT": str(port),
                "SCRATCH": str(scratch),
                "PYTHONPATH": str(PROGRAMS / "common"),
                "PATH": os.pathsep.join([str(binaries(name)), os.environ["PATH"]]),
                **environ(port, scratch),
            },
            PROGRAMS / name,
        )

    return Contender(name, label, command, contracts, package=package, ready=ready)


_BY_NAME: Final = {"rows": "by-name", "image": "by-name"}

OURS: Final = _modelberth("modelberth", "**Modelberth**")
UNBATCHED: Final = _modelberth(
    "unbatched", "Modelberth, each request on its own", lambda _: {"MODELBERTH_MAX_BATCH_SIZE": "1"}
)
OPTIONS: Final = (
    _modelberth("api-key", "… with an API key", _api_keys, _KEY_HEADER),
    _modelberth(
        "rate-limit",
        "… with an API key and a rate limit",
        lambda scratch: {**_api_keys(scratch), "MODELBERTH_RATE_LIMIT_PER_MINUTE": "10000000"},
        _KEY_HEADER,
    ),
    _modelberth("capture", "… with capture of 1% of the requests", _capture),
    _modelberth(
        "access-log",
        "… with a line of JSON logged for each request",
        lambda _: {"MODELBERTH_LOG_FORMAT": "json", "MODELBERTH_ACCESS_LOG": "all"},
    ),
    UNBATCHED,
    _modelberth("python", "Modelberth as Python, nothing of it compiled", compiled=False),
)
RIVALS: Final = (
    _rival(
        "fastapi",
        "FastAPI + uvicorn",
        "fastapi",
        lambda _: ["python", "app.py"],
        {"rows": "by-name", "image": "images-by-name"},
    ),
    _rival(
        "bentoml",
        "BentoML",
        "bentoml",
        lambda port: ["bentoml", "serve", "service:Benchmark", "--host", "127.0.0.1", "--port", str(port)],
        _BY_NAME,
        lambda _, scratch: {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(scratch)},
        ready="/readyz",
    ),
    _rival("litserve", "LitServe", "litserve", lambda _: ["python", "server.py"], _BY_NAME, ready="/health"),
    _rival(
        "mlserver",
        "MLServer",
        "mlserver",
        lambda _: ["mlserver", "start", "."],
        {"rows": "open-inference", "image": "open-inference"},
        lambda port, _: {"MLSERVER_HTTP_PORT": str(port), "MLSERVER_GRPC_PORT": str(free_port())},
        ready="/v2/health/ready",
    ),
    _rival(
        "kserve",
        "KServe",
        "kserve",
        lambda _: ["python", "server.py"],
        {"rows": "instances", "image": "instances", "binary": "open-inference-binary"},
        ready="/v2/health/ready",
    ),
    _rival("ray", "Ray Serve", "ray", lambda _: ["python", "deployment.py"], _BY_NAME),
)
