"""What is to run on an endpoint: models with their machines, and which share of the requests each gets."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth.provider.resource import ResourceError

__all__ = ["CPU", "DUTY_CYCLE", "Deployment", "Desired", "Share"]

_PREFIX: Final = "aiplatform.googleapis.com/prediction/online"
CPU: Final = f"{_PREFIX}/cpu/utilization"
DUTY_CYCLE: Final = f"{_PREFIX}/accelerator/duty_cycle"
"""What replicas may follow, in percent (DedicatedResources.autoscalingMetricSpecs)."""


@dataclass(frozen=True)
class Deployment:
    """A version of a model on machines.

    Attributes:
        model: projects/…/locations/…/models/…@VERSION; without a version it would be another one tomorrow
        machine_type: such as n1-standard-4
        accelerator_type: such as NVIDIA_TESLA_T4; empty for none
        accelerator_count: of each machine
        min_replicas: 1 or more, since Vertex AI does not scale to zero
        max_replicas: of which the quota counts each
        targets: percent by metric, which replicas are added above of
        service_account: that the container acts as; empty for one without access to the project
        access_log: whether each request is logged
    """

    model: str
    machine_type: str
    min_replicas: int = 1
    max_replicas: int = 1
    accelerator_type: str = ""
    accelerator_count: int = 0
    targets: tuple[tuple[str, int], ...] = ()
    service_account: str = ""
    access_log: bool = False

    def __post_init__(self) -> None:
        if "@" not in self.model.rpartition("/")[2]:
            raise ResourceError.about(
                "model", repr(self.model), "the name of a version, models/MODEL@VERSION"
            )
        if not 1 <= self.min_replicas <= self.max_replicas:
            given = f"{self.min_replicas} to {self.max_replicas}"
            hint = "Vertex AI does not scale to zero."
            raise ResourceError.about(
                "replicas", given, "1 or more, and no fewer at most than at least", hint
            )

    @property
    def fixed(self) -> dict[str, Any]:
        """What takes another deployment to change."""
        machine: dict[str, Any] = {"machineType": self.machine_type}
        if self.accelerator_type:
            count = self.accelerator_count
            machine |= {"acceleratorType": self.accelerator_type, "acceleratorCount": count}
        found: dict[str, Any] = {"model": self.model, "dedicatedResources": {"machineSpec": machine}}
        if self.service_account:
            found["serviceAccount"] = self.service_account
        return found | ({"enableAccessLogging": True} if self.access_log else {})

    @property
    def scaling(self) -> dict[str, Any]:
        """What can be changed while it serves, of its `dedicatedResources`."""
        targets = [{"metricName": metric, "target": target} for metric, target in sorted(self.targets)]
        return {
            "minReplicaCount": self.min_replicas,
            "maxReplicaCount": self.max_replicas,
            **({"autoscalingMetricSpecs": targets} if targets else {}),
        }


@dataclass(frozen=True)
class Share:
    """A deployment and its percentage of the requests; 0 is kept deployed all the same."""

    deployment: Deployment
    percent: int


@dataclass(frozen=True)
class Desired:
    """Everything that one resource of ours wants on an endpoint.

    Attributes:
        owner: the display name of what it deploys: by it a deployment is known that nobody wrote down,
            because the command ended before it could
        endpoint: projects/…/locations/…/endpoints/…
        shares: nothing to take it all away; else their percentages sum to 100
    """

    owner: str
    endpoint: str
    shares: tuple[Share, ...]

    def __post_init__(self) -> None:
        given = ", ".join(f"{one.deployment.model.rpartition('/')[2]}: {one.percent}" for one in self.shares)
        total = sum(one.percent for one in self.shares)
        if self.shares and (total != 100 or any(one.percent < 0 for one in self.shares)):
            hint = f"They sum to {total}."
            raise ResourceError.about("traffic", given, "percentages from 0 that sum to 100", hint)
        if any(number > 1 for number in Counter(self._ids).values()):
            raise ResourceError.about("traffic", given, "each deployment once", "Add their percentages up.")

    @property
    def _ids(self) -> list[str]:
        """In the order of the shares."""
        return [self.id_of(one.deployment) for one in self.shares]

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """What runs, by the id that it has."""
        return dict(zip(self._ids, (one.deployment for one in self.shares), strict=True))

    @property
    def traffic(self) -> Mapping[str, int]:
        """Percent of the requests by id, of those that get any."""
        return {name: one.percent for name, one in zip(self._ids, self.shares, strict=True) if one.percent}

    def id_of(self, deployment: Deployment) -> str:
        """The id that a deployment has on the endpoint: ten digits, the longest that can be chosen.

        It follows from what cannot be changed in place, so that a second attempt is refused by the API where
        the first one got through, and the same thing never runs twice.
        """
        what = json.dumps([self.owner, self.endpoint, deployment.fixed], sort_keys=True)
        number = int.from_bytes(hashlib.sha256(what.encode()).digest())
        return str(10**9 + number % (9 * 10**9))

    def document_of(self, deployment: Deployment) -> dict[str, Any]:
        """The `deployedModel` that the API is asked for."""
        resources = {**deployment.fixed["dedicatedResources"], **deployment.scaling}
        named = {"id": self.id_of(deployment), "displayName": self.owner}
        return {**deployment.fixed, **named, "dedicatedResources": resources}
