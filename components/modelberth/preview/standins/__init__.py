"""Stand-in providers: the real engine without clouds, plugins or credentials.

Names are imported when they are first used: whoever only reads an SDK's types needs no server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelberth.preview.standins.faults import Fault
    from modelberth.preview.standins.journal import Call
    from modelberth.preview.standins.server import StandIns
    from modelberth.preview.standins.settings import StandInSettings

_HOMES = {
    "Call": "modelberth.preview.standins.journal",
    "Fault": "modelberth.preview.standins.faults",
    "StandInSettings": "modelberth.preview.standins.settings",
    "StandIns": "modelberth.preview.standins.server",
}

__all__ = ["Call", "Fault", "StandInSettings", "StandIns"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
