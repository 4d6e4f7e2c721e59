"""A target whose SDK is not installed is refused in words, and a fault of our own is not taken for that."""

import sys
from typing import Any

import pytest

from modelberth.capabilities import check
from modelberth.spec import EndpointDeployment, parse

IN_ECR = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/iris@sha256:{'0' * 64}"
TARGET = {"kind": "lambda", "account": "123456789012", "region": "us-east-1", "image": IN_ECR}


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a package away, and every module of ours that has imported it."""
    for module in [*sys.modules]:
        if module == name or module.startswith((f"{name}.", "modelberth.aws.")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)


def problems(**spec: Any) -> list[str]:
    config = {"name": "iris", "model": {"uri": "models/iris.onnx"}, "target": TARGET, **spec}
    found = parse(EndpointDeployment, config)
    return [str(problem) for problem in check(found.spec, found.target)]


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems() == []
    without("pulumi_aws", monkeypatch)
    (told,) = problems()
    assert told.startswith("target.kind: given 'lambda', allowed: a target whose SDK is there: pulumi_aws")
    assert told.endswith("pip install 'modelberth[aws]'")


def test_another_missing_module_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    without("modelberth.aws.lambda_", monkeypatch)
    with pytest.raises(ModuleNotFoundError, match=r"modelberth\.aws"):
        problems()
