"""PyTorch, by torch.onnx.export: modules, ExportedPrograms and TorchScript."""

from __future__ import annotations

import inspect
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelberth.packaging.convert.converted import OPSET, TORCH_OPSET, Converted, Inputs
from modelberth.packaging.errors import ConversionError, predicting
from modelberth.packaging.frameworks import need
from modelberth.packaging.trained import Array

__all__ = ["convert"]


def convert(model: Any, inputs: Inputs, name: str) -> Converted:
    """Export a module in evaluation mode; the first dimension of each input takes any number of rows.

    Raises:
        ConversionError: the exporter cannot follow the module.
        MissingPackageError: PyTorch or onnxscript is not installed.

    """
    torch, onnx = need("torch"), need("onnx")
    if isinstance(model, torch.nn.Module):
        model.eval()
    is_program = isinstance(model, torch.export.ExportedProgram)
    call = model.module() if is_program else model
    # With a single row the exporter would take the number of rows for a constant.
    rows = tuple(np.repeat(array, 2, axis=0) if len(array) == 1 else array for array in inputs.values())
    tensors = tuple(_tensor(torch, array) for array in rows)
    with torch.no_grad(), predicting():
        outputs = list(_named(call(*tensors)))
    arguments = {"input_names": list(inputs), "output_names": outputs, "verbose": False}
    try:
        if isinstance(model, torch.jit.ScriptModule):
            exported = _script(torch, onnx, model, tensors, arguments)
        else:
            need("onnxscript")
            dynamic = None if is_program else _any_rows(torch, model, tensors)
            exported = torch.onnx.export(
                model,
                tensors,
                dynamo=True,
                opset_version=TORCH_OPSET,
                dynamic_shapes=dynamic,
                external_data=False,
                **arguments,
            ).model_proto
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        reason = next(
            (line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__
        )
        raise ConversionError(f"torch.onnx.export cannot follow the module: {reason.strip()}") from error
    exported.graph.name = name

    def original(given: Inputs) -> dict[str, Array]:
        with torch.no_grad():
            answer = call(*(_tensor(torch, array) for array in given.values()))
        return {output: tensor.numpy() for output, tensor in _named(answer).items()}

    return Converted(exported, original)


def _tensor(torch: Any, array: Array) -> Any:
    """Numbers as the modules take them: float32, and integers as int64."""
    wanted = {"f": np.float32, "i": np.int64, "u": np.int64 if array.dtype != np.uint8 else np.uint8}
    return torch.from_numpy(np.ascontiguousarray(array, wanted.get(array.dtype.kind, array.dtype)))


def _named(answer: Any) -> dict[str, Any]:
    """Outputs by name: `output`, or `output_0`, `output_1`, …, or the names of a dict."""
    if isinstance(answer, Mapping):
        return {str(name): tensor for name, tensor in answer.items()}
    if isinstance(answer, Sequence):
        return {f"output_{index}": tensor for index, tensor in enumerate(answer)}
    return {"output": answer}


def _any_rows(torch: Any, model: Any, tensors: Sequence[Any]) -> Any:
    """The dynamic shapes of the module's arguments: the first dimension of each."""
    names = [
        parameter.name
        for parameter in inspect.signature(model.forward).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    rows = torch.export.Dim("rows")
    if len(names) < len(tensors):  # forward(*arguments)
        return ([{0: rows} for _ in tensors],)
    return {name: {0: rows} for name, _ in zip(names, tensors, strict=False)}


def _script(torch: Any, onnx: Any, model: Any, tensors: Any, arguments: Mapping[str, Any]) -> Any:
    """TorchScript has only the older exporter."""
    file = io.BytesIO()
    names = [*arguments["input_names"], *arguments["output_names"]]
    torch.onnx.export(
        model,
        tensors,
        file,
        dynamo=False,
        opset_version=OPSET,
        dynamic_axes={name: {0: "rows"} for name in names},
        **arguments,
    )
    return onnx.load_from_string(file.getvalue())
