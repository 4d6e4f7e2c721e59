"""Metrics as Prometheus would scrape them."""

from typing import Final

from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered
from modelberth.conformance.subject import Subject

__all__ = ["Sample", "exposition"]

Sample = tuple[str, dict[str, str], float]
PATH: Final = "/metrics"


def exposition(subject: Subject) -> dict[str, list[Sample]]:
    """Scrape `/metrics` and return its samples, a list for each family.

    Raises:
        DidNotHold: it is not Prometheus' text format.
        NotOffered: there is none at the URL.
        NotChecked: the parser is not installed.

    """
    try:
        from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - an extra has it
    except ModuleNotFoundError:
        raise NotChecked("prometheus-client is not installed: pip install 'modelberth[serving]'") from None
    answer = subject.admin(lambda web: web.get(PATH, accept="text/plain;version=0.0.4"))
    if answer.status in (400, 404, 405):
        raise NotOffered(f"GET {PATH}: {answer.status}")
    if answer.status != 200 or answer.media_type != "text/plain":
        raise answer.unlike("200 and the content-type text/plain")
    try:
        return {
            family.name: [(sample.name, sample.labels, sample.value) for sample in family.samples]
            for family in text_string_to_metric_families(answer.body.decode())
        }
    except ValueError as error:
        raise DidNotHold(f"GET {PATH}: not Prometheus' text format: {error}") from None
