"""What an engine does not honour of a spec, as refusals of the config."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from modelberth.errors import Problem
from modelberth.runtimes import refusals

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec

__all__ = ["engine_problems"]


def engine_problems(spec: EndpointSpec, in_front: Collection[str] = ()) -> Iterator[Problem]:
    """Yield fields that the engine's own server does not honour.

    Args:
        spec: of the endpoint
        in_front: paths of fields that something in front of the server honours

    """
    gpu = "nothing" if spec.resources.gpu is None else "a mapping"
    for refusal in refusals(spec):
        if refusal.path not in in_front:
            given = gpu if refusal.path == "resources.gpu" else "a value"
            allowed = f"only the default with engine {spec.runtime.engine}"
            yield Problem(refusal.path, given, allowed, refusal.reason)
