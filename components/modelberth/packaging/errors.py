"""Why no package was made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "ConversionError",
    "MissingPackageError",
    "PackagingError",
    "ParityError",
    "SourceError",
    "first_line",
    "predicting",
]


class PackagingError(Exception):
    """No package was made, and nothing was written; the message is for a person."""


class SourceError(PackagingError):
    """What the person gave is wrong: the source, the samples, the labels, the folder to write."""


class MissingPackageError(PackagingError):
    """A Python package that this kind of model needs is not installed."""


class ConversionError(PackagingError):
    """The model cannot be expressed in ONNX, or ONNX Runtime cannot run what came out."""


class ParityError(PackagingError):
    """The converted model does not answer as the original does."""


def first_line(error: BaseException) -> str:
    """Name another library's error in a message of ours: its type, and what it says first."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def predicting(what: str = "the original model") -> Iterator[None]:
    """Call a model that is not ours: whatever it raises is about the samples.

    Raises:
        SourceError: with the type of the error, and what it says first.

    """
    try:
        yield
    except PackagingError:
        raise
    except Exception as error:
        raise SourceError(f"--samples: {what} cannot predict these rows: {first_line(error)}") from error
