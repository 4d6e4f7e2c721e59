"""Refusals of callers who are not known, as RFC 6750 (bearer tokens) words them."""

from typing import Final

from modelberth_server.errors import RequestError

__all__ = ["invalid_token", "unauthenticated"]

_REALM: Final = 'Bearer realm="modelberth"'


def unauthenticated(message: str) -> RequestError:
    """Make the 401 for a request without a credential: by RFC 6750, 3.1 it carries no error code."""
    return RequestError(401, message, (("WWW-Authenticate", _REALM),))


def invalid_token(
    reason: str, *, header: str = "authorization", retry_after: int | None = None
) -> RequestError:
    """Make the 401 for a credential in `header`; `reason` is ASCII without quotes, and no secret."""
    challenge = f'{_REALM}, error="invalid_token", error_description="{reason}"'
    headers: tuple[tuple[str, str], ...] = (("WWW-Authenticate", challenge),)
    if retry_after is not None:
        headers += (("Retry-After", str(retry_after)),)
    return RequestError(401, f"{header}: {reason}", headers)
