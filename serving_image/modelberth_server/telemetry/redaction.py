"""Which fields of a model's inputs are captured as they are, hashed, or not at all.

A field is an input of the model, `NAME`, or one column of an input `[rows, columns]`, `NAME[INDEX]`.
"""

import hmac
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import numpy as np

from modelberth_server.errors import SettingsError
from modelberth_server.model.signature import Signature
from modelberth_server.settings import Settings
from modelberth_server.tensors import Array, TensorSpec

__all__ = ["Redaction", "Treatment"]

_DROP: Final = "MODELBERTH_CAPTURE_DROP_FIELDS"
_HASH: Final = "MODELBERTH_CAPTURE_HASH_FIELDS"
_KEY: Final = "MODELBERTH_CAPTURE_HASH_KEY_FILE"
_LEAST_KEY_BYTES: Final = 16
_COLUMN: Final = re.compile(r"(.+)\[([0-9]{1,6})\]")


class Treatment(Enum):
    """What happens to a field before anything else does."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


@dataclass(frozen=True)
class Redaction:
    """The fields that are dropped or hashed; `key` is that of the hash."""

    drop: frozenset[str] = frozenset()
    hash: frozenset[str] = frozenset()
    key: bytes = b""

    @classmethod
    def from_settings(cls, settings: Settings) -> "Redaction":
        """Read the settings and the key.

        Raises:
            SettingsError: there are fields to hash and no key, or the settings contradict each other.

        """
        drop, hashed = frozenset(settings.capture_drop_fields), frozenset(settings.capture_hash_fields)
        if both := sorted(drop & hashed):
            raise SettingsError(f"{_HASH}: {both[0]!r} is in {_DROP} too")
        if not hashed:
            return cls(drop)
        if settings.capture_hash_key_file is None:
            raise SettingsError(f"{_KEY}: required with {_HASH}, and not set; allowed is the path of a file")
        return cls(drop, hashed, _read_key(settings.capture_hash_key_file))

    def check(self, signature: Signature) -> None:
        """See whether every field is one of the model.

        Raises:
            SettingsError: naming the field and those that there are.

        """
        for variable, fields in ((_DROP, self.drop), (_HASH, self.hash)):
            for field in sorted(fields):
                if not any(_covers(field, spec) for spec in signature.inputs):
                    known = ", ".join(map(_shown, signature.inputs))
                    raise SettingsError(
                        f"{variable}: {field!r} is no field of {signature.name} {signature.version}, "
                        f"which has {known}"
                    )

    def of(self, tensor: str, index: int | None) -> Treatment:
        """Tell what happens to an input, or to a column of it; the stricter one where two rules meet."""
        fields = {tensor} if index is None else {tensor, f"{tensor}[{index}]"}
        if fields & self.drop:
            return Treatment.DROP
        return Treatment.HASH if fields & self.hash else Treatment.KEEP

    def hashed(self, tensor: str, values: Array) -> Array:
        """Replace each value by its HMAC-SHA256, in hexadecimal.

        The message is the tensor's name, a zero byte and the value as UTF-8 text (of a number: as Python
        writes it), so equal values of one input can be joined, and those of different inputs cannot.
        """
        prefix = tensor.encode() + b"\0"
        digests = [
            hmac.digest(self.key, prefix + str(value).encode("utf-8", "surrogatepass"), "sha256").hex()
            for value in values.reshape(-1).tolist()
        ]
        return np.array(digests, np.object_).reshape(values.shape)


def columns(spec: TensorSpec) -> int | None:
    """Return the number of columns of an input `[rows, columns]` whose columns can be told apart."""
    return spec.shape[1] if len(spec.shape) == 2 and spec.shape[0] == -1 and spec.shape[1] > 0 else None


def _covers(field: str, spec: TensorSpec) -> bool:
    if field == spec.name:
        return True
    found = _COLUMN.fullmatch(field)
    width = columns(spec)
    return (
        found is not None
        and width is not None
        and found[1] == spec.name
        and field == f"{spec.name}[{int(found[2])}]"
        and int(found[2]) < width
    )


def _shown(spec: TensorSpec) -> str:
    width = columns(spec)
    return f"{spec.name} and {spec.name}[0] to [{width - 1}]" if width else spec.name


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{_KEY}: {path}: {error.strerror}") from None
    if len(key) < _LEAST_KEY_BYTES:
        raise SettingsError(f"{_KEY}: {path} has {len(key)} bytes, at least {_LEAST_KEY_BYTES} are needed")
    return key
