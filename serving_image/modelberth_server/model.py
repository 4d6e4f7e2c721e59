"""The model: the pinned bytes of a file, given to ONNX Runtime, verified and warmed."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import orjson
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from modelberth_server.errors import ModelError, RequestError
from modelberth_server.external_data import has_external_data
from modelberth_server.settings import Settings
from modelberth_server.tensors import ONNX_DATATYPES, Array, TensorSpec

__all__ = ["Inference", "Model", "Run", "Signature", "load"]

# Computes the named outputs, in that order, from all inputs by name: all that a contract knows of an engine.
Run = Callable[[Mapping[str, Array], Sequence[str]], list[Array]]

WARM_UP_RUNS: Final = 3
EXAMPLE: Final = "modelberth.example"
"""Key of a model's metadata (`metadata_props` of the ONNX file): a JSON list of rows to try it with."""

# ONNX Runtime's exceptions have no base class of their own.
_ENGINE_ERRORS: Final = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
_SILENT: Final = 4  # severity "fatal": its errors reach us as exceptions, and stderr stays ours

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signature:
    """What is served, and the tensors that it takes and gives."""

    name: str
    version: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    example: list[Any] | None = None
    """Rows that a person can try the model with, as `POST /predict` takes them."""


class Inference:
    """One run of a model, which another thread can abort."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._options = onnxruntime.RunOptions()
        self._options.log_severity_level = _SILENT

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Compute `outputs`; see `Run`.

        Raises:
            RequestError: 400; the warm-up has shown that the model runs, so it is these inputs that it cannot
                take, such as an index out of range or two lengths that do not match. Or 500.

        """
        try:
            arrays: list[Array] = self._session.run(outputs, inputs, self._options)
        except _ENGINE_ERRORS as error:
            raise RequestError(400, f"the model cannot take these inputs: {_reason(error)}") from None
        except UnicodeDecodeError:
            raise RequestError(500, "the model gave a string that is not UTF-8") from None
        return arrays

    def abort(self) -> None:
        """Make `run` give up before the next operator of the model."""
        self._options.terminate = True


class Model:
    """A model that is ready to run."""

    def __init__(self, signature: Signature, session: onnxruntime.InferenceSession) -> None:
        self.signature = signature
        self._session = session

    def inference(self) -> Inference:
        """Prepare one run."""
        return Inference(self._session)

    def warm_up(self) -> None:
        """Run on zeros, so that the first request finds threads, memory and kernels in place."""
        inputs = {spec.name: _zeros(spec) for spec in self.signature.inputs}
        outputs = [spec.name for spec in self.signature.outputs]
        try:
            for _ in range(WARM_UP_RUNS):
                self.inference().run(inputs, outputs)
        except RequestError as error:
            # Zeros of length one are a guess where dimensions are dynamic; a model need not accept them.
            logger.warning("no warm-up, the first request may be slow: %s", error.message)


def load(settings: Settings) -> Model:
    """Read, verify, parse and warm the model.

    The bytes that ONNX Runtime parses are the bytes that were hashed; the file is read once.

    Raises:
        ModelError: no such file, another sha256, not an ONNX model, or one with external data or a type of
            tensor that cannot be served.

    """
    path = settings.model_path
    data = _read(path)
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != settings.model_sha256:
        raise ModelError(
            f"MODELBERTH_MODEL_SHA256: {path} has sha256 {sha256}, expected {settings.model_sha256}"
        )
    session = _session(path, data, settings.threads)
    signature = Signature(
        name=settings.model_name,
        version=settings.model_version,
        sha256=sha256,
        inputs=tuple(_spec(path, tensor) for tensor in session.get_inputs()),
        outputs=tuple(_spec(path, tensor) for tensor in session.get_outputs()),
        example=_example(session),
    )
    model = Model(signature, session)
    model.warm_up()
    return model


def _read(path: Path) -> bytes:
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise ModelError(f"MODELBERTH_MODEL_PATH: {path} {problem}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"MODELBERTH_MODEL_PATH: {path} cannot be read: {error.strerror}") from None


def _session(path: Path, data: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads burn the CPU quota of a container between two requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Left to guess, it would also take its own flatbuffer format, which nothing here has looked into.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        if has_external_data(data):
            raise ModelError(
                f"MODELBERTH_MODEL_PATH: {path} keeps tensors in other files (external data), which its "
                "sha256 does not cover; save it as one file"
            )
        # Its "fallback" tries the same bytes a second time and prints to stdout.
        return onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except (ValueError, *_ENGINE_ERRORS) as error:
        raise ModelError(
            f"MODELBERTH_MODEL_PATH: {path} is not an ONNX model that ONNX Runtime {onnxruntime.__version__} "
            f"can load: {_reason(error)}"
        ) from None


def _spec(path: Path, tensor: Any) -> TensorSpec:
    """Translate ONNX Runtime's description of an input or output; symbolic dimensions become -1."""
    datatype = ONNX_DATATYPES.get(tensor.type)
    if datatype is None:
        raise ModelError(
            f"MODELBERTH_MODEL_PATH: {path}: {tensor.name} is a {tensor.type}, which has no JSON form; "
            "export numeric or string tensors (skl2onnx: zipmap off)"
        )
    return TensorSpec(
        tensor.name, datatype, tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
    )


def _example(session: onnxruntime.InferenceSession) -> list[Any] | None:
    """Read the rows that the model carries in its metadata, if any."""
    try:
        text = session.get_modelmeta().custom_metadata_map.get(EXAMPLE)
        if text is None:
            return None
        rows = orjson.loads(text)
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        rows = None
    if not isinstance(rows, list) or not rows:
        logger.warning("the model's metadata %s is not used: it is no JSON list of rows", EXAMPLE)
        return None
    return rows


def _zeros(spec: TensorSpec) -> Array:
    shape = [max(size, 1) for size in spec.shape]
    if spec.datatype.dtype == np.object_:
        return np.full(shape, "", np.object_)
    return np.zeros(shape, spec.datatype.dtype)


def _reason(error: Exception) -> str:
    """Shorten an engine's message to the part that tells the cause, on one line."""
    text = " ".join(str(error).split())
    for prefix in ("[ONNXRuntimeError] : ", "Status Message: "):
        text = text.rpartition(prefix)[2]
    return text[:300]
