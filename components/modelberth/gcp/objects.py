"""Names in Cloud Storage: what no bucket and no object is called, found out before anybody asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import GcpTarget

__all__ = ["prefix_problems", "problems"]

# https://docs.cloud.google.com/storage/docs/buckets, "Bucket names": 63 characters, or parts of 63 between
# dots, 222 in all. Names that Google keeps for itself are not refused: its own buckets have them.
_BUCKET: Final = re.compile(
    r"(?=.{3,222}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*"
)
# https://docs.cloud.google.com/storage/docs/objects, "Object names".
_LONGEST_NAME: Final = 1024
_BROKEN: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def problems(spec: EndpointSpec, target: GcpTarget) -> Iterator[Problem]:
    """Yield models at addresses that nothing in Cloud Storage has."""
    del target  # Every region has the same.
    for path, model in spec.models.items():
        if model.scheme == "gs":
            yield from _problems(model.uri, f"{path}.uri")


def prefix_problems(uri: str, path: str) -> Iterator[Problem]:
    """Yield why samples cannot be written below an address: a whole bucket would be the replicas' to fill."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name.strip("/"):
        yield Problem(path, shown(uri), "a folder in Cloud Storage, gs://BUCKET/PREFIX")


def _problems(uri: str, path: str) -> Iterator[Problem]:
    bucket, _, quoted = uri.removeprefix("gs://").partition("/")
    if _BUCKET.fullmatch(bucket) is None:
        allowed = "a bucket of 3 to 63 lower-case letters, digits, hyphens, underscores and dots"
        yield Problem(path, shown(uri), allowed)
    if reason := _fault(quoted):
        yield Problem(path, shown(uri), f"the name of an object, percent-encoded: {reason}")


def _fault(quoted: str) -> str:
    """Return what no name of an object is, nothing where it is one."""
    if _BROKEN.search(quoted):
        return "a % stands before two hexadecimal digits, itself as %25"
    try:
        name = unquote(quoted, errors="strict")
    except UnicodeDecodeError:
        return "it is UTF-8"
    if any(character in name for character in "\r\n\0"):
        return "it has no end of a line and no NUL"
    if name in {".", ".."} or name.startswith(".well-known/acme-challenge/"):
        return "it is neither . nor .. nor below .well-known/acme-challenge/"
    size = len(name.encode())
    return f"it has {_LONGEST_NAME} bytes at most, and this {size}" if size > _LONGEST_NAME else ""
