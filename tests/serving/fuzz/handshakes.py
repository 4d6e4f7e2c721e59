"""What a stranger does to a port that speaks TLS: before, in and after the handshake."""

import contextlib
import random
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from serving.fuzz.grpc_attack import PREFACE
from serving.fuzz.wire import LIVE

Address = tuple[str, int]
SECONDS = 10


class Session:
    """A handshake and what follows, record by record."""

    def __init__(self, client: socket.socket, context: ssl.SSLContext) -> None:
        self._client = client
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        host = client.getpeername()[0]
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def hello(self) -> bytes:
        """What a client says first."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    def shake_hands(self) -> None:
        """Finish the handshake, or raise an SSLError."""
        self._client.sendall(self.hello())
        while True:
            part = self._client.recv(1 << 16)
            if not part:
                raise ssl.SSLError("closed in the handshake")
            self._incoming.write(part)
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
            finally:
                self._client.sendall(self._outgoing.read())
            return

    def records(self, data: bytes) -> bytes:
        """The data as it goes over the wire."""
        self._tls.write(data)
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """The alert that ends a connection."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._outgoing.read()


@dataclass
class Handshakes:
    """Attacks a port.

    Attributes:
        address: of the port
        context: of a client that means well
        draw: decides what is done
        cases: number of connections by kind
        faults: what should not have been: a good handshake that failed, an answer in the clear, or a
            connection that stays open

    """

    address: Address
    context: ssl.SSLContext
    draw: random.Random
    cases: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def attack(self, number: int) -> None:
        """Make so many connections, one after the other."""
        for _ in range(number):
            attack = self.draw.choice(_ATTACKS)
            kind = attack.__name__.strip("_").replace("_", " ")
            with socket.create_connection(self.address, SECONDS) as client:
                try:
                    attack(client, self)
                    self._end(client, kind)
                except TimeoutError:
                    self.faults.append(f"{kind}: still open after {SECONDS} s")
                except ssl.SSLError as error:
                    self.faults.append(f"{kind}: {error}")
                except OSError:
                    # Closed before all was sent, or reset with what was not read.
                    pass
            self.cases[kind] += 1

    def _end(self, client: socket.socket, kind: str) -> None:
        """Go, with or without a word; what still comes is encrypted, an alert, or nothing."""
        if self.draw.random() < 0.3:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return
        client.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.recv(1 << 16):
            received += part
        # A record begins with its type, and the server's have the version 3.3; of an alert to a hello, 3.1.
        if received and not (received[0] in (20, 21, 22, 23) and received[1] == 3):
            self.faults.append(f"{kind}: answered in the clear: {received[:80]!r}")


def _noise(client: socket.socket, to: Handshakes) -> None:
    client.sendall(to.draw.randbytes(to.draw.choice([1, 5, 300, 20_000])))


def _plain_text(client: socket.socket, to: Handshakes) -> None:
    client.sendall(to.draw.choice([LIVE, PREFACE + bytes(100), LIVE * 500, b"\r\n", b"EHLO x\r\n"]))


def _part_of_a_hello(client: socket.socket, to: Handshakes) -> None:
    hello = Session(client, to.context).hello()
    client.sendall(hello[: to.draw.randrange(len(hello))])


def _hello_and_no_more(client: socket.socket, to: Handshakes) -> None:
    client.sendall(Session(client, to.context).hello())


def _flipped_hello(client: socket.socket, to: Handshakes) -> None:
    data = bytearray(Session(client, to.context).hello())
    for _ in range(to.draw.choice([1, 1, 3, 20])):
        data[to.draw.randrange(len(data))] = to.draw.randrange(256)
    client.sendall(data)


def _hello_in_pieces(client: socket.socket, to: Handshakes) -> None:
    """A handshake message in records of one byte each; TLS allows it."""
    hello = Session(client, to.context).hello()[5:]
    client.sendall(b"".join(b"\x16\x03\x01\0\1" + hello[at : at + 1] for at in range(len(hello))))


def _hello_twice(client: socket.socket, to: Handshakes) -> None:
    client.sendall(Session(client, to.context).hello() * 2)


def _strange_records(client: socket.socket, to: Handshakes) -> None:
    record = to.draw.choice(
        [
            b"\x16\x03\x01\xff\xff" + bytes(70_000),
            b"\x16\x03\x01\0\0" * 5000,
            b"\x15\x03\x03\0\2\1\0" * 2000,
            b"\x14\x03\x03\0\1\1" * 2000,
            b"\x17\x03\x03\0\x05abcde",
            b"\x18\x03\x02\0\3\1\xff\xff",
            b"\x80\x2e\x01\x00\x02" + bytes(41),
            b"\x16\x03\x01\0\4\1\xff\xff\xff" + b"\x16\x03\x01\x40\0" * 20 + bytes(16_384),
            b"\x16\x09\x09\0\4\0\0\0\0",
        ]
    )
    client.sendall(record)


def _gone_after_the_handshake(client: socket.socket, to: Handshakes) -> None:
    Session(client, to.context).shake_hands()


def _noise_after_the_handshake(client: socket.socket, to: Handshakes) -> None:
    Session(client, to.context).shake_hands()
    _noise(client, to)


def _broken_record(client: socket.socket, to: Handshakes) -> None:
    """A record whose authentication fails."""
    session = Session(client, to.context)
    session.shake_hands()
    data = bytearray(session.records(LIVE))
    data[to.draw.randrange(5, len(data))] ^= 1
    client.sendall(data)


def _part_of_a_record(client: socket.socket, to: Handshakes) -> None:
    session = Session(client, to.context)
    session.shake_hands()
    data = session.records(LIVE * to.draw.choice([1, 100]))
    client.sendall(data[: to.draw.randrange(len(data))])


def _record_twice(client: socket.socket, to: Handshakes) -> None:
    """A record that is replayed."""
    session = Session(client, to.context)
    session.shake_hands()
    client.sendall(session.records(LIVE) * 2)


def _hello_after_the_handshake(client: socket.socket, to: Handshakes) -> None:
    """A new hello, in the clear."""
    session = Session(client, to.context)
    session.shake_hands()
    client.sendall(session.records(LIVE) + Session(client, to.context).hello())


def _farewell_and_more(client: socket.socket, to: Handshakes) -> None:
    session = Session(client, to.context)
    session.shake_hands()
    data = session.records(LIVE)
    client.sendall(data + session.farewell() + to.draw.randbytes(100))


def _many_small_records(client: socket.socket, to: Handshakes) -> None:
    session = Session(client, to.context)
    session.shake_hands()
    client.sendall(b"".join(session.records(bytes([octet])) for octet in LIVE[:-2] + b"x: y\r\n" * 100))


def _noise_inside(client: socket.socket, to: Handshakes) -> None:
    session = Session(client, to.context)
    session.shake_hands()
    client.sendall(session.records(to.draw.randbytes(to.draw.choice([10, 20_000]))))


_ATTACKS: tuple[Callable[[socket.socket, Handshakes], None], ...] = (
    *(_noise, _plain_text, _part_of_a_hello, _part_of_a_hello, _hello_and_no_more, _flipped_hello),
    *(_flipped_hello, _flipped_hello, _hello_in_pieces, _hello_twice, _strange_records, _strange_records),
    *(_gone_after_the_handshake, _noise_after_the_handshake, _broken_record, _part_of_a_record),
    *(_record_twice, _hello_after_the_handshake, _farewell_and_more, _many_small_records, _noise_inside),
)
