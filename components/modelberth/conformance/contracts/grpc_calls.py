"""Calls of the Open Inference Protocol's gRPC service, with typed and with raw contents."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from modelberth.conformance.model import Model
from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered
from modelberth.conformance.subject import Subject
from modelberth.conformance.tensors import values_of

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["Refused", "Service", "output_values", "service"]

SERVICE: Final = "inference.GRPCInferenceService"
# Source: the comments of InferTensorContents in the protocol.
_FIELDS: Final = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


class Refused(Exception):  # noqa: N818 -- a status, which may be what is expected
    """The call ended with another status than OK."""

    def __init__(self, method: str, code: str, details: str) -> None:
        super().__init__(f"{method}: {code} {details[:200]}")
        self.code = code


class Service:
    """Calls the methods; messages are those of the protocol's `.proto`."""

    def __init__(self, channel: Any, messages: Any, subject: Subject) -> None:
        self._channel = channel
        self._subject = subject
        self._metadata = tuple((name.lower(), value) for name, value in subject.target.headers.items())
        self._seconds = subject.target.seconds
        self.messages = messages

    def call(self, method: str, message: Message) -> Any:
        """Call a method; raise Refused where its status is not OK."""
        import grpc  # noqa: PLC0415 - only this contract needs it

        invoke = self._channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=lambda given: given.SerializeToString(),
            response_deserializer=getattr(self.messages, f"{method}Response").FromString,
        )
        try:
            return invoke(message, timeout=self._seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise Refused(method, error.code().name, error.details() or "") from None

    def expect(self, method: str, message: Message) -> Any:
        """Call a method that has to end with OK."""
        try:
            return self.call(method, message)
        except Refused as refused:
            raise DidNotHold(f"{refused}; expected OK") from None

    def request(self, *, raw: bool, **more: Any) -> Any:
        """Return a `ModelInferRequest` with all tensors."""
        message = self.messages.ModelInferRequest(model_name=self._subject.model.name, **more)
        for tensor in self._subject.tensors:
            spec = tensor.spec
            added = message.inputs.add(name=spec.name, datatype=spec.datatype, shape=tensor.shape)
            if raw:
                message.raw_input_contents.append(tensor.raw())
                continue
            field = _FIELDS.get(spec.datatype)
            if field is None:
                raise NotOffered(f"{spec.datatype} has no typed contents")
            values = [v.encode() for v in tensor.values] if spec.datatype == "BYTES" else tensor.values
            getattr(added.contents, field).extend(values)
        return message


@contextlib.contextmanager
def service(subject: Subject) -> Iterator[Service]:
    """Connect to the gRPC port, with TLS where the URL has it."""
    target = subject.target
    if target.grpc is None:
        raise NotOffered("it is on a port of its own: name it with --grpc HOST:PORT")
    try:
        import grpc  # noqa: PLC0415 - only this contract needs it

        from modelberth_server.grpc_v2 import inference_pb2  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise NotChecked(f"the Python package {error.name} is not installed") from None
    options = (("grpc.enable_http_proxy", 0),)
    if urlsplit(target.url).scheme == "https":
        if target.insecure:
            raise NotChecked("gRPC cannot leave a certificate unverified: give --ca instead of --insecure")
        roots = Path(target.ca).read_bytes() if target.ca else None
        opened = grpc.secure_channel(target.grpc, grpc.ssl_channel_credentials(roots), options)
    else:
        opened = grpc.insecure_channel(target.grpc, options)
    with opened as channel:
        yield Service(channel, inference_pb2, subject)


def output_values(answer: Any, model: Model) -> dict[str, list[Any]]:
    """Return the flat values of all outputs, which have to be as the metadata describes them."""
    specs = {spec.name: spec for spec in model.outputs}
    raws = answer.raw_output_contents
    if raws and len(raws) != len(answer.outputs):
        raise DidNotHold(f"ModelInfer: {len(raws)} raw contents for {len(answer.outputs)} outputs")
    found: dict[str, list[Any]] = {}
    for index, output in enumerate(answer.outputs):
        spec = specs.get(output.name)
        shape = tuple(output.shape)
        if spec is None or output.datatype != spec.datatype or not spec.accepts(shape):
            raise DidNotHold(
                f"ModelInfer: output {output.name} {output.datatype} {list(shape)}, the metadata has "
                + ", ".join(f"{one.name} {one.datatype} {list(one.shape)}" for one in model.outputs)
            )
        if raws:
            found[output.name] = values_of(raws[index], output.datatype, shape, output.name)
            continue
        values = list(getattr(output.contents, _FIELDS.get(output.datatype, "bytes_contents")))
        found[output.name] = (
            [v.decode("utf-8", "replace") for v in values] if spec.datatype == "BYTES" else values
        )
        if len(values) != math.prod(shape):
            raise DidNotHold(f"ModelInfer: {len(values)} values of {output.name} for the shape {list(shape)}")
    return found
