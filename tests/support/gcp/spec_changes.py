"""One change for each field of a spec that some kind of endpoint in Google Cloud honours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support import gcp_cloud_run
from support.clouds.change import Change
from support.clouds.spec_changes import Words
from support.gcp_blocks import KEY, PLACE

__all__ = ["SPEC", "WORDS"]

WORDS: Final = Words(
    models="gs://models/iris",
    image=gcp_cloud_run.IMAGE,
    other_image=gcp_cloud_run.OTHER_IMAGE,
    identity=PLACE.service_account("iris-own"),
    invoker=gcp_cloud_run.CALLER,
    key=KEY,
    tokens={},
    public={"network": {"public": True}},
    certificate="",
    other_certificate="",
    gpu={
        "runtime": {"engine": "custom", "image": gcp_cloud_run.OTHER_IMAGE},
        "model": {**gcp_cloud_run.REMOTE, "format": "custom"},
        "resources": {"gpu": {"kind": "l4"}},
    },
)
SPEC: Final[Mapping[str, Change]] = WORDS.changes()
