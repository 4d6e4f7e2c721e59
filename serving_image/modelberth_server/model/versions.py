"""The versions of the model that are served, and which of them gets a request."""

import random
from dataclasses import dataclass

from modelberth_server.errors import RequestError
from modelberth_server.model.session import Model
from modelberth_server.tensors import shown

__all__ = ["Served", "Versions"]


@dataclass(frozen=True)
class Served:
    """A version that gets requests.

    Attributes:
        model: ready to run
        weight: its share of the requests that name no version, among the weights of all
        shadow: it gets a copy of every request that another version answers, and its own answer is dropped

    """

    model: Model
    weight: int = 1
    shadow: bool = False


class Versions:
    """An immutable choice of versions; a change makes another one."""

    def __init__(self, *served: Served) -> None:
        self.served = served
        self.shadows = tuple(one.model for one in served if one.shadow)
        self._by_version = {one.model.signature.version: one.model for one in served}
        chosen = [one for one in served if not one.shadow and one.weight > 0]
        self._models = [one.model for one in chosen]
        self._weights = [one.weight for one in chosen]

    @property
    def primary(self) -> Model | None:
        """The version with the greatest weight."""
        if not self._models:
            return None
        return self._models[self._weights.index(max(self._weights))]

    def pick(self, version: str | None = None) -> Model:
        """Return the version that a request names, or one by the weights.

        Raises:
            RequestError: 404, no such version; 503, none is ready.

        """
        if version is not None and self._by_version:
            if model := self._by_version.get(version):
                return model
            versions = " and ".join(map(repr, self._by_version))
            raise RequestError(404, f"version: {shown(version)} is not served here, only {versions}")
        if len(self._models) == 1:
            return self._models[0]
        if not self._models:
            raise RequestError(503, "the model is loading", (("retry-after", "1"),))
        return random.choices(self._models, self._weights)[0]  # noqa: S311 -- a share of traffic is no secret
