"""The modes are all there is: each component of Google Cloud and each type of resource is made by one."""

import re
from pathlib import Path

import pytest

from support.clouds.graph import Graph
from support.clouds.modes import components, together, tokens
from support.gcp.graph import in_gcp
from support.gcp.modes import MODES, graph_of, mode_of
from support.gcp_blocks import PLACE
from support.project import REPOSITORY

SOURCES = REPOSITORY / "components" / "modelberth" / "gcp"
_SDKS = frozenset({"pulumi_gcp"})


def sources() -> list[Path]:
    return sorted(SOURCES.rglob("*.py"))


def all_modes() -> Graph:
    return together(graph_of(mode) for mode in MODES)


def test_every_component_is_made_by_a_mode() -> None:
    declared = {token for file in sources() for token in components(file.read_text())}
    made = {token for one in all_modes().resources for token in re.findall(r"modelberth:index:\w+", one.urn)}
    assert len(declared) >= 5
    assert declared - made == set()


def test_every_type_of_resource_is_made_by_a_mode() -> None:
    used = {token for file in sources() for token in tokens(file.read_text(), _SDKS)}
    assert len(used) >= 10
    assert used - {one.token for one in all_modes().resources} == set()


@pytest.mark.parametrize("mode", MODES)
def test_a_resource_tells_its_mode(mode: str) -> None:
    assert {mode_of(one.name) for one in graph_of(mode).resources} == {mode}


@pytest.mark.parametrize("mode", MODES)
def test_everything_lies_in_the_project_and_its_region(mode: str) -> None:
    """Where a resource says its project, region or location, these are the target's.

    Only the right to pull an image from another project's repository lies there.
    """
    found = [one for one in in_gcp(graph_of(mode)) if "-pulls-" not in one.name]
    told = [one for one in found if {"project", "region", "location"} & one.inputs.keys()]
    assert told
    for one in told:
        assert one.inputs.get("project", PLACE.project) == PLACE.project, one.name
        where = one.inputs.get("region", one.inputs.get("location", PLACE.region))
        assert where in {PLACE.region, "global"} or str(where).startswith(f"{PLACE.region}-"), one.name
