"""The faults of one server at work: when each goes off, and how often it has."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import grpc

from modelberth.preview.standins.backend import NotReadyError, Request
from modelberth.preview.standins.faults import (
    Delay,
    Drift,
    Effect,
    Fail,
    Fault,
    Gone,
    Hang,
    NotReady,
    NotVisible,
    Throttle,
)
from modelberth.preview.standins.imitation import names
from modelberth.preview.standins.paths import leaves
from modelberth.preview.standins.values import assign, plain
from modelberth.provider.resource import Observed, Properties, ResourceError
from modelberth.provider.translation import StatusError

__all__ = ["Injection"]

_THROTTLED: Final[Mapping[str, str]] = {
    "aws": (
        "exceeded maximum number of attempts, 25, https response error StatusCode: 429, "
        "api error ThrottlingException: Rate exceeded"
    ),
    "gcp": "googleapi: Error 429: Quota exceeded for quota metric 'Write requests', rateLimitExceeded",
    "azure-native": 'Status=429 Code="TooManyRequests" Message="The request is being throttled."',
    "kubernetes": "the server has received too many requests and has asked us to try again later",
}
"""What the clouds' own clients say when they have given up repeating a request."""

_IDENTITIES: Final = ("arn", "selfLink", "email")
"""Outputs by which other resources refer to one, beside its id."""


@dataclass
class _Unseen:
    """A resource that was made and cannot be found yet, because of the fault at `index`."""

    index: int
    type: str
    name: str
    identities: frozenset[str]
    left: int


class Injection:
    """Asked around every operation. Calls come from several threads."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = tuple(faults)
        self._fired = [0] * len(self._faults)
        self._unseen: dict[str, _Unseen] = {}
        self._lock = threading.Lock()

    @property
    def unfired(self) -> tuple[Fault, ...]:
        """The faults that did not go off: a test that counts on one has proved nothing."""
        with self._lock:
            return tuple(fault for fault, fired in zip(self._faults, self._fired, strict=True) if not fired)

    def before(self, operation: str, request: Request, inputs: Properties) -> None:
        """Let go wrong what goes wrong before anything is done.

        Raises:
            ResourceError: the operation fails.
        """
        for effect in self._due(operation, request, Delay, Hang):
            if request.cancelled.wait(effect.seconds if isinstance(effect, Delay) else None):
                raise ResourceError(f"{operation} of {request.name} was cancelled while it waited")
        for effect in self._due(operation, request, Fail):
            assert isinstance(effect, Fail)
            raise ResourceError(effect.message)
        for _ in self._due(operation, request, Throttle):
            said = _THROTTLED.get(request.type.partition(":")[0], "too many requests")
            raise StatusError(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{operation} {request.type}: {said}")
        if operation in ("create", "update") and not request.preview:
            self._require_visible(request, inputs)

    def after(self, operation: str, request: Request, observed: Observed) -> None:
        """Let go wrong what goes wrong once a resource was made or changed.

        Raises:
            NotReadyError: it does not become ready.
        """
        self._hide(operation, request, observed)
        for effect in self._due(operation, request, NotReady):
            assert isinstance(effect, NotReady)
            raise NotReadyError(observed, effect.reason)

    def found(self, request: Request, observed: Observed) -> Observed | None:
        """What a read finds in the place of what was deployed.

        Raises:
            ResourceError: a drift at a path that this resource cannot have.
        """
        for effect in self._due("read", request, Gone, Drift):
            if not isinstance(effect, Drift):
                return None
            for path, value in effect.changes.items():
                observed = _drifted(observed, path, value)
        return observed

    def _due(self, operation: str, request: Request, *effects: type) -> Iterator[Effect]:
        """The faults of some effects that go off now, one after the other; each is counted."""
        for index, fault in enumerate(self._faults):
            if not isinstance(fault.effect, effects) or not fault.concerns(operation, request):
                continue
            with self._lock:
                if fault.times is not None and self._fired[index] >= fault.times:
                    continue
                self._fired[index] += 1
            yield fault.effect

    def _hide(self, operation: str, request: Request, observed: Observed) -> None:
        outputs = plain(observed.outputs)
        named = {observed.id, *(outputs.get(name) for name in _IDENTITIES)}
        identities = frozenset(text for text in named if isinstance(text, str) and text)
        for index, fault in enumerate(self._faults):
            if isinstance(fault.effect, NotVisible) and fault.concerns(operation, request):
                with self._lock:
                    self._unseen[request.urn] = _Unseen(
                        index, request.type, request.name, identities, fault.effect.times
                    )

    def _require_visible(self, request: Request, inputs: Properties) -> None:
        own = names.name_property(request.type)
        texts = {leaf for path, leaf in leaves(plain(inputs)) if isinstance(leaf, str) and path != own}
        with self._lock:
            for urn, unseen in self._unseen.items():
                if unseen.left and urn != request.urn and unseen.identities & texts:
                    unseen.left -= 1
                    # It goes off where it is felt, not at the create.
                    self._fired[unseen.index] += 1
                    raise ResourceError(
                        f"{unseen.type} {unseen.name!r} not found: it was made a moment ago and cannot be "
                        "seen everywhere yet"
                    )


def _drifted(observed: Observed, path: str, value: Any) -> Observed:
    try:
        outputs = assign(observed.outputs, path, value)
        # What the program asks for drifts as well where it says something; what it leaves open does not.
        below = (f"{path}.", f"{path}[")
        said = any(f"{place}.".startswith(below) for place, _ in leaves(plain(observed.inputs)))
        inputs = assign(observed.inputs, path, value) if said else observed.inputs
    except ValueError as error:
        raise ResourceError(f"a drift that cannot be: {error}") from None
    return replace(observed, inputs=inputs, outputs=outputs)
