"""References between resources: whether an input that names another resource can name it.

The table `tables/references.toml` says which inputs refer to what. The form is always checked. Whether the
thing exists is not known for most: a program may use infrastructure that others made. It is known where an
identifier lies in the account, project or subscription that stand-ins use by default, which are nobody's:
what lies there and was not made does not exist. That is asked when something is really made of it, as in a
cloud: in a preview what it refers to may be still to come. Names alone, as in Kubernetes, are never missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pulumi.runtime import rpc

from modelberth.errors import HIDDEN, is_secret, shown
from modelberth.preview.standins.imitation import tables
from modelberth.preview.standins.imitation.existing import Existing
from modelberth.preview.standins.imitation.replacements import unversioned
from modelberth.preview.standins.paths import leaves
from modelberth.preview.standins.sdk.inputs import InputFailure
from modelberth.preview.standins.settings import StandInSettings

__all__ = ["Kind", "check", "kinds", "rows"]

_SETTINGS: Final = {"account": "aws_account", "project": "gcp_project", "subscription": "azure_subscription"}
_NOBODY: Final = {place: getattr(StandInSettings(), setting) for place, setting in _SETTINGS.items()}


@dataclass(frozen=True, slots=True)
class Kind:
    """What one sort of reference looks like.

    `pattern` matches the whole text, `says` is the form in words, `made_by` are the types that make such a
    thing, `place` is the group of the pattern that says where it lies, and `owned` tells that it must lie in
    the region of the resource that refers to it.
    """

    pattern: str
    says: str
    made_by: tuple[str, ...] = ()
    place: str = ""
    owned: bool = False


def check(
    token: str, inputs: Mapping[str, Any], existing: Existing | None = None, region: str | None = None
) -> tuple[InputFailure, ...]:
    """Every input that refers to what it cannot, or to what only a stand-in could have made and has not.

    Without `existing` only forms are checked. `region` is the one that the provider's configuration names,
    where it does; one in the inputs wins. Where neither does, it comes from the environment and regions are
    not compared.
    """
    return tuple(_failures(token, inputs, existing, region))


def _failures(
    token: str, inputs: Mapping[str, Any], existing: Existing | None, region: str | None
) -> Iterator[InputFailure]:
    row = rows().get(unversioned(token), {})
    given = inputs.get("region")
    region = given if isinstance(given, str) and given != rpc.UNKNOWN else region
    partitions: dict[str, str] = {}
    for path, value in leaves(inputs) if row else ():
        kind = row.get(re.sub(r"\[\d+\]", "[]", path))
        if kind is None or not isinstance(value, str) or rpc.UNKNOWN in value:
            continue
        text = HIDDEN if is_secret(path) else shown(value)
        match = re.fullmatch(kind.pattern, value)
        if match is None:
            yield InputFailure(path, f"given {text}, allowed: {kind.says}")
            continue
        place = match.groupdict()
        if partition := place.get("partition"):
            partitions[partition] = path
        if kind.owned and region and place.get("region") not in (None, region):
            yield InputFailure(path, f"given {text} in {place['region']}, allowed: {kind.says}, in {region}")
        elif existing is not None and _lies_nowhere_else(kind, place) and value not in existing:
            yield InputFailure(path, _missing(kind, text))
    if len(partitions) > 1:
        both = " and ".join(sorted(partitions))
        path = next(reversed(partitions.values()))
        yield InputFailure(path, f"given ARNs of the partitions {both}, allowed: all of one partition")


def _lies_nowhere_else(kind: Kind, place: Mapping[str, str | None]) -> bool:
    return bool(kind.made_by) and place.get(kind.place) == _NOBODY.get(kind.place)


def _missing(kind: Kind, text: str) -> str:
    maker = " or ".join(kind.made_by)
    return (
        f"given {text}, which was not made: {_NOBODY[kind.place]} is the {kind.place} of the stand-ins, "
        f"where nothing exists but what a program made; allowed: {kind.says}, of {maker}. If others made it, "
        f"give the stand-ins your own {kind.place}: StandInSettings({_SETTINGS[kind.place]}=...)"
    )


@cache
def kinds() -> Mapping[str, Kind]:
    """Every sort of reference by its name in the table."""
    return {
        name: Kind(**{**row, "made_by": tuple(row.get("made_by", ()))})
        for name, row in tables.read("references")["kinds"].items()
    }


@cache
def rows() -> Mapping[str, Mapping[str, Kind]]:
    """By type, the kind of each input that refers to something; `[]` in a path is any index."""
    return {
        token: {path: kinds()[kind] for path, kind in row.items()}
        for token, row in tables.read("references")["types"].items()
    }
