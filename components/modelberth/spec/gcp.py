"""What every target in Google Cloud holds: the project, the region, and where copies of models lie."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from .rules import Matching, Part

__all__ = ["ArtifactImage", "DirectVpc", "GcpTarget", "GcsPrefix", "ServiceTarget"]

_KIND: Final = "The target."

GcpProject = Annotated[
    str,
    Matching(
        r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "the id of a Google Cloud project, 6 to 30 lower-case letters, digits and hyphens",
        "Its number belongs into `project_number`.",
    ),
]
GcpProjectNumber = Annotated[
    str,
    Matching(
        r"[1-9][0-9]{5,18}",
        "the number of the project, as text: `gcloud projects describe PROJECT` prints it",
        "Its id belongs into `project`.",
    ),
]
GcpRegion = Annotated[str, Matching(r"[a-z]+-[a-z]+[0-9]+", "a Google Cloud region such as europe-west4")]
ArtifactImage = Annotated[
    str,
    Matching(
        r"[a-z0-9-]+-docker\.pkg\.dev/[a-z0-9.-]+/[a-z0-9]+([._/-][a-z0-9]+)*@sha256:[0-9a-f]{64}",
        "an image in Artifact Registry by digest, LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/NAME@sha256:…",
        "A tag can be moved to another image; a digest cannot.",
    ),
]
# The prefix becomes part of IAM's conditions, which compare it character by character.
GcsPrefix = Annotated[
    str,
    Matching(
        r"gs://[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*/?",
        "a prefix in Cloud Storage, gs://BUCKET/PREFIX",
    ),
    Field(max_length=512),
]
ModelPrefix = Annotated[
    str,
    Matching(
        r"(https|s3|azblob|hf)://[A-Za-z0-9][A-Za-z0-9.-]*(/[A-Za-z0-9._=%-]+)*/?",
        "the beginning of a model's address, such as s3://BUCKET/PREFIX",
    ),
    Field(max_length=512),
]
NetworkName = Annotated[
    str,
    Matching(
        r"(projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/global/networks/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
        "the name of a network, or projects/PROJECT/global/networks/NAME of another project",
    ),
]
SubnetworkName = Annotated[
    str,
    Matching(
        r"(projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/regions/[a-z0-9-]+/subnetworks/)?"
        r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
        "the name of a subnetwork, or projects/PROJECT/regions/REGION/subnetworks/NAME of another project",
    ),
]
NetworkTag = Annotated[
    str, Matching(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "a network tag, 1 to 63 lower-case letters and digits")
]

BillingAccount = Annotated[
    str, Matching(r"[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}", "the id of a billing account, 012345-6789AB-CDEF01")
]
LoggingAccount = Annotated[
    str,
    Matching(
        r"[a-z0-9-]+@gcp-sa-logging\.iam\.gserviceaccount\.com",
        "the e-mail address of Cloud Logging's account, NAME@gcp-sa-logging.iam.gserviceaccount.com",
    ),
]


class DirectVpc(Part):
    """An address in a subnetwork for every replica, for what it connects to; no connector stands between."""

    network: NetworkName | None = Field(None, description="Existing network. Unset: that of `subnetwork`.")
    subnetwork: SubnetworkName = Field(description="Existing subnetwork of the region.")
    tags: tuple[NetworkTag, ...] = Field(
        (), max_length=64, description="Network tags that firewall rules know the replicas by."
    )
    egress: Literal["all", "private"] = Field(
        "all",
        description="Connections that go through the network: `all`, or those to `private` addresses alone, "
        "while the rest goes to the internet directly.",
    )


class GcpTarget(Part):
    """A project and a region of Google Cloud; each kind of endpoint there adds what only it has."""

    kind: str = Field(description=_KIND)  # first: it tells the targets apart
    project: GcpProject = Field(description="Google Cloud project id.")
    project_number: GcpProjectNumber = Field(
        description="Number of the project: Google's own service accounts in it are named after it."
    )
    region: GcpRegion = Field(description="Google Cloud region.")
    model_mirrors: Mapping[ModelPrefix, GcsPrefix] = Field(
        {},
        max_length=16,
        description="Copies of models in Cloud Storage, by the beginning of the address that they are copies "
        "of: a model below s3://models is read below gs://models-eu. Its `sha256` holds the copy to "
        "the same bytes.",
    )


class ServiceTarget(GcpTarget):
    """An endpoint that is a service of Google's own, which writes a log and a bill of its own."""

    billing_account: BillingAccount | None = Field(
        None,
        description="Billing account of the project, which watches `budget`: "
        "`gcloud billing projects describe PROJECT` prints it. Needed where `budget` is set.",
    )
    logging_account: LoggingAccount | None = Field(
        None,
        description="Service account that Cloud Logging uses keys as in the project: `gcloud logging "
        "settings describe --project=PROJECT` prints it as `kmsServiceAccountId`. Unset: logs are encrypted "
        "with Google's own keys.",
    )
