"""The server in a function: what it is told, and what it would never do there.

It takes invocations from Lambda's runtime API by itself (decision 11), and fetches the model into /tmp when
an environment starts: from the store that the spec names, and it serves no other bytes than the pinned ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.aws.lambda_.limits import limits
from modelberth.errors import Problem, SpecError, shown
from modelberth.model_address import address
from modelberth.naming import content_digest
from modelberth.runtimes import container

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


def server(spec: EndpointSpec) -> Server:
    """Derive the server from the spec.

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
        "MODELBERTH_REVISION": f"m{content_digest(spec.model.model_dump_json())}",
    }
    return Server(environment, made.command, made.args)


def problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:  # noqa: ARG001 - every room is asked alike
    """Yield what the server does elsewhere and cannot do in a function."""
    if spec.runtime.batching is not None:
        hint = "AWS Lambda gives an environment one request at a time: there is none that could be joined."
        yield Problem("runtime.batching", "a mapping", "nothing on target `lambda`", hint)
    if spec.monitoring.capture is not None:
        hint = "AWS Lambda stops a function between two requests, and with it what it has yet to write."
        yield Problem("monitoring.capture", "a mapping", "nothing on target `lambda`", hint)
    if spec.model.scheme == "oci":
        hint = "The server reads no artifacts: put the model into the image, or into S3."
        yield Problem(
            "model.uri", shown(spec.model.uri), "a path in the image, or a uri of s3, https or hf", hint
        )
    try:
        environment = server(spec).environment
    except SpecError as error:
        yield from error.problems
        return
    most = limits().environment_bytes
    if (
        length := sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    ) > most:
        allowed = f"a uri with which the function's variables have at most {most} bytes together"
        yield Problem("model.uri", f"one with which they have {length}", allowed)


def _model(model: ModelSource) -> dict[str, str]:
    """Say where the server finds the model; of one in the image, that says it."""
    pin = {} if model.sha256 is None else {"MODELBERTH_MODEL_SHA256": model.sha256}
    return pin if model.scheme == "file" else {"MODELBERTH_MODEL_URI": address(model), **pin}
