"""The building blocks of AWS on their own, as a team that runs no endpoint yet has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from modelberth.aws import key_policy
from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs, EncryptionKey
from modelberth.aws.model_store import AwsModelStore, AwsModelStoreArgs, ObjectLock
from modelberth.aws.place import Place
from modelberth.aws.registry import AwsRegistry, AwsRegistryArgs
from support.aws.graph import ACCOUNT

__all__ = ["BLOCKS"]

_TAGS: Final = {"team": "plants"}
_PULLER: Final = f"arn:aws:iam::{ACCOUNT}:role/deploy"


def _key(name: str, place: Place) -> EncryptionKey:
    return AwsEncryptionKey(f"{name}-key", AwsEncryptionKeyArgs(place, name)).key


def _minimal(name: str, region: str) -> None:
    place = Place(ACCOUNT, region)
    key = _key(name, place)
    AwsRegistry(f"{name}-registry", AwsRegistryArgs(place, f"models/{name}", key))
    AwsModelStore(f"{name}-store", AwsModelStoreArgs(place, f"{ACCOUNT}-{name}", key))


def _everything(name: str, region: str) -> None:
    place = Place(ACCOUNT, region)
    uses = [
        key_policy.for_logs(place, f"/aws/lambda/{name}"),
        key_policy.for_functions(place, name),
        *key_policy.for_roles(place, [_PULLER], ["ecr", "s3"]),
    ]
    args = AwsEncryptionKeyArgs(
        place, name, uses, rotation_days=90, deletion_window_days=7, tags=_TAGS, protect=True
    )
    key = AwsEncryptionKey(f"{name}-key", args).key
    functions = [place.arn("lambda", f"function:{name}-*")]
    AwsRegistry(
        f"{name}-registry",
        AwsRegistryArgs(
            place,
            f"models/{name}",
            key,
            functions,
            [_PULLER],
            kept_tags=["live*", "canary*"],
            tags=_TAGS,
            protect=True,
        ),
    )
    bucket, lock = f"{ACCOUNT}-{name}", ObjectLock(30)
    AwsModelStore(f"{name}-store", AwsModelStoreArgs(place, bucket, key, lock=lock, tags=_TAGS, protect=True))


def _existing(name: str, region: str) -> None:
    """A key and a bucket for records that somebody else made."""
    place = Place(ACCOUNT, region)
    key = EncryptionKey(place.arn("kms", f"key/{'1' * 8}-1111-1111-1111-{'1' * 12}"))
    AwsRegistry(f"{name}-registry", AwsRegistryArgs(place, f"models/{name}", key))
    AwsModelStore(
        f"{name}-store", AwsModelStoreArgs(place, f"{ACCOUNT}-{name}", key, access_logs=f"{ACCOUNT}-records")
    )


def _prod(name: str, region: str) -> None:
    place = Place(ACCOUNT, region)
    args = AwsEncryptionKeyArgs(place, name, key_policy.for_roles(place, [_PULLER], ["ecr"]), protect=True)
    key = AwsEncryptionKey(f"{name}-key", args).key
    functions = [place.arn("lambda", f"function:{name}-*")]
    AwsRegistry(
        f"{name}-registry",
        AwsRegistryArgs(place, f"models/{name}", key, functions, tags=_TAGS, protect=True),
    )
    AwsModelStore(
        f"{name}-store", AwsModelStoreArgs(place, f"{ACCOUNT}-{name}", key, tags=_TAGS, protect=True)
    )


BLOCKS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "minimal": _minimal,
    "everything": _everything,
    "existing": _existing,
    "prod": _prod,
}
"""Each registers its blocks under a name in a region."""
