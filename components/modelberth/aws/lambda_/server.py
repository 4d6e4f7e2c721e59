"""The server in a function: what it is told, and what it would never do there.

It takes invocations from Lambda's runtime API by itself (decision 11), and fetches the model into /tmp when
an environment starts: from the store that the spec names, and it serves no other bytes than the pinned ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.aws.lambda_.front import front
from modelberth.aws.lambda_.limits import limits
from modelberth.errors import Problem, SpecError
from modelberth.model_address import address
from modelberth.naming import content_digest
from modelberth.runtimes import container
from modelberth.spec.aws import FunctionUrl

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.aws import LambdaTarget

__all__ = ["Server", "problems", "server"]

# The image is the function's, and may be one that the program builds: its digest is known only after that.
_ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class Server:
    """How the server is started.

    Attributes:
        environment: its variables
        entry_point: in place of the image's own; empty: that
        command: further arguments

    """

    environment: Mapping[str, str]
    entry_point: tuple[str, ...]
    command: tuple[str, ...]


def server(spec: EndpointSpec, target: LambdaTarget, predictions: str | None = None) -> Server:
    """Derive the server from the spec, the way to it and the folder in S3 for predictions on objects.

    Raises:
        SpecError: the engine cannot serve the model; `problems` tells it before.

    """
    made = container(spec, image=_ANY)
    environment = {
        **made.env,
        **_model(spec.model),
        # Lambda gives an environment one request at a time.
        "MODELBERTH_MAX_CONCURRENCY": "1",
        "MODELBERTH_LOG_FORMAT": "json",
        **_response_mode(spec, target),
        **({} if predictions is None else {"MODELBERTH_S3_OUTPUT_URI": predictions.rstrip("/")}),
        "MODELBERTH_REVISION": f"m{content_digest(spec.model.model_dump_json())}",
    }
    return Server(environment, made.command, made.args)


def problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:
    """Yield a model that the engine cannot serve, and variables that are too long together."""
    try:
        environment = server(spec, target).environment
    except SpecError as error:
        yield from error.problems
        return
    most = limits().environment_bytes
    if (
        length := sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    ) > most:
        allowed = f"a uri with which the function's variables have at most {most} bytes together"
        yield Problem("model.uri", f"one with which they have {length}", allowed)


def _response_mode(spec: EndpointSpec, target: LambdaTarget) -> dict[str, str]:
    """Tell our own server that its address passes on streams, which no event says.

    Whole answers would reach callers with their envelope there, and streamed ones with their head elsewhere.
    """
    way = front(spec, target)
    streams = isinstance(way, FunctionUrl) and way.streaming and spec.runtime.engine == "onnxruntime"
    return {"MODELBERTH_LAMBDA_RESPONSE_MODE": "streaming"} if streams else {}


def _model(model: ModelSource) -> dict[str, str]:
    """Say where the server finds the model; of one in the image, that says it."""
    pin = {} if model.sha256 is None else {"MODELBERTH_MODEL_SHA256": model.sha256}
    return pin if model.scheme == "file" else {"MODELBERTH_MODEL_URI": address(model), **pin}
