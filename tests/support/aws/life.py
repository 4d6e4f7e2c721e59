"""The life of a stack in AWS on the real engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from modelberth.preview.standins import StandInSettings
from support.aws.graph import ACCOUNT, PACKAGES
from support.aws_blocks import PLACE
from support.clouds.life import Cloud

__all__ = ["AWS", "accounts"]

AWS: Final = Cloud(
    packages=(*PACKAGES, "kubernetes"),
    settings=StandInSettings(aws_account=ACCOUNT, aws_region=PLACE.region),
    config={"aws:region": PLACE.region},
    said_elsewhere=frozenset({"alarmDescription", "description", "region", "tags"}),
)


def accounts(state: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """The accounts that the providers of AWS work in, by package; one that takes any has `*`."""
    found: dict[str, set[str]] = {}
    for one in state.values():
        package = one["type"].removeprefix("pulumi:providers:")
        if package in PACKAGES:
            found.setdefault(package, set()).update(
                json.loads(one["inputs"].get("allowedAccountIds", '["*"]'))
            )
    return found
