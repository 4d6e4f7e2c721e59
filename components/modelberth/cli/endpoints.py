"""What a person wants to see after a deployment: the address, a line that calls it, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_TIMEOUT = 10.0


@dataclass(frozen=True)
class Answer:
    """An endpoint, the line that calls it, and what it answered just now."""

    name: str
    url: str
    curl: str
    reply: str
    ok: bool
    logs: str


def ask(contract: Mapping[str, Any]) -> Answer:
    """Send the model's own example to the endpoint, as the printed curl line does."""
    base, predict = contract["url"], contract["predict_path"]
    body = json.dumps({"input": _example(base, contract["model_name"])})
    curl = f"curl -s {base}{predict} -H 'content-type: application/json' -d '{body}'"
    try:
        answer = httpx.post(
            base + predict,
            content=body,
            headers={"content-type": "application/json"},
            timeout=_TIMEOUT,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        reply, ok = f"no answer ({type(error).__name__})", False
    else:
        reply, ok = answer.text, answer.is_success
    return Answer(contract["name"], base, curl, reply, ok=ok, logs=contract["logs"])


def _example(base: str, model: str) -> list[Any]:
    """The example that the model carries in its metadata, or a row of zeros in the shape that it declares."""
    try:
        about = httpx.get(f"{base}/v2/models/{model}", timeout=_TIMEOUT, trust_env=False).json()
        example: list[Any] | None = about.get("parameters", {}).get("example")
        if example is not None:
            return example
        shape: list[int] = about["inputs"][0]["shape"][1:]
    except (httpx.HTTPError, ValueError, LookupError):
        return [[0.0]]
    row: Any = 0.0
    for size in reversed(shape):
        row = [row] * max(size, 1)
    return [row]
