"""The versions: of the distribution, which `pyproject.toml` takes from here, and of what it writes."""

from typing import Final

__version__ = "0.1.0"

CONTRACT: Final = 1
"""Version of an endpoint's contract in a stack's outputs; known here, so that reading it takes no Pulumi."""
