"""The settings of the server: environment variables, and nothing else."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelberth_server.errors import SettingsError

__all__ = ["VARIABLES", "Settings", "Variable"]

PREFIX: Final = "MODELBERTH_"
REQUIRED: Final = object()


@dataclass(frozen=True)
class Settings:
    """The validated environment; `VARIABLES` says what each field means."""

    model_path: Path
    model_sha256: str
    model_name: str
    model_version: str
    revision: str
    host: str
    port: int
    listen_fd: int | None
    lifeline_fd: int | None
    max_body_bytes: int
    timeout_seconds: float
    max_concurrency: int
    threads: int
    drain_seconds: float
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and validate the variables.

        Raises:
            SettingsError: a required variable is missing, a `MODELBERTH_` name is unknown or a value is bad.

        """
        known = [variable.name for variable in VARIABLES]
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
                raise SettingsError(f"{name}: unknown variable, did you mean {nearest}?")
        return cls(**{variable.field: variable.read(environ) for variable in VARIABLES})


@dataclass(frozen=True)
class Format:
    """What the text of a variable may be; `parse` raises ValueError on anything else."""

    allowed: str
    parse: Callable[[str], Any]


@dataclass(frozen=True)
class Variable:
    """One environment variable and the field of `Settings` that it sets."""

    name: str
    default: object
    format: Format
    meaning: str

    @property
    def field(self) -> str:
        """The name of the field: the variable's without its prefix."""
        return self.name.removeprefix(PREFIX).lower()

    def read(self, environ: Mapping[str, str]) -> Any:
        """Return the parsed value, or the default where the variable is not set."""
        text = environ.get(self.name)
        if text is None:
            if self.default is REQUIRED:
                raise SettingsError(f"{self.name}: required, and not set; allowed is {self.format.allowed}")
            return self.default
        try:
            return self.format.parse(text)
        except ValueError:
            raise SettingsError(f"{self.name}: {text!r} is not {self.format.allowed}") from None


def _matching(pattern: str, allowed: str, convert: Callable[[str], Any] = str) -> Format:
    def parse(text: str) -> Any:
        if re.fullmatch(pattern, text) is None:
            raise ValueError
        return convert(text)

    return Format(allowed, parse)


def _between(number: Format, low: float, high: float) -> Format:
    def parse(text: str) -> Any:
        value = number.parse(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Format(f"{number.allowed} from {low} to {high}", parse)


_WHOLE = _matching(r"[0-9]{1,18}", "a whole number", int)
_SECONDS = _matching(r"[0-9]{1,9}(\.[0-9]{1,9})?", "a number of seconds", float)
_DESCRIPTOR = _between(_WHOLE, 3, 1 << 20)
# It becomes a segment of a URL and a label in the metrics.
_NAME = _matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", "1 to 128 letters, digits, '.', '_' or '-'")
_PATH = _matching(r"[^\0]+", "the path of a file", Path)
_SHA256 = _matching(r"[0-9A-Fa-f]{64}", "64 hexadecimal digits", str.lower)
_REVISION = _matching(r"[\x21-\x7e]{0,128}", "at most 128 printable ASCII characters without spaces")
_HOST = _matching(r"\S{1,255}", "an address or a host name")
_LOG_LEVEL = _matching("error|warning|info|debug", "error, warning, info or debug")

VARIABLES: Final = (
    Variable("MODELBERTH_MODEL_PATH", REQUIRED, _PATH, "ONNX file to serve"),
    Variable("MODELBERTH_MODEL_SHA256", REQUIRED, _SHA256, "its sha256; other bytes are refused unparsed"),
    Variable("MODELBERTH_MODEL_NAME", "model", _NAME, "name in `/v2/models/NAME`"),
    Variable("MODELBERTH_MODEL_VERSION", "1", _NAME, "version in the model's metadata"),
    Variable("MODELBERTH_REVISION", "", _REVISION, "opaque id of the deployment; `/health/ready` echoes it"),
    Variable("HOST", "0.0.0.0", _HOST, "address to listen on"),  # noqa: S104 -- a container is called from outside
    Variable("PORT", 8080, _between(_WHOLE, 0, 65535), "port to listen on; 0 takes a free one and logs it"),
    Variable(
        "MODELBERTH_LISTEN_FD",
        None,
        _DESCRIPTOR,
        "inherited listening TCP socket instead of `HOST` and `PORT`; accepts only once the model is ready",
    ),
    Variable(
        "MODELBERTH_LIFELINE_FD",
        None,
        _DESCRIPTOR,
        "socket or pipe to a supervisor; its end of file means that the supervisor is gone: drain and exit. "
        "A socket is told `ready` and `draining`, a line each",
    ),
    Variable(
        "MODELBERTH_MAX_BODY_BYTES",
        1 << 20,
        _between(_WHOLE, 1, 1 << 32),
        "bytes of a request body; more is answered with 413",
    ),
    Variable(
        "MODELBERTH_TIMEOUT_SECONDS",
        30.0,
        _between(_SECONDS, 0.001, 3600),
        "for one request: 408 if its body has not arrived by then, 504 if its prediction is not done",
    ),
    Variable(
        "MODELBERTH_MAX_CONCURRENCY",
        64,
        _between(_WHOLE, 1, 65536),
        "predictions in flight; one more is answered with 429",
    ),
    Variable(
        "MODELBERTH_THREADS", 1, _between(_WHOLE, 1, 256), "threads of ONNX Runtime inside one prediction"
    ),
    Variable(
        "MODELBERTH_DRAIN_SECONDS",
        10.0,
        _between(_SECONDS, 0, 3600),
        "that idle connections get for one more request before the server exits",
    ),
    Variable(
        "MODELBERTH_LOG_LEVEL",
        "info",
        _LOG_LEVEL,
        "`debug`, `info`, `warning` or `error`; `debug` logs requests",
    ),
)
