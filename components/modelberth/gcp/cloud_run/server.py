"""The server in an instance: what it is told, and what it would never do there.

Cloud Run names the one port that requests come to, `PORT`, and takes no variable of that name from anybody;
the server's own metrics are on another port, which nobody outside of the instance reaches. It is stopped with
SIGTERM and killed 10 s later (Cloud Run, "Container runtime contract"), within which our own server drains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelberth.engine_problems import engine_problems
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.cloud_run.model import Mount, is_mounted, model_variables, mount
from modelberth.gcp.cloud_run.watching import capture_variables
from modelberth.naming import content_digest
from modelberth.runtimes import container

if TYPE_CHECKING:
    from modelberth.runtimes import Container, Route
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["Server", "is_ours", "problems", "server"]

# The image is the service's, and may be one that the program builds: its digest is known only after that.
_ANY: Final = "any"
_OURS: Final = frozenset({"onnxruntime", "custom"})
# Cloud Run itself ends requests that take too long, and gives an instance no more of them than it may have.
_BY_CLOUD_RUN: Final = frozenset({"limits.timeout", "limits.concurrency"})


@dataclass(frozen=True, slots=True)
class Server:
    """How the server is started, and where it answers.

    Attributes:
        environment: its variables
        entry_point: in place of the image's own; empty: that
        command: further arguments
        port: that requests come to
        ready: route that answers once the model is loaded
        live: route that answers while the server runs
        predict: route of predictions
        mount: folder with the model; None: none is mounted

    """

    environment: Mapping[str, str]
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    port: int
    ready: Route
    live: Route
    predict: Route
    mount: Mount | None


def is_ours(spec: EndpointSpec) -> bool:
    """Whether the server reads our variables: our own does, and an image of one's own gets them too."""
    return spec.runtime.engine in _OURS


def server(spec: EndpointSpec, target: CloudRunTarget) -> Server:
    """Derive the server from the spec and the way that its model comes.

    Raises:
        SpecError: the engine cannot serve the model; `problems` tells it before.

    """
    made = _container(spec)
    mounted = mount(spec.model, made.model_mount) if is_mounted(spec, target) else None
    ours = _told(spec, target, made, mounted) if is_ours(spec) else {}
    return Server(
        {**made.env, **ours},
        made.command,
        made.args,
        made.ports["http"],
        made.ready,
        made.live,
        made.predict,
        mounted,
    )


def problems(spec: EndpointSpec, target: CloudRunTarget) -> Iterator[Problem]:
    """Yield what the engine does not honour, and what it would need a file of its own for."""
    del target  # Every region has the same.
    yield from engine_problems(spec, _BY_CLOUD_RUN)
    try:
        made = _container(spec)
    except SpecError as error:
        yield from error.problems
        return
    if made.files:
        yield _file_problem(spec)


def _container(spec: EndpointSpec) -> Container:
    # Nobody collects a server's metrics there, and some servers need a file to be told of them.
    unwatched = spec.monitoring.model_copy(update={"metrics": False})
    return container(spec.model_copy(update={"monitoring": unwatched}), image=_ANY)


def _told(
    spec: EndpointSpec, target: CloudRunTarget, made: Container, mounted: Mount | None
) -> dict[str, str]:
    """Our own variables; the port for operators is that of another server in no image but ours."""
    operators = made.ports.get("metrics")
    return {
        **model_variables(spec.model, mounted),
        **capture_variables(spec, target),
        **({} if operators is None else {"MODELBERTH_ADMIN_PORT": str(operators)}),
        "MODELBERTH_LOG_FORMAT": "json",
        "MODELBERTH_REVISION": f"m{content_digest(spec.model.model_dump_json())}",
    }


def _file_problem(spec: EndpointSpec) -> Problem:
    hint = "A service mounts no files of configuration; an image of one's own may have them."
    if spec.runtime.engine == "triton":
        allowed = "triton for engine triton: a repository that has its own config.pbtxt"
        return Problem("model.format", shown(spec.model.format), allowed, hint)
    allowed = f"nothing with engine {spec.runtime.engine} on target `cloud_run`"
    return Problem("runtime.batching", "a mapping", allowed, hint)
