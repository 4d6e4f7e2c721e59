"""What a project of Google Cloud has of the quotas that endpoints need, asked of Cloud Quotas itself.

https://docs.cloud.google.com/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from modelberth.cli.quota_answer import Answer, Standing
from modelberth.gcp.quotas import Need
from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex.credentials import application_default

__all__ = ["Read", "answers"]

Read = Callable[[str, str], Mapping[str, Any]]
"""Gives the document of a path below the API's address, as the project that pays for the question."""

_ADDRESS: Final = "https://cloudquotas.googleapis.com/v1/"
_TIMEOUT: Final = 30.0
_ENABLE: Final = "gcloud services enable cloudquotas.googleapis.com --project="
_UNBOUNDED: Final = "-1"


def answers(wanted: Sequence[Need], read: Read | None = None) -> list[Answer]:
    """Read each quota that is needed; without credentials, or where the API is not enabled, say so.

    Args:
        wanted: what is needed
        read: asks the API; None: over HTTPS, with the credentials of whoever runs this

    """
    if not wanted:
        return []
    try:
        ask = read or _over_https()
    except ResourceError as error:
        return [Answer(need, Standing.SKIPPED, None, str(error)) for need in wanted]
    return [_answer(need, ask) for need in wanted]


def _answer(need: Need, ask: Read) -> Answer:
    path = f"projects/{need.place.number}/locations/global/services/{need.service}/quotaInfos/{need.name}"
    try:
        value = _value(ask(path, need.place.project), need.divided_by)
    except httpx.HTTPStatusError as error:
        return Answer(need, Standing.SKIPPED, None, _refused(error.response, need))
    except (httpx.TransportError, ResourceError) as error:
        return Answer(need, Standing.SKIPPED, None, f"Google could not be asked: {error}")
    if value is None:
        said = f"Google lists no quota {need.name} in {need.place.region}"
        return Answer(need, Standing.SKIPPED, None, said)
    if value == float("inf"):
        return Answer(need, Standing.ENOUGH, None, "without a bound")
    if value >= need.value:
        return Answer(need, Standing.ENOUGH, value, f"{value:,g}, and {need.value:,} suffice")
    said = f"{value:,g}, and {need.value:,} are needed; ask for more: {_request(need)}"
    return Answer(need, Standing.TOO_SMALL, value, said)


def _value(document: Mapping[str, Any], wanted: Mapping[str, str]) -> float | None:
    """The value for the most dimensions that are ours; one that was never granted has none and is 0."""
    fitting = [info for info in document.get("dimensionsInfos") or () if _fits(info, wanted)]
    if not fitting:
        return None
    closest = max(fitting, key=lambda info: len(info.get("dimensions") or {}))
    given = str((closest.get("details") or {}).get("value") or 0)
    return float("inf") if given == _UNBOUNDED else float(given)


def _fits(info: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    dimensions, places = info.get("dimensions") or {}, info.get("applicableLocations") or ()
    region = wanted.get("region", "global")
    if places and "global" not in places and region not in places:
        return False
    return all(wanted.get(name) == value for name, value in dimensions.items())


def _request(need: Need) -> str:
    ask = f"gcloud beta quotas preferences create --project={need.place.project} --service={need.service}"
    ask += f" --quota-id={need.name} --preferred-value={need.value}"
    divided = ",".join(f"{name}={value}" for name, value in need.divided_by.items())
    return f"{ask} --dimensions={divided}" if divided else ask


def _refused(answer: httpx.Response, need: Need) -> str:
    try:
        error = answer.json()["error"]
        status, message = str(error.get("status", answer.status_code)), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        status, message = f"HTTP {answer.status_code}", ""
    if answer.status_code == httpx.codes.NOT_FOUND:
        return f"Google lists no quota {need.name} of {need.service}"
    if "SERVICE_DISABLED" in answer.text or "has not been used in project" in message:
        return f"Cloud Quotas is not enabled in {need.place.project}: {_ENABLE}{need.place.project}"
    return f"Google could not be asked: {status}" + (f": {message}" if message else "")


def _over_https() -> Read:
    token = application_default()

    def read(path: str, project: str) -> Mapping[str, Any]:
        # Without a project that pays, credentials of a person are refused (google.aip.dev/auth/4110).
        headers = {"authorization": f"Bearer {token()}", "x-goog-user-project": project}
        answer = httpx.get(f"{_ADDRESS}{path}", headers=headers, timeout=_TIMEOUT)
        answer.raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found

    return read
