"""Guards of resources of Google Cloud that are taken away, and changes that take none."""

from typing import Any, Final

from modelberth.preview.effects import Kind
from modelberth.preview.plan import Marker

from .case import DANGER, Case, silent, tells

_LIFTED, _WIDER = Kind.PROTECTION_LIFTED, Kind.PERMISSIONS_WIDENED
_RUN: Final = "gcp:cloudrunv2/service:Service"
_CLUSTER: Final = "gcp:container/cluster:Cluster"
_POOL: Final = "gcp:container/nodePool:NodePool"
_KEY: Final = "gcp:kms/cryptoKey:CryptoKey"
_BUCKET: Final = "gcp:storage/bucket:Bucket"
_REGISTRY: Final = "gcp:artifactregistry/repository:Repository"
_ALERT: Final = "gcp:monitoring/alertPolicy:AlertPolicy"


def nested(path: str, value: Any) -> dict[str, Any]:
    """Inputs that hold a value at a path; nothing for none."""
    if value is None:
        return {}
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


# Type, path, value that guards, value that does not, words of the sentence.
_SWITCHES: Final[tuple[tuple[str, str, Any, Any, str], ...]] = (
    (_RUN, "template.vpcAccess.egress", "ALL_TRAFFIC", "PRIVATE_RANGES_ONLY", "past its network"),
    (_RUN, "binaryAuthorization.useDefault", True, None, "may run any image"),
    (
        _RUN,
        "binaryAuthorization.policy",
        "projects/p/platforms/cloudRun/policies/a",
        None,
        "may run any image",
    ),
    (_CLUSTER, "enableShieldedNodes", True, False, "checks what its machines start with"),
    (_CLUSTER, "privateClusterConfig.enablePrivateNodes", True, False, "addresses on the internet"),
    (
        _CLUSTER,
        "binaryAuthorization.evaluationMode",
        "PROJECT_SINGLETON_POLICY_ENFORCE",
        "DISABLED",
        "may run any image",
    ),
    (_CLUSTER, "releaseChannel.channel", "REGULAR", None, "no longer gets releases"),
    (_CLUSTER, "loggingConfig.enableComponents", ["APISERVER", "WORKLOADS"], ["WORKLOADS"], "of APISERVER"),
    (_POOL, "networkConfig.enablePrivateNodes", True, False, "addresses on the internet"),
    (_POOL, "nodeConfig.shieldedInstanceConfig.enableSecureBoot", True, False, "start with"),
    (_POOL, "nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring", None, False, "start with"),
    (_POOL, "management.autoRepair", True, False, "no longer replaces machines"),
    (_POOL, "management.autoUpgrade", True, False, "no longer gets releases"),
    (_KEY, "rotationPeriod", "7776000s", None, "no longer rotated"),
    (_KEY, "rotationPeriod", "7776000s", "31536000s", "every 365 days, not every 90"),
    (_KEY, "destroyScheduledDuration", None, "86400s", "for 1 days once it is destroyed, not 30"),
    (_REGISTRY, "dockerConfig.immutableTags", True, False, "moved to another image"),
    (
        _REGISTRY,
        "vulnerabilityScanningConfig.enablementConfig",
        "INHERITED",
        "DISABLED",
        "no longer has its images scanned",
    ),
    (_BUCKET, "uniformBucketLevelAccess", True, False, "an access list of each object"),
    (_BUCKET, "retentionPolicy.retentionPeriod", 864000, 86400, "for 1 days, not 10"),
    (_BUCKET, "retentionPolicy.retentionPeriod", 864000, None, "for 0 days, not 10"),
    (_BUCKET, "softDeletePolicy.retentionDurationSeconds", 2592000, None, "for 7 days, not 30"),
    (_BUCKET, "logging.logBucket", "logs", None, "who reads and writes it"),
    (_ALERT, "notificationChannels", ["a"], None, "tells nobody"),
    (_ALERT, "enabled", True, False, "no longer alerts"),
)

CASES: list[Case] = []
for token, path, on, off, says in _SWITCHES:
    label = f"{token} {path} {on} to {off}"
    before, after = nested(path, on), nested(path, off)
    CASES += [
        tells(label, token, before, after, _LIFTED, DANGER, says),
        silent(f"{label}: the other way", token, after, before, _LIFTED),
        silent(f"{label}: made so", token, None, after, _LIFTED),
        silent(f"{label}: goes as a whole", token, before, None, _LIFTED, retain=True),
    ]

CASES += [
    silent(
        "an unknown switch is none that is off",
        _REGISTRY,
        nested("dockerConfig.immutableTags", True),
        nested("dockerConfig.immutableTags", Marker.UNKNOWN),
        _LIFTED,
    ),
    silent(
        "an unknown time is none that is shorter",
        _KEY,
        nested("rotationPeriod", "7776000s"),
        nested("rotationPeriod", Marker.UNKNOWN),
        _LIFTED,
    ),
    tells(
        "a GPU in one zone",
        _RUN,
        {"template": {"nodeSelector": {"accelerator": "nvidia-l4"}}},
        {"template": {"nodeSelector": {"accelerator": "nvidia-l4"}, "gpuZonalRedundancyDisabled": True}},
        _LIFTED,
        DANGER,
        "in one zone",
    ),
    silent(
        "a first GPU, in one zone",
        _RUN,
        {"template": {}},
        {"template": {"nodeSelector": {"accelerator": "nvidia-l4"}, "gpuZonalRedundancyDisabled": True}},
        _LIFTED,
    ),
    tells(
        "access by attributes",
        _CLUSTER,
        {},
        {"enableLegacyAbac": True},
        _WIDER,
        DANGER,
        "every service account",
    ),
    silent("no access by attributes", _CLUSTER, {"enableLegacyAbac": True}, {}, _WIDER),
    tells(
        "pods act as their machine",
        _CLUSTER,
        nested("workloadIdentityConfig.workloadPool", "p.svc.id.goog"),
        {},
        _WIDER,
        DANGER,
        "they act as their machine",
    ),
    silent(
        "pods act as themselves",
        _CLUSTER,
        {},
        nested("workloadIdentityConfig.workloadPool", "p.svc.id.goog"),
        _WIDER,
    ),
    tells(
        "metadata of the machine",
        _POOL,
        nested("nodeConfig.workloadMetadataConfig.mode", "GKE_METADATA"),
        nested("nodeConfig.workloadMetadataConfig.mode", "GCE_METADATA"),
        _WIDER,
        DANGER,
        "take on their service account",
    ),
    silent(
        "metadata of the pod",
        _POOL,
        nested("nodeConfig.workloadMetadataConfig.mode", "GCE_METADATA"),
        nested("nodeConfig.workloadMetadataConfig.mode", "GKE_METADATA"),
        _WIDER,
    ),
]
