"""What our own server is told to keep of its requests, whichever store takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelberth.spec.monitoring import Capture

__all__ = ["capture_variables"]


def capture_variables(capture: Capture, uri: str, key_file: str) -> dict[str, str]:
    """Return the variables of a replica.

    Args:
        capture: what is kept, and what is left out of it
        uri: folder that samples are written to
        key_file: file in the container with the key that fields are hashed with, where any are

    """
    told = {
        "MODELBERTH_CAPTURE_URI": uri,
        "MODELBERTH_CAPTURE_PERCENT": f"{capture.percent:.9f}".rstrip("0").rstrip("."),
    }
    if capture.drop_fields:
        told["MODELBERTH_CAPTURE_DROP_FIELDS"] = ",".join(capture.drop_fields)
    if capture.hash_fields:
        told["MODELBERTH_CAPTURE_HASH_FIELDS"] = ",".join(capture.hash_fields)
        told["MODELBERTH_CAPTURE_HASH_KEY_FILE"] = key_file
    return told
