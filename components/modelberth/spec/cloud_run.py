"""What only Google Cloud Run holds: the image, the revision to come from, the network and the GPU's zones."""

from typing import Annotated, Final, Literal

from pydantic import Field

from .gcp import ArtifactImage, DirectVpc, GcsPrefix, ServiceTarget
from .rules import Count, Flag, Matching

__all__ = ["CloudRunTarget"]

_KIND: Final = "The target."

RevisionName = Annotated[
    str,
    Matching(
        r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
        "the name of a revision, as `gcloud run revisions list` has it",
    ),
]
BinaryAuthorizationPolicy = Annotated[
    str,
    Matching(
        r"projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/platforms/cloudRun/policies/[A-Za-z0-9_-]{1,63}",
        "a platform policy, projects/PROJECT/platforms/cloudRun/policies/NAME",
    ),
]
SecretName = Annotated[
    str,
    Matching(
        r"projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/secrets/[A-Za-z0-9_-]{1,255}",
        "a secret in Secret Manager without a version, projects/PROJECT/secrets/NAME",
    ),
]


class CloudRunTarget(ServiceTarget):
    """A service in Google Cloud Run."""

    kind: Literal["cloud_run"] = Field("cloud_run", description=_KIND)
    image: ArtifactImage | None = Field(
        None,
        description="Serving image by digest, in Artifact Registry, as `make image` builds it. "
        "`runtime.image` comes first.",
    )
    previous_revision: RevisionName | None = Field(
        None,
        description="Name of the revision that serves `rollout.previous`: `revision` of the endpoint's "
        "contract while that model was all there was. Google keeps 1,000 revisions of a service, and deletes "
        "the oldest of those that get no requests.",
    )
    restart: Count = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Any number. Another one makes a new revision of the same content, such as after one "
        "that did not start for want of a quota: Cloud Run tries none a second time.",
    )
    model_access: Literal["download", "mount"] = Field(
        "download",
        description="How a model in Cloud Storage comes to an instance: `download` at its start, into files "
        "that Cloud Run keeps in the instance's memory, or the bucket as a folder that is read as needed "
        "(`mount`), which takes the right to list it.",
    )
    billing: Literal["requests", "instances"] = Field(
        "requests",
        description="Whether processors are there, and paid for, only while requests are in progress, or as "
        "long as the instance is. An endpoint with a GPU has `instances`.",
    )
    ingress: Literal["internal", "load_balancer"] = Field(
        "internal",
        description="Whence requests may come while `security.network.public` is off: the project's networks "
        "alone, or Google's load balancers too. With `load_balancer`, one that exists is called by "
        "`security.tls.domain`, and the service's own address is off.",
    )
    vpc: DirectVpc | None = Field(
        None,
        description="Network of the instances, for what they connect to. With its `egress` all, Cloud "
        "Storage takes Private Google Access in the subnetwork, and a model from the internet Cloud NAT. "
        "Unset: the service's own.",
    )
    zonal_redundancy: Flag = Field(
        default=False,
        description="Capacity for an instance with a GPU in more than one zone, at a higher price.",
    )
    binary_authorization: Literal["default", "none"] | BinaryAuthorizationPolicy = Field(
        "default",
        description="Policy that says which images may run: the project's `default`, which lets in every "
        "image until somebody changes it, one by name, or `none`.",
    )
    capture: GcsPrefix | None = Field(
        None, description="Existing prefix for `monitoring.capture`. Unset: none."
    )
    capture_hash_key: SecretName | None = Field(
        None,
        description="Existing secret with the key, at least 16 bytes, for `monitoring.capture.hash_fields`. "
        "Unset: none.",
    )
