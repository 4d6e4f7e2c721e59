"""Each field of an endpoint in AWS, changed once: what is updated in place, and what replaced."""

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from modelberth import ModelEndpoint, ModelEndpointArgs
from support.aws.graph import captured, updated
from support.aws_blocks import PLACE
from support.aws_changes import KINDS, UNCHANGED
from support.clouds.changes import Program, Update
from support.clouds.golden import same_as
from support.clouds.graph import Graph
from support.clouds.kinds import named, surprising

HERE = Path(__file__)
REASONS = tomllib.loads((HERE.parent / "surprises.toml").read_text())
SURPRISES, USUAL = REASONS["surprising"], REASONS["usual"]
COUNTS = {"lambda": 66, "sagemaker": 84, "eks": 32}


def program(config: Mapping[str, Any]) -> Program:
    return lambda: ModelEndpoint(config["name"], ModelEndpointArgs.parse(config))


@cache
def deployed(config: str) -> Graph:
    """What an endpoint leaves, by its config as JSON: many rows begin with the same."""
    return captured(program(json.loads(config)), region=PLACE.region)


def change(kind: str, path: str) -> Update:
    before, after = KINDS[kind].configs(path)
    return updated(deployed(json.dumps(before)), program(after))


@cache
def table(kind: str) -> dict[str, list[str]]:
    """What an update does, by the field that is changed."""
    return {
        path: [line.replace(f" iris-{kind}-", " ") for line in change(kind, path).lines]
        for path in KINDS[kind].fields()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_is_honoured_is_changed_once(kind: str) -> None:
    found = table(kind)
    assert len(found) == COUNTS[kind]
    assert {*KINDS[kind].changes} <= found.keys()
    assert UNCHANGED.keys().isdisjoint(found)
    same_as(HERE.parent / "golden" / f"{kind}_changes.json", found, str(HERE))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_simply_updated_in_place_is_explained(kind: str) -> None:
    """A row that replaces or deletes something, or does nothing, is there for a reason, which is told."""
    usual = {line for lines in USUAL[kind].values() for line in lines}
    assert surprising(table(kind), usual) == SURPRISES[kind].keys()
    assert usual <= {named(line) for lines in table(kind).values() for line in lines}


@pytest.mark.parametrize("kind", KINDS)
def test_no_change_replaces_a_key(kind: str) -> None:
    """What was encrypted with a key that is replaced cannot be read once the old one is deleted."""
    lines = [line for rows in table(kind).values() for line in rows]
    assert len(lines) >= COUNTS[kind]
    assert not [line for line in lines if line.startswith("replaced") and "key-key:" in line]


def test_a_change_that_replaces_is_seen() -> None:
    update = change("lambda", "security.tls.domain")
    assert update.replaced.keys() == {"iris-lambda-domain", "iris-lambda-mapping"}
    assert update.replaced["iris-lambda-domain"] == ("domainName",)


@pytest.mark.parametrize("kind", KINDS)
def test_no_change_changes_nothing(kind: str) -> None:
    config = KINDS[kind].smallest
    assert updated(deployed(json.dumps(config)), program(config)).lines == []
