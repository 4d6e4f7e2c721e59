"""AWS's own schemas judge the graphs, in three regions."""

import importlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import pytest
import yaml

from support.aws.cloudformation import template
from support.aws.graph import captured, in_aws
from support.aws.lint import REGIONS, Finding, lint
from support.aws.modes import MODES, graph_of, name_of
from support.aws.samples import BARE, HARDENED, bare, hardened
from support.clouds.graph import Graph, resource
from support.project import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "clouds"


def found(token: str, inputs: Mapping[str, Any], region: str = "us-east-1") -> list[Finding]:
    return lint(template(Graph((resource(token, "one", inputs),))).document, [region])


@pytest.mark.parametrize("region", REGIONS)
def test_every_mode_is_what_aws_takes(region: str) -> None:
    judged, documents = 0, []
    for mode in MODES:
        graph = graph_of(mode, region)
        made = template(graph)
        assert made.logical.keys() == {one.urn for one in in_aws(graph)}, mode
        judged += len(made.logical)
        documents.append((name_of(mode), made.document["Resources"]))
    assert judged > 10 * len(MODES)
    for some in _batches(_distinct(documents)):
        assert lint({"AWSTemplateFormatVersion": "2010-09-09", "Resources": some}, [region]) == []


def _distinct(documents: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Every resource, without those that differ from an earlier one in the name of the mode only.

    Most modes have the same key, logs and alarms. What a resource comes after is left out: the order is
    the replay's to judge.
    """
    found: dict[str, tuple[str, Any]] = {}
    for name, resources in documents:
        for logical, one in resources.items():
            bare = {key: value for key, value in one.items() if key != "DependsOn"}
            text = json.dumps(bare, sort_keys=True).replace(name, "NAME")
            found.setdefault(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text), (logical, bare))
    return dict(found.values())


def _batches(resources: Mapping[str, Any], most: int = 150) -> Iterator[dict[str, Any]]:
    """Parts of a template: it may hold 500, and cfn-lint takes longer for each the more there are."""
    left = iter(resources.items())
    while some := dict(islice(left, most)):
        yield some


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(("program", "count"), [(hardened, HARDENED), (bare, BARE)])
def test_a_program_that_aws_takes(program: Any, count: int, region: str) -> None:
    made = template(captured(lambda: program(region), region=region))
    assert len(made.logical) == count
    assert lint(made.document, [region]) == []


def test_the_example_of_clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    config = yaml.safe_load((EXAMPLE / "Pulumi.dev.yaml").read_text())["config"]["shop:scoring"]

    def program() -> None:
        scoring = importlib.import_module("scoring")
        scoring.ScoringFunction("scoring", scoring.ScoringSettings.model_validate_json(json.dumps(config)))

    try:
        made = template(captured(program))
    finally:
        for name in {"config", "scoring"} & sys.modules.keys():
            del sys.modules[name]
    assert len(made.logical) == 12
    assert lint(made.document, ["us-east-1"]) == []


@pytest.mark.parametrize(
    ("token", "inputs", "rule", "says"),
    [
        ("aws:kms/key:Key", {"rotationPeriodInDays": 1}, "E3034", "90"),
        ("aws:ecr/repository:Repository", {"imageTagMutability": "FIXED"}, "E3030", "FIXED"),
        ("aws:ecr/repository:Repository", {"name": "Upper Case"}, "E3031", "does not match"),
        ("aws:sagemaker/endpoint:Endpoint", {"name": "iris"}, "E3003", "EndpointConfigName"),
        (
            "aws:sns/topic:Topic",
            {"firehoseFailureFeedbackRoleArn": "x"},
            "E3002",
            "FirehoseFailureFeedbackRoleArn",
        ),
        ("aws:sqs/queue:Queue", {"delaySeconds": "soon"}, "E3012", "integer"),
    ],
    ids=["out of bounds", "enum", "pattern", "required", "unknown property", "type"],
)
def test_each_kind_of_error_is_found(token: str, inputs: dict[str, Any], rule: str, says: str) -> None:
    errors = found(token, inputs)
    assert [error for error in errors if error.rule == rule and says in error.says], errors


@pytest.mark.parametrize(
    ("token", "inputs", "with_it", "without", "rule"),
    [
        (
            "aws:lambda/functionUrl:FunctionUrl",
            {"functionName": "iris", "authorizationType": "AWS_IAM"},
            "eu-central-1",
            "ap-southeast-5",
            "E3006",
        ),
        (
            "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
            {
                "productionVariants": [
                    {"variantName": "a", "modelName": "iris", "instanceType": "ml.p5.48xlarge"},
                ]
            },
            "us-east-1",
            "eu-central-1",
            "E3642",
        ),
    ],
    ids=["type", "instance"],
)
def test_a_region_that_does_not_have_it_is_found(
    token: str, inputs: dict[str, Any], with_it: str, without: str, rule: str
) -> None:
    assert found(token, inputs, with_it) == []
    assert {error.rule for error in found(token, inputs, without)} == {rule}


def test_nothing_is_not_right() -> None:
    with pytest.raises(ValueError, match="nothing would be checked"):
        lint({"Resources": {}}, REGIONS)
    with pytest.raises(ValueError, match="nothing would be checked"):
        lint(template(captured(bare)).document, [])
