"""Clients that hold a connection for as long as they can and hardly use it."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from serving.callers import post

Address = tuple[str, int]
PAUSE_SECONDS = 0.2

_BEGINS = (
    b"POST /predict HTTP/1.1\r\nhost: x\r\nx: ",
    b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n",
    # An answer of some 150 KB.
    post("/predict", {"input": [[5.1, 3.5, 1.4, 0.2]] * 3000}),
)


class Slow:
    """A third send their headers byte by byte, a third a body, and a third never read their answers.

    Whoever is cut off comes back.
    """

    def __init__(self, address: Address, number: int) -> None:
        self._address = address
        self._number = number
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(60)
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        clients = [self._connect(index) for index in range(self._number)]
        self._ready.set()
        while not self._stop.wait(PAUSE_SECONDS):
            for index, client in enumerate(clients):
                try:
                    if index % 3 < 2:
                        client.send(b"x")
                except BlockingIOError:
                    pass
                except OSError:
                    client.close()
                    clients[index] = self._connect(index)
        for client in clients:
            client.close()

    def _connect(self, index: int) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        with contextlib.suppress(OSError):
            client.connect(self._address)
            client.sendall(_BEGINS[index % 3])
            client.setblocking(False)
        return client
