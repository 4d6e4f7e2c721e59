"""How a command ends: a clear message and an exit status that a machine can rely on."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses; they keep their meaning between versions."""

    OK = 0
    FAILED = 1
    """The deployment failed; the engine's own message stands above."""
    USAGE = 2
    """The command line or the stack's files are wrong."""
    TOOL = 3
    """A program is missing or too old."""
    STATE = 4
    """The stack's state or passphrase cannot be used."""
    LOCKED = 5
    """Another deployment of the stack runs."""
    UNHEALTHY = 6
    """Deployed, but the endpoint does not answer as it should."""


class Failure(Exception):  # noqa: N818 - it is how a command ends, not a fault of the program
    """Ends the command with a message for the person."""

    def __init__(self, status: Exit, message: str) -> None:
        super().__init__(message)
        self.status = status
