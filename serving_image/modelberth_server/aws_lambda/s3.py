"""S3 event notifications: which objects they name, what is predicted on, and where the result goes.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-enable-disable-notification-intro.html (test).
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote_plus

import orjson

from modelberth_server.aws_lambda.call import IAM_CALLER, Call, prediction_call
from modelberth_server.errors import RequestError
from modelberth_server.json_body import expect
from modelberth_server.tensors import shown

__all__ = ["ObjectStore", "S3Event", "S3Object", "output_uri", "prediction_on"]

# Suffixes of objects that are passed on as they are, and the content type that says what they are.
_CONTENT_TYPES: Final = {".csv": b"text/csv", ".npy": b"application/x-npy"}
_LINES: Final = (".jsonl", ".ndjson")
_SUFFIXES: Final = (".json", *_LINES, *_CONTENT_TYPES)


class ObjectStore(Protocol):
    """What is used of `sources.object_store.ObjectStore`: uris are percent-encoded, errors SourceErrors."""

    def get(self, uri: str, most: int) -> bytes:
        """Return an object's bytes, `most` of them at most."""
        ...

    def put(self, uri: str, data: bytes) -> None:
        """Write an object, or replace it."""
        ...


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object that was created; `size` is in bytes."""

    bucket: str
    key: str
    size: int

    @property
    def uri(self) -> str:
        """The object's address, percent-encoded."""
        return f"s3://{self.bucket}/{quote(self.key)}"


@dataclass(frozen=True, slots=True)
class S3Event:
    """A notification; S3's test of the connection names no objects."""

    objects: tuple[S3Object, ...]

    @classmethod
    def read(cls, event: dict[str, Any]) -> "S3Event | None":
        """Read an event; None where it is no notification of anything.

        Raises:
            RequestError: 400, it is one of another service, of another kind or not of S3's form.

        """
        if event.get("Event") == "s3:TestEvent":
            return cls(())
        if "Records" not in event:
            return None
        records = expect(event["Records"], list, "Records")
        if not records:
            raise RequestError(400, "Records: empty")
        return cls(tuple(_object(record, f"Records[{index}]") for index, record in enumerate(records)))


def _object(value: Any, where: str) -> S3Object:
    record = expect(value, dict, where)
    source = record.get("eventSource")
    if source != "aws:s3":
        raise RequestError(400, f"{where}.eventSource: {shown(source)}, only aws:s3 is handled")
    name = expect(record.get("eventName"), str, f"{where}.eventName")
    if not name.startswith("ObjectCreated:"):
        raise RequestError(400, f"{where}.eventName: {shown(name)}, only ObjectCreated:… is handled")
    s3 = expect(record.get("s3"), dict, f"{where}.s3")
    bucket = expect(s3.get("bucket"), dict, f"{where}.s3.bucket")
    created = expect(s3.get("object"), dict, f"{where}.s3.object")
    # S3 encodes keys as a form does: a space is a plus.
    key = unquote_plus(expect(created.get("key"), str, f"{where}.s3.object.key"))
    if {".", ".."} & set(key.split("/")):
        raise RequestError(400, f"{where}.s3.object.key: {shown(key)} has a segment '.' or '..'")
    size = created.get("size", 0)
    if type(size) is not int:
        raise RequestError(400, f"{where}.s3.object.size: {shown(size)}, expected an integer")
    return S3Object(expect(bucket.get("name"), str, f"{where}.s3.bucket.name"), key, size)


def output_uri(folder: str, given: S3Object) -> str:
    """Return where the prediction on an object goes: the same key again gives the same place.

    Raises:
        RequestError: 400, the object lies in that folder itself: its prediction would be an event again.

    """
    folder = folder.rstrip("/") + "/"
    if given.uri.startswith(folder):
        raise RequestError(400, "it lies in MODELBERTH_S3_OUTPUT_URI, and would be predicted on forever")
    return f"{folder}{quote(given.key)}.json"


def prediction_on(given: S3Object, data: bytes, model_name: str) -> Call:
    """Make the call that an object asks for by its suffix.

    Raises:
        RequestError: 400, naming the suffixes there are, or the line of JSON Lines at fault.

    """
    suffix = next((suffix for suffix in _SUFFIXES if given.key.lower().endswith(suffix)), None)
    if suffix is None:
        raise RequestError(400, f"its suffix is none of {', '.join(_SUFFIXES)}")
    if suffix in _CONTENT_TYPES:
        headers = {b"content-type": _CONTENT_TYPES[suffix], b"accept": b"application/json"}
        return Call("POST", "/invocations", headers, data, caller=IAM_CALLER)
    if suffix in _LINES:
        data = orjson.dumps({"instances": _rows(data)})
    return prediction_call(data, model_name)


def _rows(data: bytes) -> list[Any]:
    rows = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise RequestError(400, f"line {number}: not JSON: {error}") from None
    return rows
