"""What a person wants to see after a deployment: the address, a line that calls it, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

_TIMEOUT = 10.0
_KEY_HEADER = "x-api-key"  # of the contract, unless it names another


@dataclass(frozen=True)
class Answer:
    """An endpoint, the line that calls it, and what it answered just now."""

    name: str
    url: str
    curl: str
    reply: str
    ok: bool
    logs: str | None


def ask(contract: Mapping[str, Any]) -> Answer:
    """Send the model's own example to the endpoint, as the printed curl line does.

    An endpoint that only others may or can call is not asked; the line says how they do.
    """
    base, predict = contract["url"], contract["predict_path"]
    if why_not := _out_of_reach(contract):
        return Answer(contract["name"], base, _line(contract), why_not, ok=True, logs=contract["logs"])
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


def _out_of_reach(contract: Mapping[str, Any]) -> str:
    """Say why the endpoint is not asked from here; nothing where it is."""
    if _service(contract["url"]):
        return "not asked: it is reached inside its cluster only"
    if contract["auth"] not in {"loopback", "none"}:
        return f"not asked: callers prove who they are ({contract['auth']})"
    return ""


def _line(contract: Mapping[str, Any]) -> str:
    """What to type to call an endpoint that was not asked."""
    base, forward = contract["url"], ""
    if service := _service(base):
        name, namespace = service
        scheme, port = ("https", 443) if base.startswith("https:") else ("http", 80)
        forward = f"kubectl port-forward --namespace {namespace} service/{name} 8080:{port} & "
        base = f"{scheme}://127.0.0.1:8080"
    headers = f"-H 'content-type: application/json'{_proof(contract)}"
    return f"{forward}curl -s {base}{contract['predict_path']} {headers} -d '{{\"input\": […]}}'"


def _proof(contract: Mapping[str, Any]) -> str:
    """The header with which callers prove who they are, as an option of curl."""
    match contract["auth"]:
        case "api_key":
            return f" -H '{contract.get('auth_header') or _KEY_HEADER}: KEY'"
        case "jwt":
            return " -H 'authorization: Bearer TOKEN'"
    return ""


def _service(url: str) -> tuple[str, str] | None:
    """Name and namespace of the Kubernetes Service that an address leads to."""
    name, _, rest = (urlsplit(url).hostname or "").partition(".")
    namespace, dot, domain = rest.partition(".")
    return (name, namespace) if dot and domain == "svc.cluster.local" else None


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
