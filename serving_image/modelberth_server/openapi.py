"""A description of the routes for programs: OpenAPI 3.1, made of the model's signature.

Source: https://spec.openapis.org/oas/v3.1.0; the schemas are JSON Schema 2020-12. Whatever fits a schema here
is taken by its contract: a client that is generated from it meets no surprise.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from modelberth_server import __version__
from modelberth_server.contracts import azure_ml, open_inference, plain, sagemaker, tensorflow, vertex
from modelberth_server.contracts.contract import Contract
from modelberth_server.contracts.table import PredictionRoute, ProbeRoute
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import TensorSpec

__all__ = ["document"]

Schema = dict[str, Any]

_NUMBER_OF: Final = {"b": "boolean", "f": "number", "i": "integer", "u": "integer", "O": "string"}
# By status; what a caller can do something about, and what a load balancer has to know.
_REFUSALS: Final = {
    "400": "The request is wrong; `error` names the field.",
    "401": "No valid key or token was sent.",
    "404": "No such route, model or version.",
    "405": "The route has another method.",
    "406": "The route gives none of the media types that are accepted.",
    "413": "The body is longer than allowed.",
    "414": "The path is longer than allowed.",
    "415": "The body has another media type, charset or encoding.",
    "429": "Too many predictions are in flight, or the caller's rate is used up; see `retry-after`.",
    "431": "The headers are longer than allowed.",
    "503": "The model is loading.",
    "504": "The prediction took longer than allowed.",
}

_ANY_RANK: Final = "The rank is unknown: any shape is taken."


def document(
    signature: Signature, predictions: Sequence[PredictionRoute], probes: Sequence[ProbeRoute]
) -> dict[str, Any]:
    """Describe the routes of a model: those for predictions, for health and for metadata."""
    here = {"name": signature.name, "version": signature.version}
    paths: dict[str, Any] = {}
    for route in predictions:
        paths.setdefault(route.template.format(**here), {"post": _prediction(signature, route.contract)})
    for probe in probes:
        paths[probe.template] = {"get": _read(f"Is the server {probe.probe}?")}
    for template, summary in (
        ("/v2", "Describe the server"),
        ("/v2/health/live", "Is the server live?"),
        ("/v2/health/ready", "Is the server ready?"),
        ("/v2/models/{name}", "Describe the model"),
        ("/v2/models/{name}/ready", "Is the model ready?"),
        ("/v2/models/{name}/versions/{version}", "Describe the version"),
        ("/v2/models/{name}/versions/{version}/ready", "Is the version ready?"),
        ("/v1/models/{name}", "List the states of the versions"),
        ("/v1/models/{name}/versions/{version}", "Tell the state of the version"),
    ):
        paths[template.format(**here)] = {"get": _read(summary)}
    error = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": signature.name, "version": signature.version, "x-modelberth": __version__},
        "paths": paths,
        "components": {
            "schemas": {"Error": error},
            "responses": {
                status: {
                    "description": text,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for status, text in _REFUSALS.items()
            },
        },
    }


def _read(summary: str) -> dict[str, Any]:
    return {"summary": summary, "responses": _responses({"application/json": {"type": "object"}})}


def _prediction(signature: Signature, contract: Contract) -> dict[str, Any]:
    summary, make = _CONTRACTS[contract]
    bodies, answers = make(signature)
    content = {kind: {"schema": schema} for kind, schema in bodies.items()}
    if signature.example is not None and contract is plain.predict:
        content["application/json"]["example"] = {"input": signature.example}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": _responses(answers),
    }


def _responses(answers: dict[str, Schema]) -> dict[str, Any]:
    fine = {kind: {"schema": schema} for kind, schema in answers.items()}
    refusals = {status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS}
    return {"200": {"description": "The answer.", "content": fine}, **refusals}


def _exactly(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: Schema, size: int = -1) -> Schema:
    if size == -1:
        return {"type": "array", "items": items, "minItems": 1}
    return {"type": "array", "items": items, "minItems": size, "maxItems": size}


def _element(spec: TensorSpec) -> Schema:
    dtype = spec.datatype.dtype
    schema: Schema = {"type": _NUMBER_OF[dtype.kind]}
    if dtype.kind in "iu":
        # JSON Schema calls 1.0 an integer too.
        schema |= {"minimum": int(np.iinfo(dtype).min), "maximum": int(np.iinfo(dtype).max)}
        schema["description"] = "written without a fraction"
    elif dtype.kind == "f" and dtype.itemsize < 8:
        # What is a little beyond the greatest number is rounded to it, up to half of its last place.
        limits = np.finfo(dtype)
        bound = float(limits.max) + 2.0 ** (int(limits.maxexp) - int(limits.nmant) - 2)
        schema |= {"exclusiveMinimum": -bound, "exclusiveMaximum": bound}
    return schema


def _nested(spec: TensorSpec, shape: Sequence[int]) -> Schema:
    """The schema of nested lists; without dimensions they may be any, and are not described."""
    if not spec.shape:
        return {"description": _ANY_RANK} if spec.unknown_rank else {}
    schema = _element(spec)
    for size in reversed(shape):
        schema = _array(schema, size)
    return schema


def _rows(signature: Signature) -> Schema:
    """The schema of the rows, as `inputs_of_rows` takes them."""
    if signature.preprocess is not None:
        return _array({})
    specs = signature.inputs
    if len(specs) == 1:
        return _nested(specs[0], specs[0].shape)
    return _array(_exactly(**{spec.name: _nested(spec, spec.shape[1:]) for spec in specs}))


Bodies = tuple[dict[str, Schema], dict[str, Schema]]
"""Of a request and of its response, by media type."""


def _plain(signature: Signature) -> Bodies:
    rows = _rows(signature)
    answer = _exactly(predictions={}, outputs={"type": "object"})
    body = {"oneOf": [_exactly(input=rows), _exactly(instances=rows)]}
    return {"application/json": body}, {"application/json": answer}


def _score(signature: Signature) -> Bodies:
    bodies, answers = _plain(signature)
    rows = _rows(signature)
    return {
        "application/json": {"oneOf": [*bodies["application/json"]["oneOf"], _exactly(input_data=rows)]}
    }, answers


def _invocations(signature: Signature) -> Bodies:
    bodies, answers = _plain(signature)
    return bodies, {**answers, "text/csv": {"type": "string"}, "application/x-npy": {"type": "string"}}


def _tensorflow(signature: Signature) -> Bodies:
    answer = {"oneOf": [_exactly(predictions={"type": "array"}), _exactly(outputs={})]}
    return {"application/json": _exactly(instances=_rows(signature))}, {"application/json": answer}


def _vertex(signature: Signature) -> Bodies:
    answer = _exactly(predictions={"type": "array"})
    return {"application/json": _exactly(instances=_rows(signature))}, {"application/json": answer}


def _infer(signature: Signature) -> Bodies:
    tensors = [
        _exactly(
            name={"const": spec.name},
            datatype={"const": spec.datatype.name},
            shape=_shape(spec),
            data=_data(spec),
        )
        for spec in signature.inputs
    ]
    body = _exactly(
        inputs={
            "type": "array",
            "prefixItems": tensors,
            "items": False,
            "minItems": len(tensors),
            "maxItems": len(tensors),
        }
    )
    answer = {
        "type": "object",
        "properties": {
            "model_name": {"const": signature.name},
            "model_version": {"const": signature.version},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["model_name", "model_version", "outputs"],
    }
    return {"application/json": body}, {"application/json": answer}


def _data(spec: TensorSpec) -> Schema:
    """The schema of a tensor of one row: nested, or flat in row-major order."""
    shape = [max(size, 1) for size in spec.shape]
    flat = _array(_element(spec), math.prod(shape))
    return {"anyOf": [_nested(spec, shape), flat]} if shape else flat


def _shape(spec: TensorSpec) -> Schema:
    if spec.unknown_rank:
        return {"const": [1], "description": _ANY_RANK}
    return {"const": [max(size, 1) for size in spec.shape]}


_CONTRACTS: Final[dict[Contract, tuple[str, Callable[[Signature], Bodies]]]] = {
    plain.predict: ("Predict", _plain),
    azure_ml.score: ("Predict, as Azure Machine Learning asks", _score),
    sagemaker.invocations: ("Predict, as Amazon SageMaker asks", _invocations),
    tensorflow.predict: ("Predict, as TensorFlow Serving is asked", _tensorflow),
    vertex.predict: ("Predict, as Vertex AI asks", _vertex),
    open_inference.infer: ("Infer by the Open Inference Protocol v2, one row at a time", _infer),
}
