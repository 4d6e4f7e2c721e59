"""The gRPC service on a real port, with an application that a test can see into."""

import asyncio
import contextlib
import dataclasses
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import httpx
import numpy as np
import pytest
import uvloop

from modelberth_server.access.challenge import unauthenticated
from modelberth_server.contracts.open_inference import model_metadata, server_metadata
from modelberth_server.errors import ListenError, RequestError, SettingsError
from modelberth_server.grpc_v2 import inference_pb2 as pb
from modelberth_server.grpc_v2.server import GrpcServer, serve
from modelberth_server.grpc_v2.service import STATUS_CODES, InferenceService
from modelberth_server.http.message import Request, Response
from modelberth_server.model.signature import Signature
from modelberth_server.settings import Settings
from modelberth_server.tensors import ONNX_DATATYPES, TensorSpec
from serving.authorities import Authority, Pair
from serving.models import ModelFile
from serving.processes import Launch

SETTINGS = Settings.from_environ({"HOST": "127.0.0.1", "MODELBERTH_GRPC_PORT": "0"})
FP32 = ONNX_DATATYPES["tensor(float)"]
TENSORS = (TensorSpec("x", FP32, (-1, 2)),)
SIGNATURE = Signature("m", "3", "0" * 64, TENSORS, TENSORS, example=[[1.0, 2.0]])


class Doubling:
    """Answers as the application does, after the call has returned; its model gives twice what it takes."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.ready = True
        self.refusal: RequestError | None = None
        self.held = False

    def handle(self, request: Request) -> None:
        self.requests.append(request)
        if not self.held:
            asyncio.get_running_loop().call_soon(self.answer, request)

    def answer(self, request: Request) -> None:
        try:
            response = self.respond(request)
        except RequestError as error:
            response = Response.error(error)
        request.sink.answer(request, response)

    def respond(self, request: Request) -> Response:
        if self.refusal:
            raise self.refusal
        match request.method, request.path:
            case "GET", "/v2/health/live":
                return Response.json({"live": True})
            case "GET", "/v2/health/ready" | "/v2/models/m/ready" | "/v2/models/m/versions/3/ready":
                return Response.json({"ready": self.ready}, 200 if self.ready else 503)
            case "GET", "/v2":
                return Response.json(server_metadata())
            case "GET", "/v2/models/m" | "/v2/models/m/versions/3":
                return Response.json(model_metadata(SIGNATURE))
            case "POST", "/v2/models/m/infer" | "/v2/models/m/versions/3/infer":
                assert request.contract is not None
                prediction = request.contract(SIGNATURE, request)
                return prediction.encode([prediction.inputs["x"] * np.float32(2)])
        raise RequestError(404, f"path: no route {request.path}")


class Client:
    """Calls a service by its channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    async def call(self, method: str, message: Any, **more: Any) -> Any:
        answer = getattr(pb, f"{method}Response")
        invoke = self.channel.unary_unary(
            f"/inference.GRPCInferenceService/{method}",
            request_serializer=lambda given: given if isinstance(given, bytes) else given.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return await invoke(message, **{"timeout": 20, **more})

    async def refused(self, method: str, message: Any, **more: Any) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await self.call(method, message, **more)
        return refusal.value


class Service(Client):
    """A client of a server whose application a test can see into."""

    def __init__(self, server: GrpcServer, app: Doubling, channel: grpc.aio.Channel) -> None:
        super().__init__(channel)
        self.server = server
        self.app = app


@contextlib.asynccontextmanager
async def running(settings: Settings = SETTINGS, **options: Any) -> AsyncIterator[Service]:
    app = Doubling()
    server = await serve(settings, app.handle)
    credentials = options.pop("credentials", None)
    address = f"127.0.0.1:{server.port}"
    proxyless = (("grpc.enable_http_proxy", 0),)
    channel = (
        grpc.aio.secure_channel(address, credentials, proxyless)
        if credentials
        else grpc.aio.insecure_channel(address, proxyless)
    )
    try:
        yield Service(server, app, channel)
    finally:
        await channel.close()
        await server.stop(0)


def run(test: Callable[[Service], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def main() -> None:
        async with running(**options) as service:
            await test(service)

    asyncio.run(main())


def rows(*values: tuple[float, float], **more: Any) -> pb.ModelInferRequest:
    tensor = {
        "name": "x",
        "datatype": "FP32",
        "shape": [len(values), 2],
        "contents": {"fp32_contents": [number for row in values for number in row]},
    }
    return pb.ModelInferRequest(**{"model_name": "m", "inputs": [tensor], **more})


def test_every_method_answers() -> None:
    async def test(service: Service) -> None:
        assert (await service.call("ServerLive", pb.ServerLiveRequest())).live
        assert (await service.call("ServerReady", pb.ServerReadyRequest())).ready
        for version in ("", "3"):
            assert (await service.call("ModelReady", pb.ModelReadyRequest(name="m", version=version))).ready
            model = await service.call("ModelMetadata", pb.ModelMetadataRequest(name="m", version=version))
            assert (model.name, list(model.versions), model.platform) == ("m", ["3"], "onnxruntime_onnx")
            assert [list(spec.shape) for spec in (*model.inputs, *model.outputs)] == [[-1, 2]] * 2
            answer = await service.call("ModelInfer", rows((1, 2), (3, 4), model_version=version, id="7"))
            assert list(answer.outputs[0].contents.fp32_contents) == [2, 4, 6, 8]
            assert (answer.model_name, answer.model_version, answer.id) == ("m", "3", "7")
        server = await service.call("ServerMetadata", pb.ServerMetadataRequest())
        assert server.name == "modelberth"
        assert server.version
        assert len(service.app.requests) == 9

    run(test)


def test_not_ready_is_an_answer_and_no_error() -> None:
    async def test(service: Service) -> None:
        service.app.ready = False
        assert not (await service.call("ServerReady", pb.ServerReadyRequest())).ready
        assert not (await service.call("ModelReady", pb.ModelReadyRequest(name="m"))).ready
        assert (await service.call("ServerLive", pb.ServerLiveRequest())).live

    run(test)


@pytest.mark.parametrize("status", sorted(STATUS_CODES))
def test_an_http_status_becomes_the_code_that_means_the_same(status: int) -> None:
    async def test(service: Service) -> None:
        service.app.refusal = RequestError(status, f"because {status}", (("retry-after", "1"),))
        error = await service.refused("ModelInfer", rows((1, 2)))
        assert (error.code(), error.details()) == (STATUS_CODES[status], f"because {status}")
        assert ("retry-after", "1") in list(error.trailing_metadata())

    run(test)


REFUSALS = [
    (unauthenticated("no key"), ("www-authenticate", 'Bearer realm="modelberth"')),
    (RequestError(429, "too fast", (("Retry-After", "3"),)), ("retry-after", "3")),
    (RequestError(503, "no keys", (("Retry-After", "9"),)), ("retry-after", "9")),
]


@pytest.mark.parametrize(("refusal", "expected"), REFUSALS)
def test_headers_as_http_writes_them_become_metadata(
    refusal: RequestError, expected: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def test(service: Service) -> None:
        service.app.refusal = refusal
        for method, message in (("ModelInfer", rows((1, 2))), ("ServerMetadata", pb.ServerMetadataRequest())):
            error = await service.refused(method, message)
            assert (error.code(), error.details()) == (STATUS_CODES[refusal.status], refusal.message)
            assert expected in list(error.trailing_metadata())

    run(test)
    assert caplog.records == []


def test_headers_that_grpc_cannot_carry_are_left_out() -> None:
    async def test(service: Service) -> None:
        odd = (("x y", "1"), ("x-bin", "1"), ("grpc-status", "0"), ("x-tab", "a\tb"), ("X-Good", "1"))
        service.app.refusal = RequestError(401, "because", odd)
        error = await service.refused("ModelInfer", rows((1, 2)))
        assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, "because")
        assert [name for name, _ in error.trailing_metadata() if name.startswith("x")] == ["x-good"]

    run(test)


def test_a_call_that_fits_nothing_is_the_callers_fault() -> None:
    async def test(service: Service) -> None:
        invalid, unknown = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
        cases = [
            ("ModelInfer", b"\xff\xff", invalid, "body: not a message of type inference.ModelInferRequest"),
            ("ModelReady", b"\xff", invalid, "body: not a message of the type that this method takes"),
            ("ModelMetadata", b"\xff", invalid, "body: not a message of the type that this method takes"),
            ("ModelInfer", rows((1, 2), model_name=""), invalid, "model_name: missing"),
            ("ModelReady", pb.ModelReadyRequest(), invalid, "name: missing"),
            ("ModelReady", pb.ModelReadyRequest(name="a/b"), unknown, "name: 'a/b' is not served here"),
            ("ModelMetadata", pb.ModelMetadataRequest(name="z"), unknown, "path: no route /v2/models/z"),
            ("ModelInfer", rows((1, 2), model_name="z"), unknown, "path: no route /v2/models/z/infer"),
            ("ModelInfer", rows(), invalid, "inputs[0].shape[0]: 0, expected an integer of at least 1"),
        ]
        for method, message, code, details in cases:
            error = await service.refused(method, message)
            assert (error.code(), error.details()) == (code, details)

    run(test)


def test_a_request_says_who_calls_and_how_long_it_waits() -> None:
    async def test(service: Service) -> None:
        before = time.monotonic()
        await service.call("ModelInfer", rows((1, 2)), timeout=9, metadata=(("x-api-key", "secret"),))
        (request,) = service.app.requests
        assert request.headers[b"x-api-key"] == b"secret"
        assert request.headers[b"content-type"] == b"application/grpc"
        assert request.peer == "127.0.0.1"
        assert before <= request.started <= time.monotonic()
        assert request.started + 8 < request.deadline <= request.started + 9.5
        await service.call("ModelInfer", rows((1, 2)), timeout=None)
        assert service.app.requests[-1].deadline == float("inf")

    run(test)


def test_a_request_whose_caller_gave_up_is_abandoned() -> None:
    async def test(service: Service) -> None:
        service.app.held = True
        error = await service.refused("ModelInfer", rows((1, 2)), timeout=0.3)
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        (request,) = service.app.requests
        while not request.abandoned:
            await asyncio.sleep(0.01)
        service.app.answer(request)  # too late, and no error

    run(test)


def test_a_body_over_the_limit_is_refused() -> None:
    async def test(service: Service) -> None:
        assert (await service.call("ModelInfer", rows(*[(1.0, 2.0)] * 50))).outputs
        error = await service.refused("ModelInfer", rows(*[(1.0, 2.0)] * 200))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert len(service.app.requests) == 1

    run(test, settings=dataclasses.replace(SETTINGS, max_body_bytes=1000))


def test_stopping_finishes_what_is_in_flight() -> None:
    async def test(service: Service) -> None:
        service.app.held = True
        call = asyncio.create_task(service.call("ModelInfer", rows((1, 2))))
        while not service.app.requests:
            await asyncio.sleep(0.01)
        stopping = asyncio.create_task(service.server.stop(10))
        await asyncio.sleep(0.05)
        late = await service.refused("ModelInfer", rows((1, 2)))
        assert late.code() == grpc.StatusCode.UNAVAILABLE
        assert not stopping.done()
        service.app.answer(service.app.requests[0])
        assert list((await call).outputs[0].contents.fp32_contents) == [2, 4]
        await stopping

    run(test)


def test_many_calls_at_once_each_get_their_own_answer() -> None:
    async def test(service: Service) -> None:
        calls = [service.call("ModelInfer", rows((float(i), 0.0), id=str(i))) for i in range(200)]
        for i, answer in enumerate(await asyncio.gather(*calls)):
            assert (answer.id, list(answer.outputs[0].contents.fp32_contents)) == (str(i), [2.0 * i, 0])
        assert len(service.app.requests) == 200

    run(test)


def test_a_taken_port_is_refused() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ListenError, match=f"MODELBERTH_GRPC_PORT: cannot listen on .*:{port}"):
                await serve(dataclasses.replace(SETTINGS, grpc_port=port), Doubling().handle)

    asyncio.run(main())


def test_uvloop_carries_it() -> None:
    async def main() -> None:
        async with running() as service:
            answer = await service.call("ModelInfer", rows((1, 2)))
            assert list(answer.outputs[0].contents.fp32_contents) == [2, 4]

    uvloop.run(main())


async def answers(service: Service) -> None:
    assert (await service.call("ServerLive", pb.ServerLiveRequest())).live


async def refuses(service: Service) -> None:
    error = await service.refused("ServerLive", pb.ServerLiveRequest(), timeout=10)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert not service.app.requests


def trusting(authority: Authority, pair: Pair | None = None) -> grpc.ChannelCredentials:
    root = authority.cert.read_bytes()
    if pair is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(root, pair.key.read_bytes(), pair.cert.read_bytes())


def test_with_a_certificate_it_speaks_tls_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    server = authority.issue("server")
    settings = dataclasses.replace(SETTINGS, tls_cert_file=server.cert, tls_key_file=server.key)
    run(answers, settings=settings, credentials=trusting(authority))
    run(refuses, settings=settings)


@pytest.mark.parametrize(
    ("uri", "caller"), [(None, "cert:client"), ("spiffe://mesh/client", "cert:spiffe://mesh/client")]
)
def test_where_clients_have_certificates_the_certificate_is_the_caller(
    tmp_path: Path, uri: str | None, caller: str
) -> None:
    authority = Authority(tmp_path, "authority")
    server, client = authority.issue("server"), authority.issue("client", uri=uri)
    settings = dataclasses.replace(
        SETTINGS, tls_cert_file=server.cert, tls_key_file=server.key, tls_client_ca_file=authority.cert
    )

    async def named(service: Service) -> None:
        await answers(service)
        assert service.app.requests[0].caller == caller

    run(named, settings=settings, credentials=trusting(authority, client))
    run(refuses, settings=settings, credentials=trusting(authority))


def test_a_certificate_that_is_replaced_is_used_from_then_on(tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    server = old.issue("server")
    settings = dataclasses.replace(SETTINGS, tls_cert_file=server.cert, tls_key_file=server.key)

    async def main() -> None:
        async with running(settings, credentials=trusting(old)) as service:
            await answers(service)
            server.cert.write_bytes(b"no certificate")
            address = f"127.0.0.1:{service.server.port}"
            async with fresh(service, address, old) as again:
                await answers(again)
            new.issue("server")
            async with fresh(service, address, new) as renewed:
                await answers(renewed)

    asyncio.run(main())


@contextlib.asynccontextmanager
async def fresh(service: Service, address: str, authority: Authority) -> AsyncIterator[Service]:
    """Another connection to the same server."""
    options = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.secure_channel(address, trusting(authority), options) as channel:
        yield Service(service.server, service.app, channel)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    settings = dataclasses.replace(SETTINGS, tls_cert_file=missing, tls_key_file=missing)
    with pytest.raises(SettingsError, match=r"missing\.pem"):
        asyncio.run(serve(settings, Doubling().handle))
    stricter = dataclasses.replace(settings, tls_min_version="1.3")
    with pytest.raises(SettingsError, match=r"MODELBERTH_TLS_MIN_VERSION: 1\.3 is not possible"):
        asyncio.run(serve(stricter, Doubling().handle))


class Abandoned:
    """The context of a call, as far as a call that is given up asks for it."""

    def invocation_metadata(self) -> None:
        return None

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def time_remaining(self) -> None:
        return None


def test_an_answer_in_the_moment_of_a_cancellation_is_dropped() -> None:
    """The call is cancelled, and its coroutine has not heard of it, when the batch that it is in is done."""

    async def main() -> None:
        requests: list[Request] = []
        methods = InferenceService(requests.append).handlers()
        details = SimpleNamespace(method="/inference.GRPCInferenceService/ModelInfer", invocation_metadata=())
        method: Any = methods.service(cast("Any", details))
        call = asyncio.ensure_future(method.unary_unary(rows((1, 2)).SerializeToString(), Abandoned()))
        await asyncio.sleep(0)
        (request,) = requests
        call.cancel()
        request.sink.answer(request, Response.json({}))
        with pytest.raises(asyncio.CancelledError):
            await call
        assert request.abandoned

    asyncio.run(main())


def test_a_client_that_says_nothing_is_cut_off() -> None:
    settings = dataclasses.replace(SETTINGS, header_timeout_seconds=0.3)

    async def test(service: Service) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.server.port)
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()

    run(test, settings=settings)


def test_an_idle_connection_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelberth_server.grpc_v2.server.KEEP_ALIVE_SECONDS", 0.2)

    async def test(service: Service) -> None:
        await service.call("ServerLive", pb.ServerLiveRequest())
        async with asyncio.timeout(20):
            while service.channel.get_state() is grpc.ChannelConnectivity.READY:
                await asyncio.sleep(0.02)
        # And comes back for the next call.
        assert (await service.call("ServerLive", pb.ServerLiveRequest())).live

    run(test)


def test_the_real_server_answers_both_forms_alike(iris: ModelFile, launch: Launch) -> None:
    server = launch(iris.environ(MODELBERTH_MODEL_NAME="iris", MODELBERTH_GRPC_PORT="0"))
    server.wait_until_ready()
    server.wait_for_log("gRPC on port ")
    port = int(server.log.partition("gRPC on port ")[2].split()[0])
    row = [5.1, 3.5, 1.4, 0.2]
    answer = httpx.post(f"{server.url}/predict", json={"input": [row]}, trust_env=False).json()

    async def main() -> None:
        options = (("grpc.enable_http_proxy", 0),)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            client = Client(channel)
            assert (await client.call("ServerReady", pb.ServerReadyRequest())).ready
            model = await client.call("ModelMetadata", pb.ModelMetadataRequest(name="iris"))
            (spec,) = model.inputs
            given = pb.ModelInferRequest(
                model_name="iris",
                inputs=[{"name": spec.name, "datatype": spec.datatype, "shape": [1, 4]}],
                raw_input_contents=[np.array(row, np.float32).tobytes()],
            )
            raw = await client.call("ModelInfer", given)
            given.inputs[0].contents.fp32_contents.extend(row)
            del given.raw_input_contents[:]
            typed = await client.call("ModelInfer", given)
            label = answer["predictions"][0].encode()
            assert typed.outputs[0].contents.bytes_contents[0] == label
            assert raw.raw_output_contents[0] == len(label).to_bytes(4, "little") + label
            error = await client.refused("ModelInfer", rows((1, 2), model_name="other"))
            assert error.code() == grpc.StatusCode.NOT_FOUND

    asyncio.run(main())
    server.terminate()
    assert server.exit_status() == 0
