"""What an endpoint is made of, as far as its replicas touch it: what their rights are derived from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelberth.gcp.grants import Grant
from modelberth.gcp.place import Place

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource

__all__ = ["Needs", "Pods", "Service"]

Service = Literal["run", "vertex", "gke"]


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of clusters as Workload Identity Federation for GKE tells them: by their service account.

    Every cluster of a project is in the same pool: a service account of the same names in another one of them
    is the same to IAM.

    Attributes:
        namespace: of the service account
        service_account: its name in Kubernetes

    """

    namespace: str
    service_account: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What the replicas of one endpoint touch.

    Attributes:
        spec: what they serve, and how it is watched
        place: project and region
        service: that runs them; in GKE the nodes' own account writes logs and metrics
        pods: whose identity it is in clusters of the project, with GKE
        mounted: whether the models' buckets are mounted as folders; a mount lists
        capture: folder in Cloud Storage that samples are written to, `gs://BUCKET/PREFIX`
        secrets: names of secrets that they read, `projects/PROJECT/secrets/SECRET`
        more: what else this kind of endpoint needs

    """

    spec: EndpointSpec
    place: Place
    service: Service
    pods: Pods | None = None
    mounted: bool = False
    capture: str | None = None
    secrets: tuple[str, ...] = ()
    more: tuple[Grant, ...] = ()

    @property
    def models(self) -> tuple[ModelSource, ...]:
        """Every model that a replica may have to read: the endpoint's, the one before it, the variants'."""
        return tuple(self.spec.models.values())

    @property
    def is_traced(self) -> bool:
        """Whether Cloud Trace gets a share of the requests."""
        return self.spec.monitoring.tracing is not None
