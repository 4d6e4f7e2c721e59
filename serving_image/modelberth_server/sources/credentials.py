"""Credentials of object stores and of the model hub, from the files of a mounted secret.

They are files and no variables, so that they stand in no description of the container. The clients of the
object stores take variables alone: those are set in the process that fetches, and end with it.
"""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from modelberth_server.errors import SettingsError

__all__ = ["credentials"]

_VARIABLE: Final = r"(AWS|GOOGLE|AZURE)_[A-Z0-9_]{1,60}|HF_TOKEN"
_AWS_KEYS: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region")
_ALLOWED: Final = (
    "a variable of the store (AWS_…, GOOGLE_…, AZURE_…, HF_TOKEN), `credentials` (AWS's own file), `*.json` "
    "(Google's) or `ca.crt`"
)
_MAX_BYTES: Final = 1 << 20


def credentials(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the files of a folder stand for.

    A file named after a variable holds its value. `credentials` is AWS's shared credentials file, of which
    the profile `AWS_PROFILE` or `default` is read. A `.json` is a key of Google's, `ca.crt` the authorities
    that are trusted instead of the system's. Hidden entries are passed over: Kubernetes keeps the files in
    `..data`.

    Raises:
        SettingsError: the folder or a file cannot be read, is empty, or has none of these names.

    """
    found: dict[str, str] = {}
    try:
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("."):
                found |= _read(path, environ)
    except OSError as error:
        raise SettingsError(
            f"--credentials: {error.filename or folder} cannot be read: {error.strerror}"
        ) from None
    if not found:
        raise SettingsError(f"--credentials: {folder} holds no file; each is {_ALLOWED}")
    return found


def _read(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    if re.fullmatch(_VARIABLE, path.name):
        return {path.name: _text(path).strip()}
    if path.name == "credentials":
        return _aws(path, environ.get("AWS_PROFILE", "default"))
    if path.suffix == ".json":
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    if path.name == "ca.crt":
        return {"SSL_CERT_FILE": str(path)}
    raise SettingsError(f"--credentials: {path} is not known; each file is {_ALLOWED}")


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise SettingsError(f"--credentials: {path} is not UTF-8") from None
    if not text.strip() or len(data) > _MAX_BYTES or "\0" in text:
        raise SettingsError(f"--credentials: {path} is empty, too long or no text")
    return text


def _aws(path: Path, profile: str) -> dict[str, str]:
    # https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(_text(path))
    except configparser.Error:
        # Its text holds the line, which may be the key.
        raise SettingsError(f"--credentials: {path} is not a file of sections with `name = value`") from None
    if not parser.has_section(profile):
        raise SettingsError(f"--credentials: {path} has no section [{profile}]")
    values = {name: parser.get(profile, name) for name in _AWS_KEYS if parser.has_option(profile, name)}
    if missing := [name for name in _AWS_KEYS[:2] if not values.get(name)]:
        raise SettingsError(f"--credentials: {path} has no {missing[0]} in [{profile}]")
    return {f"AWS_{name.removeprefix('aws_').upper()}": value for name, value in values.items()}
