"""Which versions to serve: one from the variables, or several from a file that may change while they run."""

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from modelberth_server.errors import ModelError, SettingsError
from modelberth_server.model.discovery import discover
from modelberth_server.settings import Settings

if TYPE_CHECKING:
    from modelberth_server.sources.uri import Uri

__all__ = ["ModelReference", "check", "references"]

MAX_WEIGHT: Final = 1_000_000
_KEYS: Final = {"version", "path", "uri", "sha256", "weight", "shadow"}
_VERSION: Final = (
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}",
    "1 to 128 letters, digits, dots, hyphens or underscores, the first a letter or a digit",
)
_SHA256: Final = (r"[0-9a-f]{64}", "64 lower-case hexadecimal digits")


@dataclass(frozen=True)
class ModelReference:
    """A version that shall be served.

    Attributes:
        origin: the variable or the place in the file that names it, for errors
        version: its name in routes and metrics; None: the package's
        sha256: what pins it
        path: ONNX file or package folder
        uri: where to fetch it from; neither of them: in a platform's folder
        weight: its share of the requests that name no version
        shadow: it gets copies of requests, and answers none

    """

    origin: str
    version: str | None
    sha256: str | None
    path: Path | None = None
    uri: str | None = None
    weight: int = 1
    shadow: bool = False


def references(settings: Settings, environ: Mapping[str, str]) -> tuple[ModelReference, ...]:
    """Return the versions that the settings ask for.

    The file has the form `{"versions": [{"version": "3", "path": "/models/3", "sha256": "…", "weight": 90},
    {"version": "4", "uri": "s3://…", "sha256": "…", "shadow": true}]}`.

    Raises:
        SettingsError: the variables contradict each other or name no model where no platform has put one, or
            the file cannot be read or is wrong.

    """
    if settings.models_file is not None:
        for name in ("model_path", "model_uri", "model_sha256"):
            if getattr(settings, name) is not None:
                variable = f"MODELBERTH_{name.upper()}"
                raise SettingsError(
                    f"{variable}: set beside MODELBERTH_MODELS_FILE, which says it for each version"
                )
        return _of_file(settings.models_file)
    if settings.model_path is not None and settings.model_uri is not None:
        raise SettingsError("MODELBERTH_MODEL_URI: set beside MODELBERTH_MODEL_PATH, only one can be served")
    if settings.model_sha256 is None:
        if settings.model_path is None and settings.model_uri is None:
            # Without any model, its digest is the last thing to ask for.
            try:
                discover(environ)
            except ModelError as error:
                raise SettingsError(str(error)) from None
        raise SettingsError(
            "MODELBERTH_MODEL_SHA256: required, and not set; allowed is 64 hexadecimal digits"
        )
    origin = "MODELBERTH_MODEL_URI" if settings.model_uri is not None else "MODELBERTH_MODEL_PATH"
    return (
        ModelReference(
            origin,
            settings.model_version,
            settings.model_sha256,
            settings.model_path,
            settings.model_uri,
        ),
    )


def check(reference: ModelReference, settings: Settings) -> None:
    """Look whether a version could be had, as far as that can be told without the network.

    Raises:
        ModelError: its path does not exist, its uri has no known form, or names an address that no model is
            fetched from.

    """
    path = reference.path
    try:
        if reference.uri is not None:
            # Where nothing is fetched, nothing of it is needed.
            from modelberth_server.sources.uri import Uri  # noqa: PLC0415

            uri = Uri.parse(reference.uri)
            if uri.scheme == "https":
                _check_host(uri, settings)
            elif uri.scheme == "file":
                path = Path(uri.path)
        if path is not None:
            path.stat()
    except FileNotFoundError:
        raise ModelError(f"{reference.origin}: {path} does not exist") from None
    except OSError as error:
        raise ModelError(f"{reference.origin}: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ModelError(f"{reference.origin}: {error}") from None


def _check_host(uri: "Uri", settings: Settings) -> None:
    from modelberth_server.sources.addresses import PrivateHosts, checked  # noqa: PLC0415

    parts = urlsplit(uri.url)
    host, port = parts.hostname or "", parts.port or 443
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        # A name: what it resolves to changes, and is looked at when something is fetched.
        return
    checked(host, port, PrivateHosts.of(settings.allow_private_hosts), lambda *_, **__: found)


def _of_file(path: Path) -> tuple[ModelReference, ...]:
    origin = f"MODELBERTH_MODELS_FILE: {path}"
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{origin} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{origin} is not JSON: {error}") from None
    entries = document.get("versions") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f'{origin}: expected {{"versions": [one or more]}}')
    versions = tuple(_entry(f"{origin}: versions[{index}]", entry) for index, entry in enumerate(entries))
    names = [one.version for one in versions]
    if twice := [name for name in names if names.count(name) > 1]:
        raise SettingsError(f"{origin}: version {twice[0]!r} is there twice")
    if not any(one.weight for one in versions if not one.shadow):
        raise SettingsError(
            f"{origin}: no version gets requests: give one a weight of 1 or more, and no shadow"
        )
    return versions


def _entry(where: str, entry: Any) -> ModelReference:
    if not isinstance(entry, dict):
        raise SettingsError(f"{where}: expected an object")
    if unknown := entry.keys() - _KEYS:
        raise SettingsError(f"{where}: unknown key {min(unknown)!r}, known are {', '.join(sorted(_KEYS))}")
    path, uri = entry.get("path"), entry.get("uri")
    if (path is None) == (uri is None) or not isinstance(path or uri, str):
        raise SettingsError(f"{where}: expected either a path or a uri")
    if "\0" in str(path or uri):
        raise SettingsError(f"{where}: {path or uri!r} is neither a path nor a uri")
    weight, shadow = entry.get("weight", 1), entry.get("shadow", False)
    if type(weight) is not int or not 0 <= weight <= MAX_WEIGHT:
        raise SettingsError(f"{where}.weight: {weight!r} is not a whole number from 0 to {MAX_WEIGHT}")
    if type(shadow) is not bool:
        raise SettingsError(f"{where}.shadow: {shadow!r} is neither true nor false")
    return ModelReference(
        where,
        _text(where, entry, "version", *_VERSION),
        _text(where, entry, "sha256", *_SHA256),
        None if path is None else Path(path),
        uri,
        weight,
        shadow,
    )


def _text(where: str, entry: dict[str, Any], key: str, pattern: str, allowed: str) -> str:
    value = entry.get(key)
    if value is None:
        raise SettingsError(f"{where}.{key}: missing, expected {allowed}")
    if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
        raise SettingsError(f"{where}.{key}: {value!r}, expected {allowed}")
    return value
