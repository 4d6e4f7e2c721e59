"""The life of a stack in Google Cloud on the real engine."""

from __future__ import annotations

from typing import Final

from support.clouds.life import Cloud
from support.gcp.graph import PACKAGES, SETTINGS
from support.gcp_blocks import PLACE

__all__ = ["GCP"]

GCP: Final = Cloud(
    packages=(*PACKAGES, "kubernetes"),
    settings=SETTINGS,
    config={"gcp:project": PLACE.project, "gcp:region": PLACE.region},
    said_elsewhere=frozenset(
        {
            *("alertStrategy", "conditions", "documentation"),
            *("description", "displayName", "labels", "location", "project", "region"),
        }
    ),
)
