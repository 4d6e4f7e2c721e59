"""The same questions of endpoints in SageMaker and EKS, and that no type of AWS is left without a word."""

from __future__ import annotations

from typing import Any, Final

import pytest

from modelberth.aws.eks.endpoint import EksEndpointArgs
from modelberth.preview.cost.bill import _PRICERS
from modelberth.preview.cost.resource import kind_of
from modelberth.preview.cost.rules import by_use, free
from modelberth.preview.reasons import reason
from modelberth.preview.render.answered import answered
from modelberth.preview.report import EndpointReport
from support import aws_eks, aws_plans, aws_sagemaker
from support.answered import reported
from support.aws_sagemaker import ASYNC, COMPONENTS, SERVERLESS

IAM: Final = "whom IAM policies in account 123456789012 let"
ROLE: Final = "arn:aws:iam::123456789012:role/teams/shop"


def in_sagemaker(target: dict[str, Any] | None = None, **spec: Any) -> EndpointReport:
    which = aws_sagemaker.mode(
        {"region": "us-east-1", "image": _image("us-east-1"), **(target or {})}, **spec
    )
    recorder, _ = aws_sagemaker.made(which)
    return reported("SageMakerEndpoint", which.args, recorder.resources)


def in_eks(which: str) -> EndpointReport:
    spec, target = aws_eks.read(aws_eks.MODES[which])

    args = EksEndpointArgs(spec, target)
    return reported("EksEndpoint", args, aws_eks.registered(which)[0].resources)


def said(report: EndpointReport) -> dict[str, tuple[str, ...]]:
    return {answer.question: answer.sentences for answer in answered(report)}


def test_a_gpu_that_waits_is_paid_for() -> None:
    told = said(in_sagemaker({"mode": {"kind": "real_time", "instance_type": "ml.g5.xlarge"}}))
    (idle,) = told["What it costs without a request"]
    # 1.408 USD an hour, 730 hours
    assert "SageMaker: ml.g5.xlarge, variant model $1,027.84" in idle
    assert "left out" not in idle
    assert told["What alone takes it down"] == (
        "one instance 'ml.g5.xlarge', or the zone that it lies in: variant `model` has no second one",
    )


def test_two_instances_outlive_a_zone() -> None:
    told = said(in_sagemaker(scaling={"min": 2, "max": 4}))
    assert "What alone takes it down" not in told


def test_a_serverless_endpoint_and_one_without_copies_cost_no_instances() -> None:
    for target in (SERVERLESS, COMPONENTS):
        told = said(in_sagemaker(dict(target), scaling={"min": 0, "max": 2}))
        (idle,) = told["What it costs without a request"]
        assert "SageMaker" not in idle, idle


@pytest.mark.parametrize(
    ("target", "action"), [({}, "sagemaker:InvokeEndpoint"), (ASYNC, "sagemaker:InvokeEndpointAsync")]
)
def test_who_may_call_an_endpoint_of_sagemaker(target: dict[str, Any], action: str) -> None:
    (iam, *given) = said(in_sagemaker(dict(target), security={"invokers": [ROLE]}))["Who may call it"]
    assert iam == f"{IAM} `{action}`, by SageMaker's runtime API: every request is signed"
    assert [one.partition(",")[0] for one in given] == ["role `shop`"]


def test_what_an_endpoint_of_sagemaker_may_read() -> None:
    report = in_sagemaker()
    assert report.answers is not None
    objects = [one for one in report.answers.reads if ":s3:::" in one]
    assert objects == [
        "`arn:aws:s3:::models/iris/3.onnx`: `s3:GetObject`",
        "`arn:aws:s3:::models` under a condition: `s3:ListBucket`",
    ]
    assert not [one for one in (*report.answers.reads, *report.answers.does) if "more than" in one]


@pytest.mark.parametrize("which", aws_eks.MODES)
def test_every_endpoint_in_eks_says_who_may_call_and_what_it_may_read(which: str) -> None:
    told = said(in_eks(which))
    assert told["Who may call it"]
    assert any(
        words in one
        for one in told["What it may read"]
        for words in ("`s3:GetObject`", "its owner says what", "by no permission of AWS")
    )


def test_a_cluster_costs_by_the_hour_and_its_nodes_are_said() -> None:
    which = next(name for name in aws_eks.MODES if "existing" not in name)
    (idle,) = said(in_eks(which))["What it costs without a request"]
    assert "EKS: control plane $73.00" in idle
    assert "left out" in idle


def test_every_type_that_the_components_make_has_a_reason_and_a_rule_for_its_cost() -> None:
    made = [
        *(one for which in aws_plans.MODES for one in aws_plans.registered(which)[0].resources),
        *(one for which in aws_sagemaker.MODES for one in aws_sagemaker.registered(which)[0].resources),
        *(one for which in aws_eks.MODES for one in aws_eks.registered(which)[0].resources),
    ]
    types = {one.type for one in made}
    assert len(types) >= 60
    assert {kind for kind in types if reason(kind) is None} == set()
    billed = {kind for kind in types if not kind.startswith(("modelberth:index", "pulumi:"))}
    without = {
        kind
        for kind in billed
        if kind_of(kind) not in _PRICERS and by_use(kind_of(kind)) is None and free(kind_of(kind)) is None
    }
    assert without == set()


def _image(region: str) -> str:
    return aws_sagemaker.IMAGE.replace("eu-central-1", region)
