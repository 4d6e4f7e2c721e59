"""The suite itself: nothing leaves this machine, and nothing that should fail passes."""

import socket
import warnings

import pytest


def test_a_socket_to_anything_but_loopback_fails_a_test() -> None:
    # It warns as it refuses, and a warning is an error here.
    with pytest.raises(UserWarning, match=r"192\.0\.2\.1"), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))  # TEST-NET-1: reserved for documentation (RFC 5737)
    with socket.create_server(("127.0.0.1", 0)) as inside, socket.create_connection(inside.getsockname()):
        pass


def test_a_warning_fails_a_test() -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
