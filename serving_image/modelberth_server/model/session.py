"""ONNX Runtime behind the little that the server knows of an engine: open, describe, run, abort."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from modelberth_server.errors import ModelError, RequestError
from modelberth_server.model.package import Package
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import ONNX_DATATYPES, Array, TensorSpec

__all__ = ["Inference", "Model", "open_session", "tensor_specs"]

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

# Of "6 : RUNTIME_EXCEPTION : ".
_CODE: Final = re.compile(r"^\d+ : [A-Z_]+ : ")
# Where ONNX Runtime's own code says it, as its macros ORT_ENFORCE and ORT_MAKE_STATUS write it
# (include/onnxruntime/core/common): a file and a line, then a function, bare or with its whole signature.
_LOCATION: Final = re.compile(r"\S+\.(?:h|hpp|c|cc|cpp|cu|cuh|inc):\d+ ")


class Inference:
    """One run of a model, which another thread can abort."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        # What `InferenceSession.run` calls. Its own checks are of what cannot be here (devices, values of
        # other sessions, names that the model has not), and cost a third of a small model's run.
        self._run = session._sess.run  # noqa: SLF001
        self._options = _run_options()

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Compute the named outputs, in that order, from all inputs by name.

        Raises:
            RequestError: 400; the warm-up has shown that the model runs, so it is these inputs that it cannot
                take, such as an index out of range or two lengths that do not match. Or 500.

        """
        try:
            arrays: list[Array] = self._run(outputs, inputs, self._options)
        except _ENGINE_ERRORS as error:
            raise RequestError(400, f"the model cannot take these inputs: {_reason(error)}") from None
        except UnicodeDecodeError:
            raise RequestError(500, "the model gave a string that is not UTF-8") from None
        return arrays

    def abort(self) -> None:
        """Make `run` give up before the next operator of the model."""
        self._options.terminate = True


class Model:
    """A model that is ready to run.

    Attributes:
        batches: rows of several requests can be computed as one, with the same result
        quick: a small request takes so little time that a thread would cost more
        fixed: how long a run takes depends on the number of rows alone

    """

    def __init__(self, signature: Signature, session: onnxruntime.InferenceSession) -> None:
        self.signature = signature
        self.batches = False
        self.quick = False
        self.fixed = all(
            -1 not in spec.shape[1:] and spec.shape and spec.datatype.dtype.kind != "O"
            for spec in signature.inputs
        )
        self._session = session
        self.run = Inference(session).run

    def inference(self) -> Inference:
        """Prepare a run that can be aborted."""
        return Inference(self._session)


def open_session(package: Package, threads: int) -> onnxruntime.InferenceSession:
    """Give the bytes of a model to ONNX Runtime.

    Raises:
        ModelError: not an ONNX model.

    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads burn the CPU quota of a container between two requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Left to guess, it would also take its own flatbuffer format, which nothing here has looked into.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if package.external:
        names, contents = list(package.external), list(package.external.values())
        options.add_external_initializers_from_files_in_memory(
            names, contents, [len(one) for one in contents]
        )
    try:
        # Its "fallback" tries the same bytes a second time and prints to stdout.
        return onnxruntime.InferenceSession(
            package.onnx, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except (ValueError, *_ENGINE_ERRORS) as error:
        raise ModelError(
            f"{package.path} is not an ONNX model that ONNX Runtime {onnxruntime.__version__} can load: "
            f"{_reason(error)}"
        ) from None


def tensor_specs(tensors: Iterable[Any], path: Path, unranked: Container[str] = ()) -> tuple[TensorSpec, ...]:
    """Translate ONNX Runtime's description of inputs or outputs; symbolic dimensions become -1.

    Args:
        tensors: as the session describes them
        path: of the model, for errors
        unranked: names of tensors whose rank is unknown, which it describes as scalars

    Raises:
        ModelError: a type that has no form in JSON.

    """
    return tuple(_spec(path, tensor, unknown_rank=tensor.name in unranked) for tensor in tensors)


def _run_options() -> onnxruntime.RunOptions:
    options = onnxruntime.RunOptions()
    options.log_severity_level = _SILENT
    return options


def _spec(path: Path, tensor: Any, *, unknown_rank: bool) -> TensorSpec:
    datatype = ONNX_DATATYPES.get(tensor.type)
    if datatype is None:
        raise ModelError(
            f"{path}: {tensor.name} is a {tensor.type}, which has no JSON form; "
            "export numeric or string tensors (skl2onnx: zipmap off)"
        )
    shape = tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
    # The engine may have inferred what the file does not say.
    return TensorSpec(tensor.name, datatype, shape, unknown_rank=unknown_rank and not shape)


def _reason(error: Exception) -> str:
    """Shorten an engine's message to the part that tells the cause, on one line."""
    text = " ".join(str(error).split())
    for prefix in ("[ONNXRuntimeError] : ", "Status Message: "):
        text = text.rpartition(prefix)[2]
    text = _CODE.sub("", text)
    location = _LOCATION.search(text)
    if location is not None:
        text = text[: location.start()] + _said(text[location.end() :])
    return text[:300]


def _said(text: str) -> str:
    """Return what follows the function, and the condition where it is explained."""
    explained = text.rpartition(" was false. ")[2]
    if explained != text:
        return explained
    name, _, rest = text.partition(" ")
    if "::" not in text.partition("(")[0]:
        return rest or name
    depth = 0
    for index, character in enumerate(text):
        depth += (character in "([<") - (character in ")]>")
        # An anonymous namespace is in parentheses as the parameters are, which nothing but a space follows.
        if character == ")" and depth == 0 and text[index + 1 : index + 2] in (" ", ""):
            return re.sub(r"^ (?:const )?(?:\[with [^\]]*\] )?", "", text[index + 1 :]) or text
    return text
