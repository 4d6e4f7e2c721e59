"""The configuration of an endpoint whose model is an inference component: instances and no model.

Isolation and the VPC belong to the endpoint here, not to a model, and pulumi-aws has no field for either:
this configuration is made through AWS' own resource provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_aws_native import sagemaker

from modelberth.aws.sagemaker.capture import data_capture
from modelberth.aws.sagemaker.configuration import ROUTING, instance_settings, volume_key
from modelberth.aws.sagemaker.names import named_by_content
from modelberth.aws.sagemaker.network import is_isolated, vpc_config
from modelberth.aws.sagemaker.tags import tags
from modelberth.aws.sagemaker.variants import variants
from modelberth.spec.sagemaker import RealTime

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["most_instances", "register"]


def register(
    name: str,
    plan: Plan[SageMakerTarget],
    opts: pulumi.ResourceOptions,
    *,
    role: pulumi.Input[str],
    key: pulumi.Input[str],
) -> sagemaker.EndpointConfig:
    """Register the configuration.

    Args:
        name: logical
        plan: of the endpoint
        opts: of the resource
        role: ARN of what replicas run as
        key: ARN of the endpoint's key

    """
    spec, target = plan.spec, plan.target
    (only,) = variants(spec)
    variant = {
        "variant_name": only.name,
        **instance_settings(spec, target),
        "initial_instance_count": 1,
        "managed_instance_scaling": {
            "status": "ENABLED",
            "min_instance_count": min(1, spec.scaling.min),
            "max_instance_count": most_instances(plan),
        },
        "routing_config": {"routing_strategy": ROUTING},
    }
    optional = {
        "kms_key_id": volume_key(spec, target, key),
        "data_capture_config": data_capture(spec, target, key),
        "vpc_config": vpc_config(target),
    }
    content: dict[str, Any] = {
        "production_variants": [variant],
        "execution_role_arn": role,
        "enable_network_isolation": is_isolated(spec, target),
        **{field: value for field, value in optional.items() if value is not None},
    }
    return sagemaker.EndpointConfig(
        name,
        endpoint_config_name=named_by_content(plan, "config", content),
        **content,
        tags=tags(plan),
        opts=opts,
    )


def most_instances(plan: Plan[SageMakerTarget]) -> int:
    """Return the greatest number of instances that hold copies: several may stand on one."""
    mode = plan.target.mode
    assert isinstance(mode, RealTime)
    assert mode.inference_components is not None
    return mode.inference_components.max_instances or plan.spec.scaling.max
