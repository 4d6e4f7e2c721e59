"""The kinds of endpoint in AWS, and one change for each field of their specs and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from modelberth.spec import EksTarget
from modelberth.spec.aws import LambdaTarget
from modelberth.spec.sagemaker import SageMakerTarget
from support import aws_eks, aws_plans, aws_sagemaker
from support.aws.spec_changes import SPEC
from support.aws.target_changes import EKS, LAMBDA, SAGEMAKER
from support.clouds.change import Config, merged
from support.clouds.kinds import AROUND_PODS, Kind

__all__ = ["KINDS", "UNCHANGED"]

UNCHANGED: Final[Mapping[str, str]] = {
    "target.kind": "another kind is another component",
    "target.account": "another account has another provider: everything is made there, and deleted here",
    "target.region": "another region has another provider: everything is made there, and deleted here",
    "target.front.kind": "a change of target.front",
    "target.mode.kind": "a change of target.mode",
    "target.cluster.kind": "a change of target.cluster",
    "target.cluster.capacity.kind": "a change of target.cluster.capacity",
    "target.cluster": "another cluster has another provider: all in it is made there (tests/engine/aws)",
    "target.cluster.name": "another cluster has another provider: all in it is made there",
    "target.gpu_pool.kind": "another pool is a change of target.gpu_pool",
}
"""Fields that have no change of their own, and why."""


def _of_function(config: Config) -> dict[str, Any]:
    """With what a rollout needs: the version that it comes from, and nothing kept warm in a canary."""
    rollout = config.get("rollout", {})
    if "previous" not in rollout:
        return dict(config)
    cold = {"scaling": {"min": 0}} if rollout["strategy"] == "canary" else {}
    return merged({"target": {"previous_version": "7"}, **cold}, config)


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("lambda", aws_plans.mode().config, LambdaTarget, SPEC, LAMBDA, UNCHANGED, _of_function),
        Kind("sagemaker", aws_sagemaker.mode().config, SageMakerTarget, SPEC, SAGEMAKER, UNCHANGED),
        Kind("eks", aws_eks.config(), EksTarget, SPEC, EKS, UNCHANGED, only=AROUND_PODS),
    )
}
