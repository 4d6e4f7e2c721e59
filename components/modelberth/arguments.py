"""Where plain values meet Pulumi: a refused value ends the program with its message, without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from modelberth.errors import SpecError


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn refusals into the error that the engine prints alone."""
    try:
        yield
    except SpecError as error:
        raise pulumi.RunError(str(error)) from None
