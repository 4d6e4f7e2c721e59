"""What pods may do to their node, and what a bucket deletes by itself."""

from typing import Any

from modelberth.preview.effects import Kind

from .case import DANGER, Case, silent, tells
from .policy_inputs import WIDER
from .serving_inputs import DEPLOYMENT

WORKLOADS = ("apps/v1:Deployment", "apps/v1:StatefulSet", "apps/v1:DaemonSet", "batch/v1:Job")


def pod(container: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "server", **(container or {})}], **more}}}}


def context(**given: Any) -> dict[str, Any]:
    return pod({"securityContext": given})


def delete_after(days: int, action: str = "Delete") -> dict[str, Any]:
    return {"action": {"type": action}, "condition": {"age": days}}


def expires(days: int, status: str = "Enabled") -> dict[str, Any]:
    return {"rules": [{"id": "old", "status": status, "expiration": {"days": days}}]}


GCS, S3 = "gcp:storage/bucket:Bucket", "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"

CASES: list[Case] = [
    tells(
        f"{kind}: privileged",
        f"kubernetes:{kind}",
        pod(),
        context(privileged=True),
        WIDER,
        DANGER,
        "whatever its root may",
    )
    for kind in WORKLOADS
]
CASES += [
    tells(
        "pod: privileged",
        "kubernetes:core/v1:Pod",
        {"spec": {}},
        {"spec": {"hostPID": True}},
        WIDER,
        DANGER,
        "see the node's processes",
    ),
    tells(
        "the node's network",
        DEPLOYMENT,
        pod(),
        pod(hostNetwork=True),
        WIDER,
        DANGER,
        "use the node's network",
    ),
    tells(
        "a folder of the node",
        DEPLOYMENT,
        pod(),
        pod(volumes=[{"name": "a", "hostPath": {"path": "/etc"}}]),
        WIDER,
        DANGER,
        "folder /etc",
    ),
    tells("root", DEPLOYMENT, context(runAsNonRoot=True), context(runAsUser=0), WIDER, DANGER, "run as root"),
    tells(
        "a capability",
        DEPLOYMENT,
        pod(),
        context(capabilities={"add": ["SYS_ADMIN"]}),
        WIDER,
        DANGER,
        "capability SYS_ADMIN",
    ),
    silent(
        "privileged as before",
        DEPLOYMENT,
        context(privileged=True),
        context(privileged=True, runAsUser=1),
        WIDER,
    ),
    silent("no longer privileged", DEPLOYMENT, context(privileged=True), pod(), WIDER),
    silent("a capability less", DEPLOYMENT, pod(), context(capabilities={"drop": ["ALL"]}), WIDER),
    tells(
        "objects go after some days",
        GCS,
        {},
        {"lifecycleRules": [delete_after(30)]},
        Kind.DATA_DELETED,
        DANGER,
        "deletes objects after 30 days:",
    ),
    tells(
        "objects go sooner",
        GCS,
        {"lifecycleRules": [delete_after(90)]},
        {"lifecycleRules": [delete_after(30)]},
        Kind.DATA_DELETED,
        DANGER,
        "after 30 days instead of after 90",
    ),
    silent(
        "objects go later",
        GCS,
        {"lifecycleRules": [delete_after(30)]},
        {"lifecycleRules": [delete_after(90)]},
        Kind.DATA_DELETED,
    ),
    silent(
        "objects become cheaper",
        GCS,
        {},
        {"lifecycleRules": [delete_after(30, "SetStorageClass")]},
        Kind.DATA_DELETED,
    ),
    tells(
        "objects expire sooner",
        S3,
        expires(90),
        expires(30),
        Kind.DATA_DELETED,
        DANGER,
        "after 30 days instead of after 90",
    ),
    silent("a rule that is off", S3, expires(90), expires(30, "Disabled"), Kind.DATA_DELETED),
]
