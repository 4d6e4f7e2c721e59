"""Each field of an endpoint in Google Cloud, changed once: what is updated in place, and what replaced."""

import json
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from modelberth import ModelEndpoint, ModelEndpointArgs
from support.clouds.changes import Program, Update
from support.clouds.golden import same_as
from support.clouds.graph import Graph
from support.clouds.kinds import named, surprising
from support.gcp.graph import captured, updated
from support.gcp_changes import KINDS, UNCHANGED

HERE = Path(__file__)
REASONS = tomllib.loads((HERE.parent / "surprises.toml").read_text())
SURPRISES, USUAL = REASONS["surprising"], REASONS["usual"]
_DIGEST = re.compile(r"-[0-9a-f]{8}\b")
COUNTS = {"cloud_run": 79, "vertex": 74, "gke": 34}


def program(config: Mapping[str, Any]) -> Program:
    return lambda: ModelEndpoint(config["name"], ModelEndpointArgs.parse(config))


@cache
def deployed(config: str) -> Graph:
    """What an endpoint leaves, by its config as JSON: many rows begin with the same."""
    return captured(program(json.loads(config)))


def change(kind: str, path: str) -> Update:
    before, after = KINDS[kind].configs(path)
    return updated(deployed(json.dumps(before)), program(after))


@cache
def table(kind: str) -> dict[str, list[str]]:
    """What an update does, by the field that is changed; names without what they have of the content."""
    beginning = f" iris-{kind.replace('_', '-')}-"
    return {
        path: [_DIGEST.sub("-*", line.replace(beginning, " ")) for line in change(kind, path).lines]
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
def test_no_change_replaces_a_key_or_a_service(kind: str) -> None:
    """A key's name is taken for good once it was made, and a service that goes takes its address along."""
    lines = [line for rows in table(kind).values() for line in rows]
    assert len(lines) >= COUNTS[kind]
    lasting = {"replaced key-key", "replaced key-ring", "replaced service"}
    assert lasting.isdisjoint(map(named, lines))


def test_a_change_that_replaces_is_seen() -> None:
    update = change("vertex", "target.access.projects")
    assert update.replaced.keys() == {"iris-vertex-endpoint", "iris-vertex-deployed"}
    assert update.replaced["iris-vertex-endpoint"] == ("name", "privateServiceConnectConfig")


@pytest.mark.parametrize("kind", KINDS)
def test_no_change_changes_nothing(kind: str) -> None:
    config = KINDS[kind].smallest
    assert updated(deployed(json.dumps(config)), program(config)).lines == []
