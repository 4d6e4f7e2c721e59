"""Where plain values meet Pulumi: what was asked for is registered, what is refused ends the program."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import pulumi

from modelberth.capabilities import require
from modelberth.errors import Problem, SpecError, shown
from modelberth.spec import EndpointDeployment, EndpointSpec, Target, parse

T = TypeVar("T", bound=Target)


def asked(spec: EndpointSpec, target: Target, opts: pulumi.ResourceOptions | None = None) -> dict[str, Any]:
    """The inputs of an endpoint's component: a preview shows what was asked for beside what comes of it.

    Empty below a `ModelEndpoint`, which has registered the same.
    """
    parent = opts.parent if opts is not None else None
    if parent is not None and parent.pulumi_resource_type == "modelberth:index:ModelEndpoint":
        return {}
    return {"spec": spec.model_dump(mode="json"), "target": target.model_dump(mode="json")}


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn refusals into the error that the engine prints alone."""
    try:
        yield
    except SpecError as error:
        raise pulumi.RunError(str(error)) from None


def parse_for(target: type[T], config: Mapping[str, object]) -> tuple[EndpointSpec, T]:
    """Read an entry of a stack's config, `target` left out, for an endpoint that has one kind of target.

    Raises:
        pulumi.RunError: every problem of the mapping, each with its path.
    """
    kind = target.model_fields["kind"].default
    with clean_errors():
        deployment = parse(EndpointDeployment, {"target": {"kind": kind}, **config})
        if not isinstance(deployment.target, target):
            raise SpecError(Problem("target.kind", shown(deployment.target.kind), kind))
        require(deployment.spec, deployment.target)
    return deployment.spec, deployment.target
