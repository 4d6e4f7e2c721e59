"""A server in the place of the real one: `python fake_server.py`, told by FAKE what to do.

It keeps the contract of a supervised server: listens on the inherited socket, says `ready` and `draining`
on the lifeline, and ends when the lifeline closes.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time


def main() -> None:
    behaviour = os.environ.get("FAKE", "serve")
    if behaviour == "fail":
        print("error: the model is no good", file=sys.stderr, flush=True)
        sys.exit(3)
    if behaviour == "hang":
        time.sleep(3600)
    time.sleep(float(os.environ.get("FAKE_START_SECONDS", "0")))
    listener = socket.socket(fileno=int(os.environ["MODELBERTH_LISTEN_FD"]))
    lifeline = socket.socket(fileno=int(os.environ["MODELBERTH_LIFELINE_FD"]))
    draining = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: draining.set())
    threading.Thread(target=lambda: (lifeline.recv(1), draining.set()), daemon=True).start()
    lifeline.sendall(b"ready\n")
    while not draining.is_set():
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            time.sleep(0.005)
            continue
        answer(connection)
    listener.close()
    with contextlib.suppress(OSError):
        lifeline.sendall(b"draining\n")
    time.sleep(float(os.environ.get("FAKE_DRAIN_SECONDS", "0")))


def answer(connection: socket.socket) -> None:
    connection.setblocking(True)
    request = connection.recv(65536)
    if b"/die" in request:
        os.kill(os.getpid(), signal.SIGKILL)
    body = json.dumps({"revision": os.environ["MODELBERTH_REVISION"], "pid": os.getpid()}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
    connection.sendall(head + body)
    connection.close()


main()
