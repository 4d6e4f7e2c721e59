"""One request to the API: sent again while the service is busy, its refusals in our words.

Why REST and not google-cloud-aiplatform (2.7.0, looked at on 2026-11-22): its generated clients for models
and endpoints cannot be had without the whole, which installs 299 MB in 40 packages, among them the clients of
BigQuery, Cloud Storage, Resource Manager and Gemini. Loading the two clients takes 1.3 s and 108 MB of
memory; google-auth takes 0.3 s and 40 MB. What is asked here is ten methods of one stable version, whose
JSON and errors are documented (docs.cloud.google.com/vertex-ai/docs/reference/rest, google.aip.dev/193).
Credentials are left to Google's library.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelberth.provider.resource import ResourceError
from modelberth.provider.vertex.credentials import Token

if TYPE_CHECKING:
    import httpx

__all__ = ["ApiError", "Pace", "Transport"]

_BUSY: Final = frozenset({429, 503})
_TIMEOUT: Final = 60.0
"""Seconds for one answer: what takes longer is a long-running operation."""
# An exhausted stock, such as GPUs, as opposed to too many requests a minute: waiting does not mend it.
_STOCK: Final = re.compile(r"\bthe following quota", re.IGNORECASE)


class ApiError(ResourceError):
    """The API refused a request, or an operation ended so.

    Attributes:
        code: the HTTP status; 0 where an operation failed
        status: the canonical name, such as NOT_FOUND
    """

    def __init__(self, doing: str, code: int, status: str, message: str) -> None:
        way_out = _way_out(status, message)
        told = f"Vertex AI: {doing}: {status}: {message.rstrip('.')}"
        super().__init__(f"{told}. {way_out}" if way_out else told)
        self.code = code
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Pace:
    """How patiently the API is asked, in seconds; the time itself, so that a test need not wait.

    Attributes:
        attempts: of one request while the service is busy
        first: the wait after the first attempt; each following one is twice as long
        longest: of these waits, and of those between two looks at an operation
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 30.0
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.monotonic

    def wait(self, number: int) -> float:
        """How long to wait after attempt `number`, of which the first is 0."""
        return float(min(self.longest, self.first * 2**number))


class Transport:
    """JSON over HTTP to one address of the API, such as https://europe-west4-aiplatform.googleapis.com."""

    def __init__(
        self,
        address: str,
        token: Token,
        *,
        pace: Pace | None = None,
        sending: httpx.BaseTransport | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        import httpx  # noqa: PLC0415 - 55 ms of every start of the provider, and few programs need it

        self.pace = pace or Pace()
        self._token = token
        self._cancelled = cancelled
        self._http = httpx.Client(base_url=f"{address.rstrip('/')}/v1/", timeout=_TIMEOUT, transport=sending)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """Send a request; the answer's document.

        Args:
            method: of HTTP
            path: below /v1/, the name of a resource with its verb
            query: after the path
            body: JSON
            repeatable: doing it twice is doing it once; what is not is sent again only where the service
                cannot have begun with it

        Raises:
            ApiError: the API refused it, or was busy for too long.
            ResourceError: there was no answer, or nobody waits for it any more.
        """
        import httpx  # noqa: PLC0415

        doing = f"{method} {path}"
        for number in range(self.pace.attempts):
            if self._cancelled():
                raise ResourceError(
                    f"Vertex AI: cancelled before {doing}. Run the same again: it goes on from there"
                )
            is_last = number + 1 == self.pace.attempts
            try:
                headers = {"authorization": f"Bearer {self._token()}"}
                answer = self._http.request(method, path, params=query, json=body, headers=headers)
            except httpx.TransportError as error:
                if is_last or not (repeatable or isinstance(error, httpx.ConnectError)):
                    where = str(self._http.base_url).removesuffix("/v1/")
                    raise ResourceError(f"Vertex AI: {doing}: no answer from {where}: {error}") from error
                self.pace.sleep(self.pace.wait(number))
                continue
            if answer.is_success:
                found: dict[str, Any] = answer.json()
                return found
            refusal = _refusal(doing, answer)
            passes = answer.status_code in _BUSY and not _STOCK.search(refusal.message)
            if is_last or not passes or (answer.status_code != 429 and not repeatable):
                raise refusal
            self.pace.sleep(max(self.pace.wait(number), _asked(answer)))
        raise AssertionError("a pace has at least one attempt")


def _refusal(doing: str, answer: httpx.Response) -> ApiError:
    """What an answer complains about, in the form of google.aip.dev/193; a proxy's answer has another one."""
    try:
        error = answer.json()["error"]
        return ApiError(doing, answer.status_code, str(error["status"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        said = " ".join(answer.text.split())[:200] or "nothing said"
        return ApiError(doing, answer.status_code, f"HTTP {answer.status_code}", said)


def _asked(answer: httpx.Response) -> float:
    """How long the service asks to wait, in seconds; a date in its place is left out."""
    given = answer.headers.get("retry-after", "")
    return float(given) if given.isdecimal() else 0.0


def _way_out(status: str, message: str) -> str:
    if "SERVICE_DISABLED" in message or "has not been used in project" in message:
        return "Enable it: gcloud services enable aiplatform.googleapis.com"
    match status:
        case "UNAUTHENTICATED":
            return "Log in: gcloud auth application-default login"
        case "PERMISSION_DENIED":
            return "Grant roles/aiplatform.user on the project to whoever deploys"
        case "RESOURCE_EXHAUSTED" if _STOCK.search(message):
            return (
                "A deployed model counts with its largest number of replicas, and an update has the old and "
                "the new one for a while: ask for more under IAM & Admin > Quotas, or lower scaling.max"
            )
    return ""
