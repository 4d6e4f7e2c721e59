"""What the head of a request says: pure functions of its target and headers."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from modelberth_server.errors import RequestError
from modelberth_server.tensors import shown

__all__ = ["body_length", "path_and_query", "without_offer"]

# What a client says of another protocol that it would rather speak.
_OFFER: Final = (b"upgrade", b"connection", b"http2-settings")


def path_and_query(target: bytes) -> tuple[str, bytes]:
    """Return the percent-decoded path of a target and its raw query."""
    if not target.startswith(b"/"):
        target = _origin_form(target)
    path, _, query = target.partition(b"?")
    if b"%" in path:
        path = unquote_to_bytes(path)
    return path.decode("utf-8", "replace"), query


def body_length(headers: Mapping[bytes, bytes]) -> int:
    """Return the content-length of a head that the parser has accepted; 0: by chunks, or no body.

    Raises:
        RequestError: 400, for a coding of the body that is not read

    """
    coding = headers.get(b"transfer-encoding", b"chunked")
    if coding.lower() != b"chunked":
        given = shown(coding.decode("latin-1"))
        raise RequestError(400, f"transfer-encoding: {given}, expected chunked", close=True)
    # The parser has made sure that it is a number.
    return int(headers.get(b"content-length", b"0"))


def without_offer(method: bytes, target: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """Return the bytes of a head as its client would have sent it without offering another protocol.

    Raises:
        RequestError: 400, for CONNECT, which is nothing without it

    """
    if method == b"CONNECT":
        raise RequestError(400, "method: CONNECT is for proxies, and this is none", close=True)
    lines = [b"%s %s HTTP/1.1" % (method, target)]
    lines += [b"%s: %s" % (name, value) for name, value in headers.items() if name not in _OFFER]
    if b"close" in headers.get(b"connection", b"").lower():
        lines.append(b"connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _origin_form(target: bytes) -> bytes:
    """Turn the absolute form of a target, which a proxy may send, into the path that it asks for."""
    _, scheme, rest = target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if scheme else target
