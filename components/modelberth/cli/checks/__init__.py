"""What `modelberth doctor` looks at: each check is a function from a `Checkup` to findings."""

from .clouds import CLOUDS
from .finding import Check, Checkup, Finding, State
from .google import GOOGLE
from .machine import MACHINE
from .program import PROGRAM
from .state import STATE

__all__ = ["CHECKS", "Check", "Checkup", "Finding", "State"]

CHECKS: tuple[Check, ...] = (*MACHINE, *PROGRAM, *STATE, *CLOUDS, *GOOGLE)
"""All of them, in the order in which a person would mend what they find."""
