"""Where each kind of endpoint lives; its package is imported for its users alone, since SDKs are large."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from modelberth.errors import Problem

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of endpoint.

    Attributes:
        room: its package, with the component in `endpoint` and what it refuses in `checks`
        name: of the component's class; that of its arguments ends in Args
        is_checked: whether there is more to refuse than the capabilities do

    """

    room: str
    name: str
    is_checked: bool = True

    def component(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return the component's class, and that of its arguments."""
        module = import_module(f"{self.room}.endpoint")
        return getattr(module, self.name), getattr(module, f"{self.name}Args")

    def check(self) -> Callable[..., tuple[Problem, ...]]:
        """Return what names the combinations of a spec and a target that cannot be had."""
        found: Callable[..., tuple[Problem, ...]] = import_module(f"{self.room}.checks").check
        return found


KINDS: Final[Mapping[str, Kind]] = {
    "local": Kind("modelberth.local", "LocalEndpoint", is_checked=False),
    "kubernetes": Kind("modelberth.kubernetes", "KubernetesEndpoint"),
    "lambda": Kind("modelberth.aws.lambda_", "LambdaEndpoint"),
    "sagemaker": Kind("modelberth.aws.sagemaker", "SageMakerEndpoint"),
    "eks": Kind("modelberth.aws.eks", "EksEndpoint"),
    "cloud_run": Kind("modelberth.gcp.cloud_run", "CloudRunEndpoint"),
    "vertex": Kind("modelberth.gcp.vertex", "VertexEndpoint"),
    "gke": Kind("modelberth.gcp.gke", "GkeEndpoint"),
}
"""By `target.kind`: those that can be deployed."""
