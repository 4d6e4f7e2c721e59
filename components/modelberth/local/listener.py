"""The listening socket of an endpoint, on the loopback interface only."""

import errno
import socket

LOOPBACK = "127.0.0.1"
_NEIGHBOURS = 50
_BACKLOG = 1024


class PortTakenError(Exception):
    """Somebody else listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"target.port: given {port}, allowed: a free port; another process listens on {LOOPBACK}:{port}. "
            f"Stop that process (`lsof -i :{port}` names it), choose another, or leave it out for a free one."
        )


def listen(port: int | None, *preferred: int) -> socket.socket:
    """Listen on `port`, or, where it is None, on the first free one of `preferred`, or on any.

    Raises:
        PortTakenError: `port` was asked for and is taken.
    """
    if port is not None:
        taken = _bind(port)
        if taken is None:
            raise PortTakenError(port)
        return taken
    for choice in preferred:
        if choice and (found := _bind(choice)) is not None:
            return found
    found = _bind(0)
    if found is None:  # pragma: no cover - the kernel has no port left at all
        raise OSError(errno.EADDRINUSE, f"no free port on {LOOPBACK}")
    return found


def preferred_ports(first: int) -> range:
    """Where to look for a free port: `first` and its neighbours."""
    return range(first, first + _NEIGHBOURS)


def is_free(port: int) -> bool:
    """Whether one could listen on the port now."""
    probe = _bind(port)
    if probe is None:
        return False
    probe.close()
    return True


def _bind(port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Without it a port stays blocked for a minute by the closed connections of its last user.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    listener.setblocking(False)  # noqa: FBT003 - it takes no keyword
    return listener
