"""One change for each field of a target in AWS, and those of the spec that differ there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support import aws_eks, aws_plans, aws_sagemaker
from support.aws.spec_changes import OTHER_IMAGE, WORDS
from support.aws_blocks import PLACE
from support.clouds.change import Change, inside, merged, one

__all__ = ["EKS", "LAMBDA", "SAGEMAKER"]

_VPC: Final = {"target": {"vpc": aws_plans.VPC}}
_URL: Final = {"security": aws_plans.PUBLIC, "target": {"front": {"kind": "function_url"}}}
_API: Final = {"security": aws_plans.PUBLIC, "target": {"front": {"kind": "http_api"}}}
_OTHER_VPC: Final = ["subnet-0123456789abcdee0", "subnet-0123456789abcdee1"]

LAMBDA: Final[Mapping[str, Change]] = dict(
    [
        # AWS keeps no environments warm behind an alias with weights.
        ("rollout.previous", Change(WORDS.canary, {"scaling": {"min": 0}})),
        one("target.architecture", "x86_64"),
        one("target.image", OTHER_IMAGE),
        one("target.previous_version", "6", WORDS.canary),
        ("target.front", Change({"target": {"front": {"kind": "http_api"}}}, {"security": aws_plans.PUBLIC})),
        one("target.front.streaming", True, merged(_URL, WORDS.told_more)),
        one("target.front.burst", 50, _API),
        one("target.vpc", aws_plans.VPC),
        one("target.vpc.subnets", _OTHER_VPC, _VPC),
        one("target.vpc.security_groups", ["sg-0123456789abcdeff"], _VPC),
        one("target.ephemeral_storage", "2Gi"),
    ]
)


_REAL_TIME: Final = {"target": {"mode": {"kind": "real_time"}}}
_COMPONENTS: Final = {"target": aws_sagemaker.COMPONENTS}
_ASYNC: Final = {"target": aws_sagemaker.ASYNC}
_TOPIC: Final = f"arn:aws:sns:{PLACE.region}:{PLACE.account}:done"
_IN_IMAGE: Final = {
    "model": {**aws_sagemaker.IN_IMAGE, "version": "3"},
    "rollout": {"strategy": "canary", "previous": {"uri": "models/old.onnx", "sha256": "b" * 64}},
    "target": {"previous_image": OTHER_IMAGE},
}
_CAPTURED: Final = {"target": {"capture": "s3://samples/iris"}, "monitoring": {"capture": {"percent": 5.0}}}

SAGEMAKER: Final[Mapping[str, Change]] = dict(
    [
        ("target.mode", Change({"target": aws_sagemaker.SERVERLESS})),
        one("resources.memory", "32Gi"),
        one("target.mode.instance_type", "ml.m8g.large", _REAL_TIME),
        one("target.mode.inference_components", {}, _REAL_TIME),
        one("target.mode.inference_components.max_instances", 2, _COMPONENTS),
        one("target.mode.input", "s3://shop-requests/rose", _ASYNC),
        one("target.mode.output", "s3://shop-answers/rose/", _ASYNC),
        one("target.mode.success_topic", _TOPIC, _ASYNC),
        one("target.mode.error_topic", _TOPIC, _ASYNC),
        one("target.image", OTHER_IMAGE),
        one("target.previous_image", aws_sagemaker.OTHER_IMAGE, _IN_IMAGE),
        one("target.vpc", aws_plans.VPC),
        one("target.vpc.subnets", _OTHER_VPC, _VPC),
        one("target.vpc.security_groups", ["sg-0123456789abcdeff"], _VPC),
        one("target.capture", "s3://samples/rose", _CAPTURED),
        ("monitoring.capture", Change(_CAPTURED)),
        one("monitoring.capture.percent", 10.0, _CAPTURED),
    ]
)


_NEW: Final = {"target": {"cluster": {**aws_eks.NEW, "name": None}}}
_MANAGED: Final = {"target": {"cluster": {**aws_eks.MANAGED, "name": None}}}
_WITH_GPUS: Final = {**aws_eks.GPU, "target": {**aws_eks.WATCHED}}
_POOL: Final = merged(_WITH_GPUS, {"target": {"gpu_pool": aws_eks.POOL}})
_OWN: Final = merged(_WITH_GPUS, {"target": {"gpu_pool": aws_eks.OWN}})
_ON_DEMAND: Final = {"spot": False, "on_demand_gpus": None}
_GROUP: Final = merged(_WITH_GPUS, {"target": {"gpu_pool": {**aws_eks.GROUP_POOL, "max": 3}}})
_ADMINISTRATORS: Final = [aws_eks.ADMINISTRATOR, f"arn:aws:iam::{PLACE.account}:role/operators"]
_THIRD: Final = [*aws_eks.SUBNETS, "subnet-0123456789abcdef2"]
_PUBLIC: Final = ["198.51.100.0/24"]


EKS: Final[Mapping[str, Change]] = dict(
    [
        *inside("cluster", _NEW, version="1.34", subnets=_THIRD, administrators=_ADMINISTRATORS),
        *inside("cluster", _NEW, public_access=_PUBLIC, log_retention_days=400, deletion_protection=False),
        ("target.cluster.capacity", Change({"target": {"cluster": aws_eks.MANAGED}}, _NEW)),
        *inside("cluster.capacity", _MANAGED, instance_types=["m8i.large"], min=3, max=6, disk="80Gi"),
        *inside("cluster.capacity", _MANAGED, ami_type="BOTTLEROCKET_x86_64"),
        one("target.gpu_pool", aws_eks.POOL, _WITH_GPUS),
        *inside("gpu_pool", _POOL, gpus=8, instance_types=["g6.2xlarge"], on_demand_gpus=2),
        one("target.gpu_pool.spot", True, merged(_POOL, {"target": {"gpu_pool": _ON_DEMAND}})),
        *inside("gpu_pool", _POOL, idle="30m", lifetime="48h", disk="200Gi", own=aws_eks.OWN["own"]),
        *inside("gpu_pool.own", _OWN, role="other-nodes", ami="al2023@v20261115"),
        *inside("gpu_pool", _GROUP, min=2, max=4, ami_type="AL2023_x86_64_NVIDIA"),
        *inside("gpu_pool", _GROUP, role=f"arn:aws:iam::{PLACE.account}:role/nodes"),
    ]
)
