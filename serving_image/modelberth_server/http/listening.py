"""The listening socket: our own, or one inherited from a supervisor."""

import socket

from modelberth_server.errors import ListenError, SettingsError
from modelberth_server.settings import Settings

__all__ = ["address", "listen", "listener"]

BACKLOG = 2048


def listener(settings: Settings) -> socket.socket:
    """Return the listening TCP socket.

    Raises:
        ListenError: the address is taken, or is none of this machine's.
        SettingsError: MODELBERTH_LISTEN_FD is no listening TCP socket.

    """
    if settings.listen_fd is not None:
        return _inherited(settings.listen_fd)
    return listen("PORT", settings.host, settings.port)


def listen(variable: str, host: str, port: int) -> socket.socket:
    """Open a listening TCP socket.

    Raises:
        ListenError: the address is taken, or is none of this machine's; `variable` names the port's.

    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"HOST: {host} is not an address to listen on: {error.strerror}") from None
    try:
        # A restart must not wait for connections of the last run that linger in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(f"{variable}: cannot listen on {host}:{port}: {error.strerror}") from None
    return sock


def address(sock: socket.socket) -> str:
    """Return `host:port` of a listening socket, with brackets around an IPv6 host."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if sock.family == socket.AF_INET6 else f"{host}:{port}"


def _inherited(descriptor: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=descriptor)
        listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SettingsError(f"MODELBERTH_LISTEN_FD: {descriptor} is no socket: {error.strerror}") from None
    if not listening or sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise SettingsError(f"MODELBERTH_LISTEN_FD: {descriptor} is no listening TCP socket")
    return sock
