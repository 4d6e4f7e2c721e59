"""Cloud Run's container contract, as far as it can be seen from outside.

That a container listens on `PORT` of 0.0.0.0 and ends on SIGTERM is seen where it is started.
"""

import json
from typing import Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.expect import success, within
from modelberth.conformance.outcome import DidNotHold, NotOffered, Outcome
from modelberth.conformance.subject import Subject

__all__ = ["CONTRACT"]

SOURCE: Final = "https://cloud.google.com/run/docs/container-contract"
QUOTAS: Final = "https://cloud.google.com/run/quotas"
MAX_BYTES: Final = 32 * 1024 * 1024
ANSWER_SECONDS: Final = 300.0
_JSON: Final = {"content-type": "application/json"}
# What the platform's front end adds, or passes on from the caller.
_FORWARDED: Final = {
    "forwarded": 'for="203.0.113.7";proto=https',
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "https",
    "x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/1;o=1",
    "traceparent": "00-105445aa7843bc8bf206b12000100000-0000000000000001-01",
}


def _find(subject: Subject) -> None:
    try:
        _ = subject.prediction
    except Outcome as missing:
        raise NotOffered(str(missing)) from None


def _answers(subject: Subject) -> None:
    call = subject.prediction
    answer = success(subject.web.post(call.path, call.body))
    within(answer, ANSWER_SECONDS)
    if len(answer.body) > MAX_BYTES:
        raise DidNotHold(f"{answer.request}: {len(answer.body)} bytes, at most {MAX_BYTES} expected")


def _any_host(subject: Subject) -> None:
    call = subject.prediction
    success(subject.web.post(call.path, call.body, {"host": "service-abc123-ew.a.run.app"}))


def _forwarded(subject: Subject) -> None:
    call = subject.prediction
    success(subject.web.post(call.path, call.body, _FORWARDED))


def _chunked(subject: Subject) -> None:
    call = subject.prediction
    body = json.dumps(call.body).encode()
    chunks = (body[at : at + 7] for at in range(0, len(body), 7))
    success(subject.web.send("POST", call.path, chunks, _JSON))


def _startup(subject: Subject) -> None:
    success(subject.web.get(subject.ready()))


CONTRACT: Final = Contract(
    "cloud-run",
    _find,
    (
        Check("a prediction is within 300 s and 32 MiB", QUOTAS, _answers),
        Check("the service's host name is accepted", f"{SOURCE}, requests", _any_host),
        Check("forwarded headers are tolerated, without a redirect to https", f"{SOURCE}, TLS", _forwarded),
        Check("a body in chunks is accepted", "RFC 9112, 7.1", _chunked),
        Check("a startup probe is answered with 200", f"{SOURCE}, health checks", _startup),
    ),
)
