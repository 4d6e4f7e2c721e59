"""Problems of a resource's inputs, as the engine is told them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelberth.errors import Problem
from modelberth.provider.resource import CheckFailure, Properties

__all__ = ["refusals"]


def refusals(problems: Iterable[Problem], inputs: Properties) -> list[CheckFailure]:
    """Each problem with its input, and told with the place that the inputs have in the config."""
    place = str(inputs.get("configPath") or "")
    return [CheckFailure(_input(one.path), str(one.under(place))) for one in problems]


def _input(path: str) -> str:
    """The input that a path begins with."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]
