"""What a planned change does to the people who call an endpoint: effects as sentences and as data."""

from .effect import Effect, Kind, Severity
from .explain import explain

__all__ = ["Effect", "Kind", "Severity", "explain"]
