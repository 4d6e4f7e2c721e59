"""Waiting until an object is ready, or gone."""

from collections.abc import Mapping
from typing import Any

from modelberth.kubernetes.api.connection import RefusedError, UnreachableError
from modelberth.preview.standins.backend import NotReadyError, Request
from modelberth.preview.standins.cluster import manifest, refusals
from modelberth.preview.standins.cluster.manifest import Identity
from modelberth.preview.standins.cluster.objects import Objects
from modelberth.preview.standins.cluster.readiness import State, state
from modelberth.preview.standins.cluster.symptoms import Look, troubles
from modelberth.preview.standins.values import plain, scrubbed, secret_texts
from modelberth.provider.resource import Observed, Properties, ResourceError

__all__ = ["Awaiter"]


class Awaiter:
    """Waits for objects, each at most `timeout` seconds where neither the program nor the object says so."""

    def __init__(self, objects: Objects, look: Look, timeout: float) -> None:
        self._objects = objects
        self._look = look
        self._timeout = timeout

    def until_ready(self, request: Request, inputs: Properties, live: dict[str, Any]) -> dict[str, Any]:
        """The outputs of an object that was applied, once it is ready.

        Raises:
            NotReadyError: it does not become so, for these reasons.
        """
        wanted, identity = plain(inputs), Identity.of(live)
        if manifest.annotation(wanted, refusals.SKIP_AWAIT) == "true":
            return manifest.shown(live)
        limit = self._limit(request, wanted)
        now = State.waiting("it was not seen yet")
        try:
            for seen in self._objects.looks(identity, limit, request.cancelled):
                if seen is None:
                    raise ResourceError(f"{identity}: it was deleted by someone while it became ready")
                live, now = seen, self._judged(seen)
                if now.is_ready:
                    return manifest.shown(live)
                if now.settled:
                    break
            else:
                now = State.failed(f"{_given_up(request, limit)}: {now.reason}")
        except RefusedError as error:  # it is there all the same
            now = State.failed(f"cannot be looked at: {error}")
        observed = Observed(identity.id, inputs, manifest.shown(live))
        raise self._not_ready(observed, live, now, secret_texts(manifest.guarded(inputs)))

    def judge(self, observed: Observed, live: Mapping[str, Any]) -> None:
        """Look once at an object that should be ready.

        Raises:
            NotReadyError: it is not.
        """
        now = self._judged(live)
        if not now.is_ready and manifest.annotation(plain(observed.inputs), refusals.SKIP_AWAIT) != "true":
            raise self._not_ready(observed, live, now, secret_texts(observed.inputs))

    def until_gone(self, request: Request, identity: Identity, outputs: Mapping[str, Any]) -> None:
        """Return when the object is not there any more.

        Raises:
            ResourceError: it stays; the message says what keeps it.
        """
        limit = self._limit(request, outputs)
        live: Mapping[str, Any] | None = {}
        for live in self._objects.looks(identity, limit, request.cancelled):
            if live is None:
                return
        lingering = refusals.lingering(live or {})
        raise ResourceError(f"{identity}: {_given_up(request, limit)}, it is still there{lingering}")

    def _judged(self, live: Mapping[str, Any]) -> State:
        """The object's state; what lies beside it may not be there to see."""
        try:
            return state(live, self._look)
        except UnreachableError as error:
            return State.waiting(str(error))
        except RefusedError as error:
            told = f"what it depends on cannot be looked at: {error}"
            return State.waiting(told) if error.is_passing else State.failed(told)

    def _not_ready(
        self, observed: Observed, live: Mapping[str, Any], now: State, hidden: frozenset[str]
    ) -> NotReadyError:
        reasons = [scrubbed(reason, hidden) for reason in (now.reason, *troubles(live, self._look))]
        return NotReadyError(observed, f"{Identity.of(live)}: {reasons[0]}", *reasons[1:])

    def _limit(self, request: Request, wanted: Mapping[str, Any]) -> float:
        annotated = manifest.annotation(wanted, refusals.TIMEOUT)
        return request.timeout or (float(annotated) if annotated else self._timeout)


def _given_up(request: Request, limit: float) -> str:
    return "cancelled" if request.cancelled.is_set() else f"given up after {limit:g} s"
