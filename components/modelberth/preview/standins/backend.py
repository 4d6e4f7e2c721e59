"""What stands behind a stand-in provider: the life of any resource of a package.

Values come as the program gave them: a secret is a `Secret`, what a preview does not know yet is the text
`UNKNOWN`, an asset is a mapping with the engine's signature. `values.plain` takes the secrets' marks away.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from modelberth.provider.resource import Checked, CheckFailure, Observed, Properties, ResourceError


@dataclass(frozen=True)
class Request:
    """Which resource a call is about, and under which circumstances."""

    urn: str
    type: str
    name: str
    """Name of the resource in the program."""
    config: Properties = field(default_factory=dict)
    """Configuration of the provider instance that the call came through, as the engine hands it over."""
    seed: bytes = b""
    """What the engine wants random names to be made from; only in `check`, where it may be empty."""
    preview: bool = False
    ignored: Sequence[str] = ()
    """Paths whose changes the program ignores, in `diff` and `update`: the inputs have old values there."""
    timeout: float = 0.0
    """Seconds that the program gave the operation; 0 where it gave none."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the answer any more: whatever waits must end then, with an error."""


@dataclass(frozen=True)
class Change:
    """One property, nested ones too, that differs: `containers[0].image`.

    `from_inputs`: the difference stands in what the program asks for, not in what was found.
    """

    path: str
    kind: Literal["add", "update", "delete"] = "update"
    replaces: bool = False
    from_inputs: bool = True


@dataclass(frozen=True)
class Difference:
    """What differs from the last deployment; `delete_first`: old and new cannot be there at one time."""

    changes: Sequence[Change] = ()
    delete_first: bool = False


class NotReadyError(ResourceError):
    """The resource is there, with this id and state, but did not become ready, for these reasons.

    The engine records it and tries again with the next deployment, so that it is neither lost nor made twice.
    """

    def __init__(self, observed: Observed, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.observed = observed
        self.reasons = reasons


class Backend(Protocol):
    """Answers for the resources of a package. Every operation raises `ResourceError` with the way out.

    Calls come at the same time, from several threads and from engines that run beside each other.
    What an operation gives back is marked as secret wherever the inputs are at the same path; a backend only
    marks what lies elsewhere.
    """

    def config_failures(self, request: Request, config: Properties) -> Sequence[CheckFailure]:
        """Why a provider's configuration cannot be taken; nothing where it can."""

    def check(self, request: Request, olds: Properties, news: Properties) -> Checked:
        """Refuse inputs that cannot work, and fill in defaults; `olds` are the last deployment's inputs."""

    def diff(
        self,
        request: Request,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        news: Properties,
    ) -> Difference:
        """Compare the last deployment with the inputs that `check` gave."""

    def create(self, request: Request, inputs: Properties) -> Observed:
        """Make the resource; in a preview, say with `UNKNOWN` and any id what would come of it.

        Raises:
            NotReadyError: it was made, and does not work.
        """

    def read(
        self, request: Request, resource_id: str, inputs: Properties, outputs: Properties
    ) -> Observed | None:
        """Find the resource; None when it is gone. An import has an id and neither inputs nor outputs."""

    def update(
        self,
        request: Request,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        inputs: Properties,
    ) -> Properties:
        """Change the resource in place, or in a preview say what would come of it; the new outputs.

        Raises:
            NotReadyError: it was changed, and does not work.
        """

    def delete(self, request: Request, resource_id: str, outputs: Properties) -> None:
        """Remove the resource; one that is gone already is no error."""
