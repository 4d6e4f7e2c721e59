"""Valid requests of every contract for a model, of which hostile ones are made."""

import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Tensor = dict[str, Any]

_DTYPES = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "INT32": "<i4", "BOOL": "?"}


@dataclass(frozen=True)
class Message:
    """A request whose framing is right, whatever it holds.

    Attributes:
        kind: what was made of it, for the tally
        route: template of the route that it is for, for the tally
        allowed: statuses that are right; None: any below 500

    """

    route: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    method: bytes = b"POST"
    kind: str = "valid"
    allowed: frozenset[int] | None = frozenset({200})

    def wire(self) -> bytes:
        lines = [b"%s %s HTTP/1.1" % (self.method, self.path.encode("latin-1")), b"host: x"]
        lines += [b"%s: %s" % header for header in self.headers]
        if self.body or self.method == b"POST":
            lines.append(b"content-length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    def changed(self, kind: str, *allowed: int, **changes: Any) -> "Message":
        return replace(self, kind=kind, allowed=frozenset(allowed) or None, **changes)


@dataclass
class Messages:
    """Makes valid requests for a model, by its metadata as `GET /v2/models/{name}` tells it."""

    metadata: dict[str, Any]
    draw: random.Random
    makers: list[Callable[[], Message]] = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.metadata["name"]
        self.version = self.metadata["versions"][0]
        self.inputs: list[Tensor] = self.metadata["inputs"]
        self.makers = [
            self._plain,
            self._score,
            self._table,
            self._vertex,
            self._by_row,
            self._by_column,
            self._infer,
            self._raw,
            self._invocations,
        ]
        if len(self.inputs) == 1:
            self.makers += [self._csv, self._npy]

    def some(self) -> Message:
        return self.draw.choice(self.makers)()

    def values(self, tensor: Tensor, rows: int) -> Any:
        """Nested lists of the tensor's type and shape."""
        return self._nested(tensor["datatype"], [rows, *tensor["shape"][1:]])

    def _nested(self, datatype: str, shape: list[int]) -> Any:
        if shape:
            return [self._nested(datatype, shape[1:]) for _ in range(max(shape[0], 1))]
        draw = self.draw
        if datatype == "BYTES":
            return draw.choice(["", "a", "é", "𝄞", 'a b,c"d\n', "x" * 30])
        if datatype == "BOOL":
            return draw.random() < 0.5
        if datatype.startswith("FP"):
            return draw.choice([0, -0.0, 1, draw.uniform(-10, 10), 1e-30, 3e38, draw.randrange(-99, 99)])
        return draw.choice([0, 1, -1, draw.randrange(-(2**31), 2**31)])

    def rows(self) -> list[Any]:
        count = self.draw.choice([1, 1, 1, 2, 3, 17])
        if len(self.inputs) == 1:
            return list(self.values(self.inputs[0], count))
        return [{tensor["name"]: self.values(tensor, 1)[0] for tensor in self.inputs} for _ in range(count)]

    def _json(self, route: str, path: str, body: Any) -> Message:
        kind = self.draw.choice([b"application/json", b"application/json; charset=utf-8"])
        headers = ((b"content-type", kind),) if self.draw.random() < 0.8 else ()
        return Message(route, path, json.dumps(body).encode(), headers)

    def _plain(self) -> Message:
        return self._json("/predict", "/predict", {self.draw.choice(["input", "instances"]): self.rows()})

    def _score(self) -> Message:
        return self._json("/score", "/score", {"input_data": self.rows()})

    def _table(self) -> Message:
        names = [tensor["name"] for tensor in self.inputs]
        rows = self.rows()
        data = rows if len(names) == 1 else [[row[name] for name in names] for row in rows]
        columns = names if len(names) > 1 else [f"c{index}" for index in range(len(data[0]))]
        index = list(range(len(data)))
        table = {"columns": columns, "index": index, "data": data}
        return self._json("/score", "/score", {"input_data": table})

    def _vertex(self) -> Message:
        return self._json("/vertex", "/vertex", {"instances": self.rows(), "parameters": {}})

    def _by_row(self) -> Message:
        path = f"/v1/models/{self.name}:predict"
        return self._json("/v1/models/{name}:predict", path, {"instances": self.rows()})

    def _by_column(self) -> Message:
        count = self.draw.choice([1, 2, 5])
        columns = {tensor["name"]: self.values(tensor, count) for tensor in self.inputs}
        path = f"/v1/models/{self.name}/versions/{self.version}:predict"
        return self._json("/v1/models/{name}/versions/{version}:predict", path, {"inputs": columns})

    def _tensors(self) -> list[Tensor]:
        count = self.draw.choice([1, 2, 5])
        return [
            {
                "name": tensor["name"],
                "datatype": tensor["datatype"],
                "shape": [count, *tensor["shape"][1:]],
                "data": self.values(tensor, count),
            }
            for tensor in self.inputs
        ]

    def _infer(self) -> Message:
        body: dict[str, Any] = {"inputs": self._tensors()}
        if self.draw.random() < 0.3:
            body["id"] = "7"
        if self.draw.random() < 0.3:
            body["outputs"] = [{"name": self.draw.choice(self.metadata["outputs"])["name"]}]
        return self._json("/v2/models/{name}/infer", f"/v2/models/{self.name}/infer", body)

    def _raw(self) -> Message:
        tensors = self._tensors()
        parts = []
        for tensor in tensors:
            parts.append(raw_elements(tensor.pop("data"), tensor["datatype"]))
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        header = json.dumps({"inputs": tensors, "parameters": {"binary_data_output": True}}).encode()
        return Message(
            "/v2/models/{name}/versions/{version}/infer",
            f"/v2/models/{self.name}/versions/{self.version}/infer",
            header + b"".join(parts),
            (
                (b"content-type", b"application/octet-stream"),
                (b"inference-header-content-length", b"%d" % len(header)),
            ),
        )

    def _invocations(self) -> Message:
        accept = self.draw.choice([(), ((b"accept", b"application/json"),), ((b"accept", b"*/*"),)])
        message = self._json("/invocations", "/invocations", {"instances": self.rows()})
        return replace(message, headers=message.headers + accept)

    def _csv(self) -> Message:
        text = "\n".join(",".join(map(repr, row)) for row in self.values(self.inputs[0], 3))
        return Message("/invocations", "/invocations", text.encode(), ((b"content-type", b"text/csv"),))

    def _npy(self) -> Message:
        file = io.BytesIO()
        dtype = _DTYPES[self.inputs[0]["datatype"]]
        np.save(file, np.array(self.values(self.inputs[0], 2), dtype), allow_pickle=False)
        headers = ((b"content-type", b"application/x-npy"), (b"accept", b"application/x-npy, */*;q=0.1"))
        return Message("/invocations", "/invocations", file.getvalue(), headers)


def raw_elements(values: Any, datatype: str) -> bytes:
    """The elements as `raw_input_contents` and the binary extension have them."""
    if datatype != "BYTES":
        return np.array(values, _DTYPES[datatype]).tobytes()
    elements = [str(one).encode() for one in np.array(values, object).reshape(-1)]
    return b"".join(len(one).to_bytes(4, "little") + one for one in elements)
