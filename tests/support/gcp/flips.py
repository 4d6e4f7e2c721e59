"""Rows of the controls undone in the modes."""

from __future__ import annotations

from typing import Final

from modelberth.naming import content_digest
from support.clouds.flips import GONE, Flip
from support.gcp.modes import name_of
from support.gcp_cloud_run import CALLER

__all__ = ["FLIPS"]

_BLOCKS: Final = name_of("blocks: everything")
# The name of a grant tells whose it is.
_INVOKER: Final = f"{name_of('cloud run: called by members')}-invoker-{content_digest(CALLER)}"
_ENDPOINT: Final = f"{name_of('vertex: everything')}-endpoint"
_CLUSTER: Final = f"{name_of('gke: standard')}-cluster-cluster"
_NODES: Final = f"{name_of('gke: standard')}-cluster-nodes"

FLIPS: Final = (
    Flip("G7", f"{_BLOCKS}-registry-repository", "kmsKeyName", GONE, "CKV_GCP_84"),
    Flip("G9", f"{_BLOCKS}-registry-reader-deploy", "member", "allUsers", "CKV_GCP_101"),
    Flip("G10", f"{_BLOCKS}-key-key", "rotationPeriod", "31536000s", "CKV_GCP_43"),
    Flip("G1", _INVOKER, "member", "allUsers", "CKV_GCP_102"),
    Flip("G7", _ENDPOINT, "encryptionSpec", GONE, "CKV2_GCP_24"),
    Flip("G11", _CLUSTER, "privateClusterConfig", GONE, "CKV_GCP_64"),
    Flip("G12", _CLUSTER, "masterAuthorizedNetworksConfig", GONE, "CKV_GCP_20"),
    Flip("G13", _NODES, "nodeConfig.workloadMetadataConfig.mode", "GCE_METADATA", "CKV_GCP_69"),
    Flip("G15", _NODES, "management.autoRepair", False, "CKV_GCP_9"),
    Flip("G15", _NODES, "management.autoUpgrade", False, "CKV_GCP_10"),
    Flip("G15", _NODES, "nodeConfig.shieldedInstanceConfig.enableSecureBoot", False, "CKV_GCP_68"),
    Flip("G15", _NODES, "nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring", False, "CKV_GCP_72"),
    Flip("G15", _CLUSTER, "enableShieldedNodes", False, "CKV_GCP_71"),
    Flip("G15", _CLUSTER, "releaseChannel", GONE, "CKV_GCP_70"),
    Flip("G16", _CLUSTER, "binaryAuthorization", GONE, "CKV_GCP_66"),
    Flip("G17", _CLUSTER, "enableLegacyAbac", True, "CKV_GCP_7"),
    Flip("G17", _CLUSTER, "masterAuth.clientCertificateConfig.issueClientCertificate", True, "CKV_GCP_13"),
    Flip("G18", f"{_BLOCKS}-store-bucket", "uniformBucketLevelAccess", False, "CKV_GCP_29"),
    Flip("G18", f"{_BLOCKS}-store-bucket", "versioning.enabled", False, "CKV_GCP_78"),
    Flip("G18", f"{_BLOCKS}-store-bucket", "publicAccessPrevention", "inherited", "CKV_GCP_114"),
)
