"""What an endpoint is made of, as far as its replicas touch it: what their rights are derived from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelberth.aws.place import Place
from modelberth.aws.policies import Statement

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource

__all__ = ["Needs", "Pods", "Service"]

Service = Literal["lambda", "sagemaker", "pods.eks"]


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of a cluster as EKS Pod Identity tells them: by their service account.

    Attributes:
        cluster: its name
        namespace: of the service account
        service_account: its name

    """

    cluster: str
    namespace: str
    service_account: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What the replicas of one endpoint touch.

    Attributes:
        spec: what they serve, and how it is watched
        place: account and region
        service: that runs them, as its principal is called; with `pods.eks` they are pods of a cluster
        log_group: name of the group that they write to, which exists; None where they log to standard output
        function: name of the function, with Lambda
        pods: whose role it is in a cluster, with EKS
        repository: name of the repository in ECR that the image is pulled from, with SageMaker; Lambda pulls
            by the repository's own policy
        vpc: whether they have an address in a network of the account
        dead_letters: name of the queue for events that could not be processed
        repositories: ARNs of further ones that images are pulled from, which may be of other accounts
        capture: folder in S3 that samples are written to, `s3://BUCKET/PREFIX`
        requests: folder in S3 that requests are read from, where they wait in a queue
        answers: folder in S3 that answers to these are written to
        topics: ARNs of the SNS topics that hear of these
        more: what else this kind of endpoint needs

    """

    spec: EndpointSpec
    place: Place
    service: Service
    log_group: str | None
    function: str | None = None
    pods: Pods | None = None
    repository: str | None = None
    vpc: bool = False
    dead_letters: str | None = None
    repositories: tuple[str, ...] = ()
    capture: str | None = None
    requests: str | None = None
    answers: str | None = None
    topics: tuple[str, ...] = ()
    more: tuple[Statement, ...] = ()

    @property
    def models(self) -> tuple[ModelSource, ...]:
        """Every model that a replica may have to read: the endpoint's, the one before it, the variants'."""
        return tuple(self.spec.models.values())

    @property
    def is_traced(self) -> bool:
        """Whether X-Ray gets a share of the requests; it traces functions alone."""
        return self.service == "lambda" and self.spec.monitoring.tracing is not None
