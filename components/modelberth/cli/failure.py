"""How a command ends: a clear message and an exit status that a machine can rely on."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses; they keep their meaning between versions."""

    OK = 0
    FAILED = 1
    """The program or the deployment failed; the message stands above."""
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
    REVISION = 7
    """No such git revision, or no git repository."""
    DIRTY = 8
    """The working tree has changes that the named revisions do not have."""
    SDK = 9
    """The Pulumi SDK of a target is not installed."""
    CHANGES = 10
    """A preview found changes, none of them dangerous."""
    DANGEROUS = 11
    """A preview found a change after which calls fail, data is lost or somebody may do more than before."""
    REFUSED = 12
    """A preview found a broken policy or budget."""
    PRICES = 13
    """The price file cannot be used."""
    NEWER = 14
    """The state was made by a newer version."""
    NO_STACK = 15
    """There is no such stack."""


class Failure(Exception):  # noqa: N818 - it is how a command ends, not a fault of the program
    """Ends the command with a message for the person."""

    def __init__(self, status: Exit, message: str) -> None:
        super().__init__(message)
        self.status = status
