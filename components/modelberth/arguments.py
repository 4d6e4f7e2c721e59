"""Where plain values meet Pulumi: what was asked for is registered, what is refused ends the program."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pulumi

from modelberth.errors import SpecError
from modelberth.spec import EndpointSpec, Target


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
