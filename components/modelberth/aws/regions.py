"""What each region has: `regions.toml`, read. A region that the table does not know is not judged."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from modelberth.errors import Problem, shown

__all__ = ["TABLE", "has_instance", "instance_problems", "region_problems", "type_problems"]

TABLE: Final = Path(__file__).with_name("regions.toml")
_MOST_NAMED: Final = 6

Catalogue = Literal["ec2", "hosting"]


def type_problems(region: str, kind: str, path: str, what: str) -> Iterator[Problem]:
    """Yield that a region has no resources of a type.

    Args:
        region: such as eu-central-1
        kind: of CloudFormation, such as AWS::SageMaker::InferenceComponent
        path: of the field that asks for it
        what: as the beginning of a sentence, such as `SageMaker's inference components`

    """
    table = _table()
    if region in table["regions"] and region in table["absent"].get(kind, ()):
        hint = f"{what} are not offered there, as of {table['captured']}."
        yield Problem(path, shown(region), f"a region that has them{_others(_with(kind), region)}", hint)


def has_instance(region: str, instance: str, catalogue: Catalogue) -> bool:
    """Tell whether a region has instances of a type, as far as the table knows both."""
    table = _table()
    having = table[catalogue].get(_family(instance))
    if having is None or region not in table["regions"]:
        return True
    return region in having and not (catalogue == "hosting" and region in table["lacking"].get(instance, ()))


def instance_problems(region: str, instance: str, catalogue: Catalogue, path: str) -> Iterator[Problem]:
    """Yield that a region has no instances of a type, as far as the table knows both."""
    if has_instance(region, instance, catalogue):
        return
    family = _family(instance)
    having = [one for one in _table()[catalogue][family] if has_instance(one, instance, catalogue)]
    what = instance if region in _table()[catalogue][family] else family
    service = "SageMaker's hosting" if catalogue == "hosting" else "EC2"
    hint = f"{service} has no {what} in {region}, as of {_table()['captured']}."
    yield Problem(path, shown(instance), f"an instance type of {region}{_others(having, region)}", hint)


def region_problems(
    region: str, families: Sequence[str], catalogue: Catalogue, path: str, given: str
) -> Iterator[Problem]:
    """Yield that a region has none of several families, of which any would do."""
    table = _table()
    known = [table[catalogue][family] for family in families if family in table[catalogue]]
    if region not in table["regions"] or not known or any(region in having for having in known):
        return
    having = sorted({one for each in known for one in each})
    hint = f"EC2 has no {' and no '.join(families)} there, as of {table['captured']}."
    yield Problem(path, given, f"what {region} has{_others(having, region)}", hint)


def _family(instance: str) -> str:
    return instance.removeprefix("ml.").split(".")[0]


def _with(kind: str) -> list[str]:
    return [one for one in _table()["regions"] if one not in _table()["absent"][kind]]


def _others(having: Sequence[str], region: str) -> str:
    """Name regions that have it, those of the same part of the world first."""
    near = sorted(having, key=lambda one: (one.partition("-")[0] != region.partition("-")[0], one))
    more = ", …" if len(near) > _MOST_NAMED else ""
    return f"; it is in {', '.join(near[:_MOST_NAMED])}{more}" if near else ""


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
