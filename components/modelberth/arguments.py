"""Where plain values meet Pulumi: what was asked for is registered, what is refused ends the program."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import pulumi

from modelberth.capabilities import require
from modelberth.errors import Problem, SpecError, shown
from modelberth.naming import content_digest
from modelberth.spec import EndpointDeployment, EndpointSpec, Target, parse

T = TypeVar("T", bound=Target)

_ASKED: Final = {
    "modelberth:index:EksEndpoint",
    "modelberth:index:GkeEndpoint",
    "modelberth:index:ModelEndpoint",
}


def asked(spec: EndpointSpec, target: Target, opts: pulumi.ResourceOptions | None = None) -> dict[str, Any]:
    """The inputs of an endpoint's component: a preview shows what was asked for beside what comes of it.

    Empty below an endpoint that has registered the same.
    """
    parent = opts.parent if opts is not None else None
    if parent is not None and parent.pulumi_resource_type in _ASKED:
        return {}
    return {"spec": _recorded(spec), "target": target.model_dump(mode="json")}


def _recorded(spec: EndpointSpec) -> dict[str, Any]:
    """The spec as the state may have it: of webhooks the host, since who knows the address may call it."""
    found = spec.model_dump(mode="json")
    alerts = found["monitoring"]["alerts"]
    alerts["notify"] = [_receiver(one) for one in alerts["notify"]]
    return found


def _receiver(address: str) -> str:
    if not address.startswith("https:"):
        return address
    return f"https://{urlsplit(address).hostname}/… ({content_digest(address)})"


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn refusals into the error that the engine prints alone."""
    try:
        yield
    except SpecError as error:
        raise pulumi.RunError(str(error)) from None


def parse_for(target: type[T], config: Mapping[str, object]) -> tuple[EndpointSpec, T]:
    """Read an entry of a stack's config for an endpoint that has one kind of target, and ask whether it can.

    Raises:
        pulumi.RunError: every problem of the mapping, each with its path.
    """
    spec, found = read_for(target, config)
    with clean_errors():
        require(spec, found)
    return spec, found


def read_for(target: type[T], config: Mapping[str, object]) -> tuple[EndpointSpec, T]:
    """Read an entry of a stack's config, whose target need not be named; the program may add to it.

    Raises:
        pulumi.RunError: every problem of the mapping, each with its path.
    """
    kind = target.model_fields["kind"].default
    with clean_errors():
        deployment = parse(EndpointDeployment, {"target": {"kind": kind}, **config})
        if not isinstance(deployment.target, target):
            raise SpecError(Problem("target.kind", shown(deployment.target.kind), kind))
    return deployment.spec, deployment.target
