"""The program's side of `modelberth:vertex:DeployedModel`; the engine's is in `provider/vertex`.

What can be said of a deployment is what the API takes of it (docs.cloud.google.com/vertex-ai/docs/reference/
rest, "Method: endpoints.deployModel", `DeployedModel` and `DedicatedResources`; read 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import pulumi
from pulumi import Input, Output

from modelberth.wire import wire

__all__ = ["CPU", "DUTY_CYCLE", "DeployedModel", "DeployedModelArgs", "Share"]

_ONLINE: Final = "aiplatform.googleapis.com/prediction/online"
CPU: Final = f"{_ONLINE}/cpu/utilization"
"""What replicas may follow: how busy the CPUs are, in percent."""
DUTY_CYCLE: Final = f"{_ONLINE}/accelerator/duty_cycle"
"""What replicas may follow: how busy the accelerators are, in percent."""


@dataclass(frozen=True)
class Share:
    """A version of a model on machines, and its share of the requests.

    Other replicas or targets are changed while it serves; anything else is another deployment, which is there
    before this one goes.
    """

    model: Input[str]
    """The version: projects/…/locations/…/models/ID@VERSION."""
    percent: Input[int]
    """Of the requests; those of all shares sum to 100. With 0 it is deployed all the same."""
    machine_type: Input[str]
    """Such as n1-standard-4."""
    accelerator_type: Input[str] | None = None
    """As the API names it, such as NVIDIA_TESLA_T4. Default: none."""
    accelerator_count: Input[int] | None = None
    """Of each machine."""
    min_replicas: Input[int] | None = None
    """At least; Vertex AI does not scale to zero. Default: 1."""
    max_replicas: Input[int] | None = None
    """At most, and what the quota counts. Default: `min_replicas`."""
    targets: Input[Mapping[str, Input[int]]] | None = None
    """Percent by metric, such as `CPU`, above which replicas are added. Default: Vertex AI's, CPU at 60."""
    service_account: Input[str] | None = None
    """Whom the container acts as. Default: one without access to the project."""
    access_log: Input[bool] | None = None
    """Whether each request is logged, with its time and latency. Default: no."""


@dataclass(frozen=True)
class DeployedModelArgs:
    """What one endpoint runs: all of it, so that an update can move the requests before anything goes."""

    name: Input[str]
    """Display name of what is deployed: whose it is. A change replaces the resource, without a pause."""
    endpoint: Input[str]
    """The endpoint: projects/PROJECT/locations/REGION/endpoints/ID. A change replaces the resource."""
    shares: Sequence[Share]
    """Models and their shares of the requests, each deployment once."""
    config_path: Input[str] | None = None
    """Where these settings stand in the config, such as `endpoints[0]`: refusals begin with it. Another path
    alone changes nothing."""


class DeployedModel(pulumi.CustomResource):
    """Everything that an endpoint runs; what others deployed on it stays, without requests.

    An update deploys what is new, moves the requests and only then takes away what is wanted no more. One
    that was cut off anywhere is taken up by the next. `custom_timeouts` of the resource bound it.
    """

    def __init__(
        self, resource_name: str, args: DeployedModelArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # Outputs that no input carries: named here so that they exist as attributes.
        outputs = dict.fromkeys(("deployedModelIds", "traffic", "holder", "status"))
        super().__init__("modelberth:vertex:DeployedModel", resource_name, {**wire(args), **outputs}, opts)

    @property
    def deployed_model_ids(self) -> Output[Sequence[str]]:
        """Ids that the endpoint knows the deployments by, in the order of the shares."""
        return cast("Output[Sequence[str]]", pulumi.get(self, "deployedModelIds"))

    @property
    def traffic(self) -> Output[Mapping[str, int]]:
        """Percent of the requests by id, of those that get any."""
        return cast("Output[Mapping[str, int]]", pulumi.get(self, "traffic"))
