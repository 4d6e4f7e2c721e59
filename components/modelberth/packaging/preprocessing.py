"""The Python step of a package: `preprocess(instances) -> {input: array}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from modelberth.packaging.errors import SourceError, first_line
from modelberth.packaging.source import import_file
from modelberth.packaging.trained import Array

__all__ = ["Preprocess", "load_preprocess"]


class Preprocess(Protocol):
    """The step, checked each time."""

    def __call__(self, rows: Sequence[Any], where: str = "--samples") -> dict[str, Array]:
        """Make the model's inputs of rows, which an error calls `where`.

        Raises:
            SourceError: the step fails on the rows, or does not return an array for each input.

        """


def load_preprocess(path: Path) -> Preprocess:
    """Load the function `preprocess` of a file, and check what it returns each time.

    Raises:
        SourceError: no such file or function.

    """
    function = getattr(import_file(path, "--preprocess"), "preprocess", None)
    if not callable(function):
        raise SourceError(f"--preprocess: {path} has no function preprocess(instances)")

    def preprocess(rows: Sequence[Any], where: str = "--samples") -> dict[str, Array]:
        try:
            arrays = function(list(rows))
        except Exception as error:
            raise SourceError(
                f"--preprocess: {path} fails on the rows of {where}: {first_line(error)}"
            ) from error
        if not isinstance(arrays, Mapping) or not all(
            isinstance(name, str) and isinstance(array, np.ndarray) and array.ndim
            for name, array in arrays.items()
        ):
            raise SourceError(
                f"--preprocess: {path} returns something that is a {type(arrays).__name__}; allowed: a dict "
                "of an input's name → a numpy array with a row for each instance"
            )
        for name, array in arrays.items():
            if len(array) != len(rows):
                raise SourceError(
                    f"--preprocess: {path}: {name} has {len(array)} rows for {len(rows)} of {where}"
                )
        return dict(arrays)

    return preprocess
