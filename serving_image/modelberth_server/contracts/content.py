"""What a request says of its body: media type, charset, encoding, and what it accepts in return.

Source: RFC 9110, sections 8.3 (Content-Type), 8.4 (Content-Encoding) and 12.5.1 (Accept).
"""

from collections.abc import Sequence
from typing import Final

from modelberth_server.errors import RequestError
from modelberth_server.http.message import Request
from modelberth_server.tensors import shown

__all__ = ["JSON", "accepted", "media_type", "refuse_encoding", "require_json"]

JSON: Final = "application/json"
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def require_json(request: Request) -> None:
    """Refuse a body that says it is not plain JSON in UTF-8; one that says nothing counts as JSON.

    Raises:
        RequestError: 415, naming the header.

    """
    headers = request.headers
    if headers.get(b"content-type", b"application/json") != b"application/json":
        kind, _ = media_type(request)
        if kind != JSON and not kind.endswith("+json"):
            raise RequestError(415, f"content-type: {shown(kind)}, expected {JSON}")
    refuse_encoding(request)


def media_type(request: Request) -> tuple[str, dict[str, str]]:
    """Return the media type of the body in lower case, and its parameters.

    Raises:
        RequestError: 415 for a charset other than UTF-8.

    """
    text = request.headers.get(b"content-type", JSON.encode()).decode("latin-1")
    kind, *rest = text.split(";")
    parameters: dict[str, str] = {}
    for item in rest:
        name, _, value = item.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"').lower()
    charset = parameters.get("charset", "utf-8")
    if charset not in _CHARSETS:
        raise RequestError(415, f"content-type: charset {shown(charset)}, expected utf-8")
    return kind.strip().lower(), parameters


def refuse_encoding(request: Request) -> None:
    """Refuse a compressed body with a RequestError 415."""
    value = request.headers.get(b"content-encoding")
    if value is None:
        return
    encoding = value.decode("latin-1")
    if encoding.strip().lower() not in ("", "identity"):
        raise RequestError(415, f"content-encoding: {shown(encoding)}, expected none")


def accepted(request: Request, offered: Sequence[str]) -> str:
    """Choose the media type of the response: of those offered the one that the caller likes best.

    Between types that it likes as much, the one that is offered first.

    Raises:
        RequestError: 406 where it accepts none of them.

    """
    text = request.headers.get(b"accept", b"").decode("latin-1").lower()
    if not text.strip():
        return offered[0]
    qualities = {kind: _quality(kind, text) for kind in offered}
    best = max(offered, key=qualities.__getitem__)
    if not qualities[best]:
        raise RequestError(406, f"accept: {shown(text)}, this route answers {', '.join(offered)}")
    return best


def _quality(kind: str, accept: str) -> float:
    """Return the weight of a media type by the most specific range that covers it; 0 is not acceptable."""
    main = kind.partition("/")[0]
    weights: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = [part.strip() for part in item.split(";")]
        weights[name] = next((_weight(value[2:]) for value in parameters if value.startswith("q=")), 1.0)
    return next((weights[name] for name in (kind, f"{main}/*", "*/*") if name in weights), 0.0)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
