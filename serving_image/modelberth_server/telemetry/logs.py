"""Log lines, as text or as JSON, that nobody but the server can write."""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

__all__ = ["configure", "escaped"]

# Set with `extra=` where they are known; nothing else of a record's extras is written.
_FIELDS: Final = ("request_id", "method", "route", "status", "ms", "caller", "version")


def configure(level: str, form: str) -> None:
    """Log to standard error from now on, and nowhere else.

    Args:
        level: the least one that is written: `debug`, `info`, `warning` or `error`
        form: `text`, a line each for people, or `json`, an object in a line each

    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter({"text": _text, "json": _json}[form]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("opentelemetry", "urllib3"):
        # Of their own accord they say much about each attempt to export.
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def escaped(text: str) -> str:
    """Write whatever is not printable as an escape: a caller's text can neither end a line nor colour it."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


class _Formatter(logging.Formatter):
    def __init__(self, write: Callable[[dict[str, object]], str]) -> None:
        super().__init__()
        self._write = write

    def format(self, record: logging.LogRecord) -> str:
        """Turn a record into one line without its end."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in _FIELDS:
            if (value := getattr(record, name, None)) not in (None, ""):
                line[name] = value
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info)).strip()
        return self._write(line)


def _text(line: dict[str, object]) -> str:
    parts = [str(line.pop("time")), str(line.pop("level"))]
    line.pop("logger")
    parts.append(escaped(str(line.pop("message"))))
    trace = line.pop("exception", None)
    parts += [f"{name}={escaped(str(value))}" for name, value in line.items()]
    text = " ".join(parts)
    if trace is not None:
        # Indented: no line of a trace looks like the start of a record.
        text += "".join(f"\n    {escaped(part)}" for part in str(trace).splitlines())
    return text


def _json(line: dict[str, object]) -> str:
    return json.dumps(line, ensure_ascii=True, default=str)
