"""The three ways in which a check ends before it has held."""

__all__ = ["DidNotHold", "NotChecked", "NotOffered", "Outcome", "UnreachableError"]


class Outcome(Exception):  # noqa: N818 -- it is how a check ends, not a fault of the program
    """Ends a check; the message is the finding's detail."""


class DidNotHold(Outcome):
    """The server answered otherwise than the specification asks."""


class NotOffered(Outcome):
    """The server does not have what the specification leaves to it."""


class NotChecked(Outcome):
    """The check lacks something: a name, an address, a row, a package."""


class UnreachableError(Exception):
    """There is no HTTP server at the URL, or it cannot be called as asked."""
