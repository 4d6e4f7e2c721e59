"""The kinds of endpoint in AWS, and one change for each field of their specs and targets.

A field that a kind honours and that has no change here fails the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelberth.capability_table import load
from modelberth.spec import EksTarget, EndpointSpec, KubernetesTarget
from modelberth.spec.aws import AwsTarget, LambdaTarget
from modelberth.spec.sagemaker import SageMakerTarget
from modelberth.spec.shape import leaves
from support import aws_eks, aws_plans, aws_sagemaker
from support.aws.change import Change, Config, merged
from support.aws.spec_changes import SPEC
from support.aws.target_changes import EKS, LAMBDA, SAGEMAKER

__all__ = ["KINDS", "UNCHANGED", "Change", "Kind", "fields", "merged"]

_AROUND: Final = ("name", "model.uri", "security.identity", "labels", "protect")
"""What of the spec is more than pods; the rest is a change of Kubernetes' objects, as in any cluster.

`security.key` is not: a cluster that is made here is encrypted with it, so another is made.
"""


def _of_function(config: Config) -> dict[str, Any]:
    """With what a rollout needs: the version that it comes from, and nothing kept warm in a canary."""
    rollout = config.get("rollout", {})
    if "previous" not in rollout:
        return dict(config)
    cold = {"scaling": {"min": 0}} if rollout["strategy"] == "canary" else {}
    return merged({"target": {"previous_version": "7"}, **cold}, config)


@dataclass(frozen=True)
class Kind:
    """A kind of endpoint.

    Attributes:
        smallest: its smallest config
        target: the class of its target
        changes: one for each field of the target, and those of the spec that are other than elsewhere
        completed: adds what this kind needs beside the fields of the spec
        only: fields of the spec that are changed; None: all that the kind honours

    """

    smallest: Config
    target: type[AwsTarget]
    changes: Mapping[str, Change]
    completed: Callable[[Config], dict[str, Any]] = dict
    only: tuple[str, ...] | None = None

    def configs(self, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The config before and after the change of a field."""
        change = self.changes.get(path) or SPEC[path]
        before = merged(self.smallest, change.before)
        return self.completed(before), self.completed(merged(before, change.after))


KINDS: Final[Mapping[str, Kind]] = {
    "lambda": Kind(aws_plans.mode().config, LambdaTarget, LAMBDA, _of_function),
    "sagemaker": Kind(aws_sagemaker.mode().config, SageMakerTarget, SAGEMAKER),
    "eks": Kind(aws_eks.config(), EksTarget, EKS, only=_AROUND),
}

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


def fields(kind: str) -> Iterator[str]:
    """Every field that can be changed in an endpoint of a kind, in the order of the spec."""
    own, table = KINDS[kind], load()[kind]
    for leaf in leaves(EndpointSpec):
        row = table.row(leaf.path)
        if own.only is not None and leaf.path not in own.only:
            continue
        if row is not None and not row.is_refused and len(row.values) != 1:
            yield leaf.path
    # What pods in any cluster have is no part of a target in AWS.
    shared = {leaf.path for leaf in leaves(KubernetesTarget, "target.")} if own.target is EksTarget else set()
    every = [leaf.path for leaf in leaves(own.target, "target.") if leaf.path not in {*UNCHANGED, *shared}]
    yield from dict.fromkeys([*every, *(path for path in own.changes if path.startswith("target."))])
