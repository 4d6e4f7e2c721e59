"""The manifest of a model package, `modelberth.json`; docs/model-package.md has the format."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from modelberth_server.errors import ModelError

__all__ = ["FORMAT", "MANIFEST", "MAX_MANIFEST_BYTES", "Manifest"]

MANIFEST: Final = "modelberth.json"
FORMAT: Final = 1
MAX_MANIFEST_BYTES: Final = 16 << 20
MAX_FILES: Final = 1000

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9_.+=@,-]{0,127}"
_FILE: Final = rf"{_PART}(/{_PART}){{0,7}}"
_SHA256: Final = r"[0-9a-f]{64}"
_REQUIRED: Final = {"format", "name", "version", "model", "files"}
_OPTIONAL: Final = {"preprocess", "labels", "example", "parity", "metrics", "reference"}


@dataclass(frozen=True)
class Manifest:
    """What a package says of itself; its sha256 pins all of its files by theirs."""

    name: str
    version: str
    model: str
    """Name of the ONNX file."""
    files: Mapping[str, str]
    """Every other file of the package, with its sha256."""
    preprocess: str | None = None
    """Name of the file that defines `preprocess`."""
    labels: tuple[str | int, ...] | None = None
    """Names of the classes, in the order of the scores' columns."""
    example: list[Any] | None = None
    """Rows that a person can try the model with, as `POST /predict` takes them."""
    parity: Mapping[str, Any] | None = None
    """How the package was compared with the original model."""
    metrics: Mapping[str, Any] | None = None
    """Measured quality."""
    reference: Mapping[str, Any] | None = None
    """Histograms of the training data, which `telemetry.drift` reads."""

    @classmethod
    def parse(cls, data: bytes, source: str) -> "Manifest":
        """Read a manifest strictly; `source` names it in errors.

        Raises:
            ModelError: not JSON, a key that is unknown, missing or there twice, a value of the wrong kind, a
                file outside of the package.

        """
        if len(data) > MAX_MANIFEST_BYTES:
            raise ModelError(f"{source}: {len(data)} bytes, at most {MAX_MANIFEST_BYTES} are read")
        try:
            value = json.loads(data.decode(), object_pairs_hook=_unique)
            _require_finite(value, "")
            return _manifest(value)
        except RecursionError:
            raise ModelError(f"{source}: nested too deeply") from None
        except (ValueError, OverflowError) as error:
            raise ModelError(f"{source}: {error}; `modelberth package` writes a valid one") from None


def _manifest(value: Any) -> Manifest:
    fields = _object(value, "the manifest")
    if "format" in fields and (type(fields["format"]) is not int or fields["format"] != FORMAT):
        raise ValueError(f"format: {_shown(fields['format'])}, this server reads format {FORMAT}")
    if missing := _REQUIRED - fields.keys():
        raise ValueError(f"{min(missing)}: missing")
    if unknown := fields.keys() - _REQUIRED - _OPTIONAL:
        known = ", ".join(sorted(_REQUIRED | _OPTIONAL))
        raise ValueError(f"{_shown(min(unknown))}: unknown key, known are {known}")
    files = _files(fields["files"])
    return Manifest(
        name=_matching(fields["name"], _NAME, "name"),
        version=_matching(fields["version"], _NAME, "version"),
        model=_listed(fields["model"], files, "model", ".onnx"),
        files=MappingProxyType(files),
        preprocess=_listed(fields["preprocess"], files, "preprocess", ".py")
        if "preprocess" in fields
        else None,
        labels=tuple(_labels(fields["labels"])) if "labels" in fields else None,
        example=_filled(fields["example"], "example") if "example" in fields else None,
        parity=_object(fields["parity"], "parity") if "parity" in fields else None,
        metrics=_object(fields["metrics"], "metrics") if "metrics" in fields else None,
        reference=_object(fields["reference"], "reference") if "reference" in fields else None,
    )


def _files(value: Any) -> dict[str, str]:
    files = _object(value, "files")
    if not 1 <= len(files) <= MAX_FILES:
        raise ValueError(f"files: {len(files)} of them, allowed are 1 to {MAX_FILES}")
    for name, digest in files.items():
        # No "..", no leading slash or dot, no backslash, no drive: it stays inside on every system.
        if re.fullmatch(_FILE, name) is None:
            raise ValueError(
                f"files: {_shown(name)} is not a relative path inside the package, of letters, digits, '_', "
                "'.', '+', '=', '@', ',' and '-'"
            )
        if name == MANIFEST:
            raise ValueError(f"files: {MANIFEST} cannot list itself")
        _matching(digest, _SHA256, f"files: {name}", "64 lower-case hexadecimal digits")
    return files


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{_shown(next(name for name in names if names.count(name) > 1))}: there twice")
    return fields


def _require_finite(value: Any, where: str) -> None:
    """Refuse NaN and Infinity, which Python writes and JSON has not, and what is too large for a float."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where or 'the manifest'}: {_shown(value)}, expected a finite number")
    if isinstance(value, dict):
        for name, item in value.items():
            _require_finite(item, f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, float | dict | list):
                _require_finite(item, f"{where}[{index}]")


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: {_shown(value)}, expected an object")  # noqa: TRY004 -- a fault of the file
    return value


def _filled(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{where}: {_shown(value)}, expected a list that is not empty")
    return value


def _labels(value: Any) -> list[str | int]:
    labels: list[str | int] = []
    for item in _filled(value, "labels"):
        if type(item) not in (str, int):
            raise ValueError(f"labels: {_shown(item)}, expected strings or whole numbers")
        labels.append(item)
    return labels


def _matching(
    value: Any, pattern: str, where: str, allowed: str = "1 to 128 letters, digits, '.', '_' or '-'"
) -> str:
    if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
        raise ValueError(f"{where}: {_shown(value)}, expected {allowed}")
    return value


def _listed(value: Any, files: Mapping[str, str], where: str, suffix: str) -> str:
    if not isinstance(value, str) or not value.endswith(suffix):
        raise ValueError(f"{where}: {_shown(value)}, expected the name of a {suffix} file")
    if value not in files:
        raise ValueError(f"{where}: {_shown(value)} is not among the files")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
