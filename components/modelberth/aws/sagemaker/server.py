"""The server in a container of SageMaker: what it is told, and where its model comes from.

SageMaker starts an image with the one argument `serve` and has no field for another, or for another entry
point: everything is said in variables. A model in S3 is copied into /opt/ml/model before the server starts,
with the role's rights; the server checks its digest and needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from modelberth.aws.sagemaker.limits import limits
from modelberth.aws.sagemaker.variants import variants
from modelberth.engine_problems import engine_problems
from modelberth.errors import Problem, SpecError, shown
from modelberth.model_address import address, is_archive
from modelberth.naming import content_digest
from modelberth.runtimes import container

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["MODEL_FOLDER", "environment", "fetches", "problems"]

# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
MODEL_FOLDER: Final = "/opt/ml/model"
"""Where SageMaker puts a model's files."""

# The image may be one that the program builds: its digest is known only after that.
_ANY: Final = "any"
_BY_SERVER: Final = frozenset({"https", "hf"})


def environment(spec: EndpointSpec, model: ModelSource) -> Mapping[str, str]:
    """Return the variables of the container that serves one of the endpoint's models.

    Raises:
        SpecError: the engine cannot serve it; `problems` tells it before.

    """
    made = container(spec.model_copy(update={"model": model}), image=_ANY)
    return {
        **made.env,
        **_place(model),
        "MODELBERTH_LOG_FORMAT": "json",
        "MODELBERTH_REVISION": f"m{content_digest(model.model_dump_json())}",
    }


def fetches(model: ModelSource) -> bool:
    """Whether the server itself downloads the model, for which it needs a network."""
    return model.scheme in _BY_SERVER


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:  # noqa: ARG001 - every room is asked alike
    """Yield what the engine does not honour, models that nothing pins, and variables that are too long."""
    yield from engine_problems(spec)
    for path, model in spec.models.items():
        if model.scheme == "s3" and model.revision is not None:
            hint = "SageMaker copies the current version of an object: pin the model by its sha256."
            allowed = "nothing for a model in S3 on target `sagemaker`"
            yield Problem(f"{path}.revision", shown(model.revision), allowed, hint)
        if model.scheme == "s3" and is_archive(model.uri) and spec.runtime.engine == "onnxruntime":
            hint = "A model in an archive has another digest than that, and the server checks its own."
            yield Problem(f"{path}.uri", shown(model.uri), "an .onnx file or a package's folder in S3", hint)
    try:
        every = [environment(spec, variant.model) for variant in variants(spec)]
    except SpecError as error:
        yield from error.problems
        return
    table = limits()
    for variables in every:
        texts = [text.encode() for pair in variables.items() for text in pair]
        if max(map(len, texts)) > table.variable_bytes:
            allowed = f"a uri of at most {table.variable_bytes} bytes, as a variable of the container"
            yield Problem("model.uri", f"one of {max(map(len, texts))}", allowed)


def _place(model: ModelSource) -> dict[str, str]:
    """Say where the server finds the model; of one in the image, that says it."""
    pin = {} if model.sha256 is None else {"MODELBERTH_MODEL_SHA256": model.sha256}
    if model.scheme == "s3":
        return {"MODELBERTH_MODEL_PATH": MODEL_FOLDER, **pin}
    return {"MODELBERTH_MODEL_URI": address(model), **pin} if fetches(model) else pin
