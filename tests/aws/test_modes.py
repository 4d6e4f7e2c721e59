"""The modes are all there is: no component of AWS and no type of resource that none of them makes."""

import re
from pathlib import Path

import pytest

from support.aws.modes import MODES, graph_of, mode_of
from support.clouds.graph import Graph
from support.clouds.modes import components, together, tokens
from support.project import REPOSITORY

SOURCES = REPOSITORY / "components" / "modelberth" / "aws"
_SDKS = frozenset({"pulumi_aws", "pulumi_aws_native"})


def sources() -> list[Path]:
    return sorted(SOURCES.rglob("*.py"))


def all_modes() -> Graph:
    return together(graph_of(mode) for mode in MODES)


def test_every_component_is_made_by_a_mode() -> None:
    declared = {token for file in sources() for token in components(file.read_text())}
    made = {token for one in all_modes().resources for token in re.findall(r"modelberth:index:\w+", one.urn)}
    assert len(declared) >= 8
    assert declared - made == set()


def test_every_type_of_resource_is_made_by_a_mode() -> None:
    used = {token for file in sources() for token in tokens(file.read_text(), _SDKS)}
    assert len(used) >= 40
    assert used - {one.token for one in all_modes().resources} == set()


def test_a_component_and_a_type_that_no_mode_makes_would_be_noticed() -> None:
    source = 'from pulumi_aws import route53\nregister("modelberth:index:AwsZone")\nroute53.Zone("a")'
    assert components(source) == {"modelberth:index:AwsZone"}
    assert [*tokens(source, _SDKS)] == ["aws:route53/zone:Zone"]


@pytest.mark.parametrize("mode", MODES)
def test_a_resource_tells_its_mode(mode: str) -> None:
    assert {mode_of(one.name) for one in graph_of(mode).resources} == {mode}
