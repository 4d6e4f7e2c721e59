"""What every response has to be, whatever was asked."""

import re
from collections import Counter
from dataclasses import dataclass, field

import grpc
import orjson

from serving.fuzz.call import Call
from serving.fuzz.messages import Message
from serving.fuzz.wire import Stream

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z][^\r\n]*\r\n((?:[a-z0-9-]+: [^\r\n]*\r\n)*)\r\n")
# `field: what is wrong with it`.
_MESSAGE = re.compile(r"[^\s:][^:\n]{0,80}: \S[^\n]{0,1500}")


@dataclass(frozen=True)
class Response:
    """A response as it was on the wire; `end` is where the next one begins."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    end: int


@dataclass
class Judgement:
    """The tally, and what was wrong."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    kinds: Counter[tuple[str, int]] = field(default_factory=Counter)
    cases: int = 0
    silent: int = 0
    faults: list[str] = field(default_factory=list)

    def message(self, message: Message, response: Response) -> None:
        """Judge the response to a request."""
        self.cases += 1
        self.answers[message.route, response.status] += 1
        self.kinds[message.kind, response.status] += 1
        impatient = message.kind == "impatient" and response.status == 504
        fault = None if impatient else self._fault(response, body=message.method != b"HEAD")
        if fault is None and message.allowed is not None and response.status not in message.allowed:
            fault = f"expected one of {sorted(message.allowed)}"
        if fault is not None:
            self._note(f"{message.kind}: {fault}", message.wire(), response)

    def stream(self, stream: Stream, received: bytes) -> None:
        """Judge all that came back on a connection."""
        self.cases += 1
        responses, rest = split(received)
        for response in responses:
            self.answers["(stream)", response.status] += 1
            self.kinds[f"stream: {stream.kind}", response.status] += 1
            fault = self._fault(response, body=True)
            if fault is not None:
                self._note(f"{stream.kind}: {fault}", stream.data, response)
        if not responses:
            self.silent += 1
        low, high = stream.answers
        if not stream.reset and not low <= len(responses) <= high:
            self._note(f"{stream.kind}: {len(responses)} responses, expected {low} to {high}", stream.data)
        if rest and not stream.reset:
            self._note(f"{stream.kind}: no response: {rest[:80]!r}", stream.data)

    def call(self, call: Call, status: grpc.StatusCode, details: str) -> None:
        """Judge what a gRPC call came to; the tally has the numbers of the statuses."""
        self.cases += 1
        number = status.value[0]
        self.answers[call.method[:20], number] += 1
        self.kinds[call.kind, number] += 1
        fault = None
        if status not in call.allowed:
            fault = f"{status.name}, expected one of {sorted(one.name for one in call.allowed)}"
        elif status is grpc.StatusCode.INVALID_ARGUMENT and _MESSAGE.fullmatch(details) is None:
            fault = "an error that names no field"
        if fault is not None:
            self._note(f"{call.kind}: {fault}\n    {details[:300]}", call.data)

    def lost(self, kind: str, data: bytes) -> None:
        """Note a request that got no response."""
        self._note(f"{kind}: no response", data)

    def _fault(self, response: Response, *, body: bool) -> str | None:
        if response.status >= 500:
            return "a fault of the server"
        if response.status < 400:
            return None
        if response.headers.get(b"content-type") != b"application/json":
            return "an error that is not JSON"
        if not body:
            return None
        try:
            answer = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            return "an error that is not JSON"
        if not isinstance(answer, dict) or answer.keys() != {"error"}:
            return "an error in another form"
        if _MESSAGE.fullmatch(answer["error"]) is None:
            return "an error that names no field"
        return None

    def _note(self, fault: str, data: bytes, response: Response | None = None) -> None:
        shown = "" if response is None else f"\n    {response.status} {response.body[:200]!r}"
        self.faults.append(f"{fault}{shown}\n    to {data[:600]!r} ({len(data)} bytes)")


def read(received: bytes, at: int, *, head_only: bool = False) -> Response | None:
    """Read the response that begins at a place; None while it is not complete."""
    head = _HEAD.match(received, at)
    if head is None:
        return None
    headers = dict(line.split(b": ", 1) for line in head[2].split(b"\r\n")[:-1])
    end = head.end() + (0 if head_only else int(headers[b"content-length"]))
    if end > len(received):
        return None
    return Response(int(head[1]), headers, received[head.end() : end], end)


def split(received: bytes) -> tuple[list[Response], bytes]:
    """Split what came back on a connection; what is left is no response."""
    received = received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    responses = []
    at = 0
    while (response := read(received, at)) is not None:
        responses.append(response)
        at = response.end
    return responses, received[at:]
