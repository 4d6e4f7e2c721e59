"""Graphs of programs in AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from modelberth.preview.standins import StandInSettings
from support.clouds import changes, graph
from support.clouds.changes import Update
from support.clouds.graph import Graph, Resource

__all__ = ["ACCOUNT", "PACKAGES", "captured", "in_aws", "updated"]

ACCOUNT: Final = "123456789012"
PACKAGES: Final = ("aws", "aws-native")
"""AWS's SDKs."""

Program = Callable[[], Any]


def captured(program: Program, *, region: str = "us-east-1", account: str = ACCOUNT) -> Graph:
    """Run a program without an engine in a region of an account; raises as `clouds.graph.captured` does."""
    return graph.captured(program, StandInSettings(aws_region=region, aws_account=account))


def updated(before: Graph, after: Program, *, region: str = "eu-central-1") -> Update:
    """Deploy a program over what another one has left in the region; raises as `captured` does."""
    return changes.updated(before, after, StandInSettings(aws_region=region, aws_account=ACCOUNT))


def in_aws(found: Graph) -> tuple[Resource, ...]:
    """What AWS itself makes, by either of its SDKs."""
    return found.of(*PACKAGES)
