"""Where everything lies that `make onprem` makes for itself; the folder goes when the cluster goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from checkout import Checkout

__all__ = ["Site"]


@dataclass(frozen=True)
class Site:
    """A folder with a cluster, and with the state of the stack that is deployed to it.

    The state is not that of the checkout's other stacks: a stack `onprem` that somebody has deployed to a
    cluster of his own is another one, and stays as it is.
    """

    folder: Path

    @classmethod
    def of(cls, checkout: Checkout) -> Site:
        """Return the one of a checkout."""
        return cls(checkout.state / "onprem")

    @property
    def cluster(self) -> Path:
        """The cluster's files."""
        return self.folder / "cluster"

    @property
    def project(self) -> Path:
        """The checkout's Pulumi project, with a config of its own."""
        return self.folder / "project"

    @property
    def backend(self) -> Path:
        """The Pulumi backend."""
        return self.folder / "backend"

    @property
    def provider(self) -> Path:
        """Who answers for Kubernetes: what makes an object has to change and delete it, too."""
        return self.folder / "provider"

    @property
    def endpoints(self) -> Path:
        """What the stack exports of its endpoints, as JSON."""
        return self.folder / "endpoints.json"
