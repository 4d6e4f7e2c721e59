"""Rows of the controls undone in the modes."""

from __future__ import annotations

from typing import Final

from support.clouds.flips import GONE, Flip
from support.gcp.modes import name_of

__all__ = ["FLIPS"]

_BLOCKS: Final = name_of("blocks: everything")

FLIPS: Final = (
    Flip("G7", f"{_BLOCKS}-registry-repository", "kmsKeyName", GONE, "CKV_GCP_84"),
    Flip("G9", f"{_BLOCKS}-registry-reader-deploy", "member", "allUsers", "CKV_GCP_101"),
    Flip("G10", f"{_BLOCKS}-key-key", "rotationPeriod", "31536000s", "CKV_GCP_43"),
    Flip("G18", f"{_BLOCKS}-store-bucket", "uniformBucketLevelAccess", False, "CKV_GCP_29"),
    Flip("G18", f"{_BLOCKS}-store-bucket", "versioning.enabled", False, "CKV_GCP_78"),
    Flip("G18", f"{_BLOCKS}-store-bucket", "publicAccessPrevention", "inherited", "CKV_GCP_114"),
)
