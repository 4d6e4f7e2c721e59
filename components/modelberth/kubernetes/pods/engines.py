"""What of a spec the engine's own server keeps, so that what stands in front of it has to keep the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelberth.runtime_table import runtimes

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec

__all__ = ["honours"]


def honours(spec: EndpointSpec, path: str) -> bool:
    """Tell whether the engine's server honours a field."""
    unhonoured = runtimes()[spec.runtime.engine].unhonoured
    return not any(path in unhonoured.get(key, {}) for key in ("", spec.model.format))
