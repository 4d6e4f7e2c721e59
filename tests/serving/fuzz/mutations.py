"""What a stranger makes of a valid request: each mutation says which statuses are a right answer to it."""

import gzip
import io
import json
import pickle
import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from serving.fuzz.messages import Message

Mutation = Callable[[Message, random.Random], Message | None]
"""None: it has no meaning for this message."""

METHODS = (
    *(b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"PURGE", b"PROPFIND", b"REPORT"),
    *(b"LINK", b"M-SEARCH", b"SUBSCRIBE", b"QUERY"),
)
# None of these is a value of any of the tensors that are sent.
STRANGE: tuple[Any, ...] = (None, {}, {"a": [1]}, [], [[]], [[[[[1]]]]], "1e400\u0000", "\ud7ff")
PATHS = (
    *("/", "//", "/predict/", "/predict%00", "/PREDICT", "/predict/../predict", "/%70redict%2f", "/.env"),
    *(
        "/v1/models",
        "/v1/models/",
        "/v1/models/other:predict",
        "/v1/models/a:b:predict",
        "/v2/",
        "/v2/models",
    ),
    *(
        "/v2/models/%F0%9F%92%A9/infer",
        "/v2/models/%ff/infer",
        "/v2/models/../infer",
        "/v1/models/x:classify",
    ),
    *(
        "/v2/models/a/versions//infer",
        "/admin/versions",
        "/metrics/",
        "/%",
        "/%zz",
        "/a?b?c#d",
        "/" + "a" * 8000,
    ),
)


MEDIA_TYPES = (
    *(b"text/plain", b"application/xml", b"multipart/form-data; boundary=x", b"text/csv; header=x", b""),
    *(b"application/json; charset=utf-16", b"application/octet-stream", b"application/x-npy", b";;;="),
    *(b"text/csv", b"\xff\xfe", b"application/vnd.api+json", b"a" * 4000, b"application/json;" * 50),
)


def json_of(message: Message) -> Any:
    return json.loads(message.body) if message.body[:1] == b"{" and b'"binary' not in message.body else None


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with another one at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def of_json(change: Callable[[Any, random.Random], bytes], kind: str, *allowed: int) -> Mutation:
    def mutate(message: Message, draw: random.Random) -> Message | None:
        value = json_of(message)
        return None if value is None else message.changed(kind, *allowed, body=change(value, draw))

    return mutate


def numbers(value: Any) -> list[tuple[Any, ...]]:
    """The paths of numbers that are the model's, and no shape or index."""
    return [
        path
        for path in places(value)
        if type(_at(value, path)) in (int, float) and not {"shape", "index", "parameters"} & set(path)
    ]


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def token(text: str) -> Callable[[Any, random.Random], bytes]:
    """Write a text in the place of one number."""

    def change(value: Any, draw: random.Random) -> bytes:
        if not (found := numbers(value)):
            return text.encode()
        data = json.dumps(put(value, draw.choice(found), "@@"))
        return data.replace('"@@"', text).encode("utf-8", "surrogatepass")

    return change


def any_value(value: Any, draw: random.Random) -> bytes:
    strange = draw.choice(
        [*STRANGE, True, "x", 1.5, -1, 2**63, 2**64, 1e39, 10**400, draw.randbytes(3).hex()]
    )
    return json.dumps(put(value, draw.choice(places(value)), strange)).encode()


def drop_a_key(value: Any, draw: random.Random) -> bytes:
    holders = [(), *(path for path in places(value) if isinstance(_at(value, path), dict))]
    path = draw.choice([one for one in holders if _at(value, one)] or [()])
    holder = dict(_at(value, path))
    holder.pop(draw.choice(list(holder)))
    return json.dumps(put(value, path, holder)).encode()


def add_a_key(value: Any, draw: random.Random) -> bytes:
    key = draw.choice(["", "x", "Input", "__proto__", "input\u0000", "parameters2", "é" * 50])
    return json.dumps({**value, key: draw.choice([1, None, []])}).encode()


def duplicate(value: Any, draw: random.Random) -> bytes:
    data = json.dumps(value)
    key = json.dumps(draw.choice(list(value)))
    return f"{{{key}: {draw.choice(['1', 'null', '[[1]]'])}, {data[1:]}".encode()


def nest(value: Any, draw: random.Random) -> bytes:
    depth = draw.choice([40, 1000, 1025, 20_000, 100_000])
    inner = "[" * depth + ("1" + "]" * depth if draw.random() < 0.5 else "")
    return f"{{{json.dumps(next(iter(value)))}: {inner}}}".encode()


def ragged(value: Any, draw: random.Random) -> bytes:
    lists = [path for path in places(value) if isinstance(_at(value, path), list) and path[-1] != "shape"]
    path = draw.choice(lists)
    found = _at(value, path)
    changed = draw.choice([found[:-1], [*found, *found[-1:]], [found], []])
    return json.dumps(put(value, path, changed)).encode()


def bytes_of(message: Message, draw: random.Random) -> Message:
    data = bytearray(message.body)
    for _ in range(draw.choice([1, 1, 2, 8])):
        at = draw.randrange(len(data) + 1)
        data[at : at + draw.choice([0, 1, 1, 4])] = draw.randbytes(draw.choice([0, 1, 1, 3]))
    return message.changed("flipped bytes", body=bytes(data))


def cut(message: Message, draw: random.Random) -> Message:
    return message.changed("cut", body=message.body[: draw.randrange(len(message.body))])


def noise(message: Message, draw: random.Random) -> Message:
    return message.changed("noise", body=draw.randbytes(draw.choice([1, 10, 100, 3000])))


def empty(message: Message, _: random.Random) -> Message:
    return message.changed("empty", 400, body=b"")


def media_type(message: Message, draw: random.Random) -> Message:
    kind = draw.choice(MEDIA_TYPES)
    others = tuple(one for one in message.headers if one[0] != b"content-type")
    return message.changed("content type", headers=(*others, (b"content-type", kind)))


def compressed(message: Message, draw: random.Random) -> Message:
    body = draw.choice([gzip.compress(message.body), BOMB, b"\x1f\x8b\x08", message.body])
    coding = draw.choice([b"gzip", b"GZIP", b"deflate", b"br", b"zstd", b"gzip, gzip"])
    headers = (*message.headers, (b"content-encoding", coding))
    return message.changed("compressed", 415, body=body, headers=headers)


def unannounced(message: Message, draw: random.Random) -> Message:
    return message.changed(
        "compressed and not said", 400, body=draw.choice([gzip.compress(message.body), BOMB])
    )


# 64 MiB of zeros in 64 KiB: within the limit for a body.
BOMB = gzip.compress(bytes(1 << 26))


def header(message: Message, draw: random.Random) -> Message:
    name, values = draw.choice(
        [
            (
                b"accept",
                [b"", b"text/html", b"*/*;q=x", b"application/x-npy", b"text/csv", b"," * 900, b"a/b;q=9"],
            ),
            (b"x-request-id", [b"", b"\xff", b"a" * 5000, b"id\tid", b"ok"]),
            (b"traceparent", [b"00-0-0-0", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", b"ff" * 99]),
            (b"inference-header-content-length", [b"", b"-1", b"9" * 30, b"1e3", b"0", b"5", b"\xb2"]),
            (b"x-amzn-sagemaker-custom-attributes", [b"a" * 1025, b"\xff", b"ok", b""]),
            (b"authorization", [b"Bearer x", b"Basic", b"\xff"]),
            (b"content-length-x", [b"1"]),
            (b"x-forwarded-for", [b"1.2.3.4, \xff", b"x" * 3000]),
        ]
    )
    return message.changed("header", headers=(*message.headers, (name, draw.choice(values))))


def impatient(message: Message, draw: random.Random) -> Message:
    """The one case in which a 504 is right: it is what the caller asked for."""
    value = draw.choice([b"0", b"1", b"99999999999", b"-1", b"x"])
    headers = (*message.headers, (b"x-envoy-expected-rq-timeout-ms", value))
    return message.changed("impatient", 200, 504, headers=headers)


def many_headers(message: Message, draw: random.Random) -> Message:
    count = draw.choice([100, 126])
    more = tuple((b"h%d" % index, b"v" * 100) for index in range(count - len(message.headers)))
    return message.changed("many headers", 200, headers=(*message.headers, *more))


def path(message: Message, draw: random.Random) -> Message:
    return message.changed("path", 404, 405, 200, path=draw.choice(PATHS))


def named(message: Message, draw: random.Random) -> Message | None:
    if "{name}" not in message.route:
        return None
    parts = message.path.split("/")
    parts[3] = draw.choice(["x", "%00", "a" * 300, "é", ".."]) + (":predict" if ":" in parts[3] else "")
    return message.changed("model name", 404, 400, path="/".join(parts))


def method(message: Message, draw: random.Random) -> Message:
    return message.changed("method", 405, method=draw.choice(METHODS))


def npy(message: Message, draw: random.Random) -> Message:
    file = io.BytesIO()
    what = draw.choice(["pickle", "object", "dtype", "order", "shape", "header", "zero", "version"])
    if what == "pickle":
        body = pickle.dumps([[1.0] * 4])
    elif what == "object":
        np.save(file, np.array([[{}]], object), allow_pickle=True)
        body = file.getvalue()
    elif what == "dtype":
        np.save(file, np.ones((1, 4), draw.choice(["<c8", ">f4", "<M8[s]", "<U9", "S3", "<f2", "<i8"])))
        body = file.getvalue()
    elif what == "order":
        np.save(file, np.asfortranarray(np.ones((3, 4), np.float32)))
        body = file.getvalue()
    elif what == "zero":
        np.save(file, np.ones((0, 4), np.float32))
        body = file.getvalue()
    else:
        shape = draw.choice(["(1, 4)", "(2**62, 4)", "(4611686018427387904, 4)", "(-1, 4)", "(1, 4, 1)", "4"])
        text = {
            "shape": f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}",
            "header": draw.choice(["{", "[" * 60_000, "__import__('os')", "{'descr': [('a', '<f4')]}", "\0"]),
            "version": "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }",
        }[what]
        version = draw.choice([b"\x01\x00", b"\x09\x00"]) if what == "version" else b"\x01\x00"
        body = b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text.encode() + bytes(16)
    headers = ((b"content-type", b"application/x-npy"),)
    return message.changed(
        f"npy {what}", route="/invocations", path="/invocations", body=body, headers=headers
    )


def csv(message: Message, draw: random.Random) -> Message:
    field = draw.choice(
        ["nan", "inf", "-Infinity", "1_0", "0x1", "٣", '"', '"a', "1e400", "", "\0", "9" * 5000]
    )
    body = draw.choice(
        [f"1,2,3,{field}", f"{field}\n" * 5, f"1,2,3,4\n{field}", "\n" * 99, "," * 999, "1;2;3;4"]
    )
    headers = ((b"content-type", draw.choice([b"text/csv", b"text/csv; header=present"])),)
    data = body.encode()
    return message.changed("csv", route="/invocations", path="/invocations", body=data, headers=headers)


def raw(message: Message, draw: random.Random) -> Message | None:
    if b"binary_data_size" not in message.body:
        return None
    old, new = draw.choice(
        [
            (b'"binary_data_size": ', b'"binary_data_size": 1'),
            (b'"binary_data_size": ', b'"binary_data_size": -'),
            (b'"shape": [', b'"shape": [4611686018427387904, '),
            (b'"shape": [', b'"shape": [9'),
            (b'"datatype": "', b'"datatype": "X'),
            (b"true", b"1"),
        ]
    )
    body = message.body.replace(old, new, 1)
    length = b"%d" % (int(dict(message.headers)[b"inference-header-content-length"]) + len(new) - len(old))
    headers = (message.headers[0], (b"inference-header-content-length", length))
    return message.changed("raw tensors", 400, body=body, headers=headers)


MUTATIONS: tuple[Mutation, ...] = (
    *(
        of_json(token(text), "no JSON number", 400)
        for text in ("NaN", "Infinity", "-Infinity", "01", "+1", "1.")
    ),
    *(of_json(token(text), "number too large", 400) for text in ("1e400", "-1e400", "9" * 400)),
    *(of_json(token(text), "no number", 400) for text in ("{}", '"\\ud800"', "[[[[[[]]]]]]", '"\xff"')),
    of_json(any_value, "any value anywhere"),
    of_json(any_value, "any value anywhere"),
    of_json(drop_a_key, "key missing"),
    of_json(add_a_key, "key unknown", 400),
    of_json(duplicate, "key twice"),
    of_json(nest, "nested", 400),
    of_json(ragged, "ragged"),
    of_json(
        lambda value, draw: json.dumps(value).encode() + draw.choice([b"{}", b",", b"\0", b"]"]), "more", 400
    ),
    of_json(lambda value, _: b"\xef\xbb\xbf" + json.dumps(value).encode(), "byte order mark", 400),
    of_json(lambda value, _: json.dumps(value).encode("utf-16"), "UTF-16", 400),
    of_json(lambda _, draw: draw.choice([b"[]", b"1", b"null", b'""', b"{}", b"true"]), "no object"),
    of_json(lambda value, _: json.dumps(value).replace('"', '"\\u0000', 1).encode(), "zero in a key", 400),
    of_json(lambda value, _: json.dumps(value).replace('"', '"\\ud800', 1).encode(), "surrogate", 400),
    of_json(lambda value, _: json.dumps(value).encode().replace(b'"', b'"\xc3\x28', 1), "no UTF-8", 400),
    *(bytes_of, bytes_of, cut, noise, empty, media_type, compressed, unannounced, header, header, impatient),
    *(many_headers, path, named, method, npy, npy, csv, raw, raw),
)


def mutated(message: Message, draw: random.Random) -> Message:
    """Apply a mutation that has a meaning for it."""
    while True:
        changed = draw.choice(MUTATIONS)(message, draw)
        if changed is not None:
            return changed
