"""What each region has: the table is that of cfn-lint, and what is not in it is not judged."""

from __future__ import annotations

import runpy
import tomllib
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from modelberth.aws.regions import TABLE, has_instance, instance_problems, region_problems, type_problems

TOOL: Final = Path(__file__).parents[2] / "tools" / "region_tables.py"
COMPONENTS: Final = "AWS::SageMaker::InferenceComponent"


def test_the_table_is_current() -> None:
    pytest.importorskip("cfnlint")
    written = runpy.run_path(str(TOOL))["written"]()
    assert TABLE.read_text(encoding="utf-8") == written, (
        "write it again: .venv/bin/python tools/region_tables.py"
    )


def test_the_table_says_where_it_is_from() -> None:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert isinstance(table["captured"], date)
    assert len(table["regions"]) >= 40
    named = [
        one
        for section in ("absent", "hosting", "ec2")
        for regions in table[section].values()
        for one in regions
    ]
    assert set(named) <= set(table["regions"])


@pytest.mark.parametrize(
    ("region", "instance", "found"),
    [
        ("us-east-1", "ml.p5.48xlarge", True),
        ("eu-central-1", "ml.p5.48xlarge", False),
        ("eu-central-1", "ml.c7i.large", False),
        ("eu-central-1", "ml.c5.large", True),
        ("eu-central-9", "ml.p5.48xlarge", True),  # a region that is newer than the table
        ("eu-central-1", "ml.q1.large", True),  # a family that is
    ],
)
def test_instances_of_a_region(region: str, instance: str, found: bool) -> None:
    assert has_instance(region, instance, "hosting") is found
    problems = [*instance_problems(region, instance, "hosting", "field")]
    assert bool(problems) is not found
    for problem in problems:
        assert problem.path == "field"
        assert instance in problem.given
        assert "eu-" in problem.allowed  # its own part of the world first
        assert "as of 20" in problem.hint


def test_types_and_families_that_a_region_lacks() -> None:
    (problem,) = type_problems("eu-west-3", COMPONENTS, "target.region", "Components")
    assert "it is in eu-central-1" in problem.allowed
    assert not [*type_problems("eu-central-1", COMPONENTS, "target.region", "Components")]
    assert not [*type_problems("eu-central-9", COMPONENTS, "target.region", "Components")]
    (lacking,) = region_problems("eu-central-1", ["p6-b200"], "ec2", "resources.gpu.kind", "'b200'")
    assert lacking.given == "'b200'"
    assert not [*region_problems("us-east-1", ["p6-b200"], "ec2", "resources.gpu.kind", "'b200'")]
    assert not [*region_problems("eu-central-1", ["p6-b200", "g5"], "ec2", "resources.gpu.kind", "'b200'")]
