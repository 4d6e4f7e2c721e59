"""Kubernetes: probes that the kubelet asks, and metrics that Prometheus scrapes."""

from typing import Final

from modelberth.conformance.check import Check, Contract
from modelberth.conformance.contracts.metrics import exposition
from modelberth.conformance.expect import within
from modelberth.conformance.outcome import DidNotHold, NotOffered
from modelberth.conformance.subject import Subject
from modelberth.conformance.web import Answer

__all__ = ["CONTRACT"]

SOURCE: Final = (
    "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/"
)
EXPOSITION: Final = "https://prometheus.io/docs/instrumenting/exposition_formats/"
# The kubelet's default for `timeoutSeconds`.
PROBE_SECONDS: Final = 1.0
_BAD: Final = (b"{", b"", b"\xff", b"[]", b'{"inputs": 1, "instances": 1}')


def _find(subject: Subject) -> None:
    subject.live()
    subject.ready()


def _probe(answer: Answer) -> None:
    """Expect what counts as a success for the kubelet: 200 to 399, in time."""
    if not 200 <= answer.status <= 399:
        raise answer.unlike("200 to 399")
    within(answer, PROBE_SECONDS)


def _live(subject: Subject) -> None:
    _probe(subject.web.get(subject.live()))


def _ready(subject: Subject) -> None:
    _probe(subject.web.get(subject.ready()))


def _truthful(subject: Subject) -> None:
    answer = subject.web.get(subject.ready())
    if answer.status == 200:
        call = subject.prediction
        answer = subject.web.post(call.path, call.body)
        if answer.status != 200:
            raise answer.unlike("200, for the server says that it is ready")


def _stays(subject: Subject) -> None:
    path = subject.prediction.path
    for body in _BAD:
        answer = subject.web.send("POST", path, body, {"content-type": "application/json"})
        if answer.status >= 500:
            raise answer.unlike("no 5xx to a malformed request")
    for path in (subject.live(), subject.ready()):
        _probe(subject.web.get(path))


def _kubelet(subject: Subject) -> None:
    for path in (subject.live(), subject.ready()):
        headers = {"user-agent": "kube-probe/1.35", "accept": "*/*", "connection": "close"}
        _probe(subject.web.send("GET", path, headers=headers))


def _metrics(subject: Subject) -> None:
    try:
        families = exposition(subject)
    except NotOffered as missing:
        raise NotOffered(f"{missing}; where it is elsewhere, name it with --admin") from None
    if not families:
        raise DidNotHold("GET /metrics: no metric in it")


CONTRACT: Final = Contract(
    "kubernetes",
    _find,
    (
        Check("the liveness probe succeeds within 1 s", SOURCE, _live),
        Check("the readiness probe succeeds within 1 s", SOURCE, _ready),
        Check("a server that is ready predicts", SOURCE, _truthful),
        Check("malformed requests do not make it unhealthy", SOURCE, _stays),
        Check("a probe may close its connection after one request", SOURCE, _kubelet),
        Check("the metrics can be parsed", EXPOSITION, _metrics),
    ),
)
