"""A server that passes on what another one says, and changes it: known-bad answers for each contract."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import grpc
import httpx

from serving.model_sources import serving

MAX_PASSED_ON = 1 << 26
_HOP_BY_HOP = {
    "connection",
    "content-length",
    "transfer-encoding",
    "date",
    "server",
    "host",
    "accept-encoding",
}


@dataclass
class Exchange:
    """A request that was made, and the response to it, which a fault may change."""

    method: str
    path: str
    sent: bytes
    headers: dict[str, str]
    status: int
    body: bytes
    kept: dict[str, str] = field(default_factory=dict)
    length: str = "0"

    def replace(self, old: bytes, new: bytes) -> None:
        """Change the body, which has to have the old bytes where it is a success."""
        self.body = self.body.replace(old, new)


Fault = Callable[[Exchange], None]


@contextlib.contextmanager
def faulty(url: str, fault: Fault) -> Iterator[str]:
    """Serve what `url` serves, with a fault in it; yields its own URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in one write: a body on its own would wait 40 ms for the headers' acknowledgement.
        wbufsize = 1 << 16

        def _pass_on(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            length = int(headers.get("content-length", 0))
            if length > MAX_PASSED_ON:
                exchange = Exchange(self.command, self.path, b"", headers, 413, b"{}")
                self.close_connection = True
            else:
                sent = self._chunks() if "transfer-encoding" in headers else self.rfile.read(length)
                passed = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
                answer = client.request(self.command, self.path, content=sent, headers=passed)
                kept = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
                exchange = Exchange(
                    self.command,
                    self.path,
                    sent,
                    headers,
                    answer.status_code,
                    answer.content,
                    kept,
                    answer.headers.get("content-length", "0"),
                )
            fault(exchange)
            self.send_response(exchange.status)
            for name, value in exchange.kept.items():
                self.send_header(name, value)
            self.send_header("content-length", self._length(exchange))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(exchange.body)

        do_GET = do_POST = do_HEAD = _pass_on  # noqa: N815 -- http.server names them

        def _length(self, exchange: Exchange) -> str:
            return exchange.length if exchange.method == "HEAD" else str(len(exchange.body))

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass

    with httpx.Client(base_url=url, trust_env=False) as client, serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def faulty_grpc(address: str, fault: Callable[[str, bytes], bytes], *, kind: bool = False) -> Iterator[str]:
    """Pass on gRPC calls; `fault` changes the bytes of each response, by the name of the method.

    A kind server gives what is refused the status OK.
    """
    with grpc.insecure_channel(address, (("grpc.enable_http_proxy", 0),)) as channel:

        class Methods(grpc.GenericRpcHandler):
            def service(self, details: Any) -> Any:
                method = details.method

                def answer(message: bytes, context: Any) -> bytes:
                    try:
                        found = channel.unary_unary(method)(message, timeout=20)
                    except grpc.RpcError as error:
                        if kind:
                            return b""
                        context.abort(error.code(), error.details())
                    return fault(method.rpartition("/")[2], found)

                return grpc.unary_unary_rpc_method_handler(answer)

        server = grpc.server(ThreadPoolExecutor(2), handlers=[Methods()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(0).wait()
