"""Objects in S3 as policies name them: a file, a folder, and the key that encrypts them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from modelberth.aws.arn import Arn
from modelberth.aws.key_policy import via
from modelberth.aws.place import Place
from modelberth.model_address import is_file

__all__ = ["by_s3", "s3_objects"]


def s3_objects(uri: str) -> str:
    """Return `BUCKET/KEY` of a file, `BUCKET/PREFIX/*` of a folder; what IAM would expand is escaped."""
    bucket, _, path = uri.removeprefix("s3://").partition("/")
    key = "".join(f"${{{one}}}" if one in "*?$" else one for one in unquote(path))
    if is_file(uri):
        return f"{bucket}/{key}"
    prefix = key.rstrip("/")
    return f"{bucket}/{prefix}/*" if prefix else f"{bucket}/*"


def by_s3(place: Place, keys: Sequence[str], named: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return the conditions for keys: through S3 alone, for these objects, as `s3_objects` has them.

    In a bucket with a bucket key, the bucket is the context.
    """
    regions = {arn.region if (arn := Arn.parse(key)) else place.region for key in keys}
    contexts = dict.fromkeys(name for one in named for name in (one.partition("/")[0], one))
    return {
        "StringEquals": {"kms:ViaService": [via(Place(place.account, one), "s3") for one in sorted(regions)]},
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": [place.arn("s3", one) for one in contexts]},
    }
