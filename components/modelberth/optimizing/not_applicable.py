"""Why a method has nothing to do on a model."""

__all__ = ["NotApplicableError"]


class NotApplicableError(Exception):
    """The method cannot make anything of this model; the message gives the reason."""
