"""Graphs of programs in Google Cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from modelberth.preview.standins import StandInSettings
from support.clouds import changes, graph
from support.clouds.changes import Update
from support.clouds.graph import Graph, Resource
from support.gcp_blocks import PLACE

__all__ = ["PACKAGES", "SETTINGS", "captured", "in_gcp", "updated"]

PACKAGES: Final = ("gcp",)
SETTINGS: Final = StandInSettings(
    gcp_project=PLACE.project, gcp_project_number=PLACE.number, gcp_region=PLACE.region
)
_OWN: Final = ("modelberth:vertex:",)
"""Models and what runs them: Google's SDK has no types for them, and Modelberth's own provider makes them."""

Program = Callable[[], Any]


def captured(program: Program) -> Graph:
    """Run a program without an engine in the tests' project; raises as `clouds.graph.captured` does."""
    return graph.captured(program, SETTINGS, own=_OWN)


def updated(before: Graph, after: Program) -> Update:
    """Deploy a program over what another one has left; raises as `captured` does."""
    return changes.updated(before, after, SETTINGS, own=_OWN)


def in_gcp(found: Graph) -> tuple[Resource, ...]:
    """What Google's SDK makes."""
    return found.of(*PACKAGES)
