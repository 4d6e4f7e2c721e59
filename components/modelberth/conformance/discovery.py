"""Which model the server has, what it takes and gives, and an example of it."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from modelberth.conformance.model import Model
from modelberth.conformance.outcome import DidNotHold, UnreachableError
from modelberth.conformance.target import Target
from modelberth.conformance.tensors import TensorSpec
from modelberth.conformance.web import Answer, Web

__all__ = ["discover"]

_LOCKED: Final = (401, 403)


def discover(web: Web, target: Target) -> Model | None:
    """Ask the server for its model; None where it does not tell one and none is named.

    Raises:
        UnreachableError: nothing answers, or it lets nobody in.

    """
    try:
        first = web.get("/v2")
    except DidNotHold as error:
        raise UnreachableError(str(error)) from None
    if first.status in _LOCKED:
        raise UnreachableError(f"GET /v2: {first.status}, the server wants to know who calls: give --header")
    name = target.model or next(_names(web), None)
    if name is None:
        return None
    about = _object(web, f"/v2/models/{name}")
    parameters = about.get("parameters")
    example = parameters.get("example") if isinstance(parameters, dict) else None
    rows = target.rows or (example if isinstance(example, list) else None)
    versions = about.get("versions")
    return Model.of(
        name,
        [str(version) for version in versions] if isinstance(versions, list) else [],
        _specs(about.get("inputs")),
        _specs(about.get("outputs")),
        rows or None,
    )


def _names(web: Web) -> Iterator[str]:
    """Yield names of models, from where servers tell them; the protocols themselves have no list.

    These are the list of KServe in both its protocols, the index of Triton and MLServer, and our readiness.
    """
    for path in ("/v2/models", "/v1/models"):
        models = _object(web, path).get("models")
        yield from (name for name in models if isinstance(name, str)) if isinstance(models, list) else ()
    found = _value(lambda: web.post("/v2/repository/index", {}))
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield entry["name"]
    model = _object(web, "/health/ready").get("model")
    if isinstance(model, dict) and isinstance(model.get("name"), str):
        yield model["name"]


def _specs(value: Any) -> tuple[TensorSpec, ...]:
    """Read the tensors of a model's metadata; those that are not as they should be are a check's matter."""
    specs = []
    for item in value if isinstance(value, list) else ():
        match item:
            case {"name": str(name), "datatype": str(datatype), "shape": list(shape)} if all(
                type(size) is int for size in shape
            ):
                parameters = item.get("parameters")
                is_any = isinstance(parameters, dict) and parameters.get("unknown_rank") is True
                specs.append(TensorSpec(name, datatype, tuple(shape), unknown_rank=is_any))
    return tuple(specs)


def _object(web: Web, path: str) -> dict[str, Any]:
    value = _value(lambda: web.get(path))
    return value if isinstance(value, dict) else {}


def _value(ask: Callable[[], Answer]) -> Any:
    """Return what the server answers; None where it does not, which is for the checks to find."""
    try:
        answer = ask()
        return answer.json() if answer.status in (200, 503) else None
    except DidNotHold:
        return None
