"""The configuration of an endpoint: its variants and what encrypts, captures and queues.

It cannot be changed. Another one has another name, is there before the endpoint moves to it, and the old one
goes after that: a configuration with the name of the old one would never reach the endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_aws import sagemaker

from modelberth.aws.sagemaker.asynchronous import Topics, async_config
from modelberth.aws.sagemaker.capture import data_capture
from modelberth.aws.sagemaker.instances import has_local_storage, instance_type
from modelberth.aws.sagemaker.names import named_by_content
from modelberth.aws.sagemaker.path import startup_seconds
from modelberth.aws.sagemaker.serverless import serverless_config
from modelberth.aws.sagemaker.variants import Variant, variants
from modelberth.spec.sagemaker import Serverless

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["ROUTING", "Parts", "instance_settings", "register", "volume_key"]

ROUTING: Final = "LEAST_OUTSTANDING_REQUESTS"
"""A request goes to the instance with the fewest in progress, not to any."""


@dataclass(frozen=True)
class Parts:
    """What a configuration names.

    Attributes:
        models: by variant
        key: ARN of the endpoint's key
        topics: of an asynchronous endpoint

    """

    models: Mapping[str, sagemaker.Model]
    key: pulumi.Input[str]
    topics: Topics | None = None


def register(
    name: str, plan: Plan[SageMakerTarget], parts: Parts, opts: pulumi.ResourceOptions
) -> sagemaker.EndpointConfiguration:
    """Register the configuration of an endpoint whose variants are models."""
    spec, target = plan.spec, plan.target
    every = variants(spec)
    optional = {
        "kms_key_arn": volume_key(spec, target, parts.key),
        "data_capture_config": data_capture(spec, target, parts.key),
        "async_inference_config": async_config(spec, target, parts.key, parts.topics),
        "shadow_production_variants": _variants(plan, parts, [one for one in every if one.is_shadow]) or None,
    }
    content: dict[str, Any] = {
        "production_variants": _variants(plan, parts, [one for one in every if not one.is_shadow]),
        **{field: value for field, value in optional.items() if value is not None},
    }
    return sagemaker.EndpointConfiguration(
        name,
        name=named_by_content(plan, "config", content),
        **content,
        region=target.region,
        tags=plan.tags,
        opts=opts,
    )


def instance_settings(spec: EndpointSpec, target: SageMakerTarget) -> dict[str, Any]:
    """Return what all variants on instances have alike.

    Raises:
        ValueError: no instance type holds the resources; `instances.problems` tells it before.

    """
    kind = instance_type(spec, target)
    if kind is None:
        raise ValueError("no instance type is known; `problems` tells it")
    return {
        "instance_type": kind,
        "container_startup_health_check_timeout_in_seconds": startup_seconds(spec),
        "model_data_download_timeout_in_seconds": startup_seconds(spec),
    }


def volume_key(
    spec: EndpointSpec, target: SageMakerTarget, key: pulumi.Input[str]
) -> pulumi.Input[str] | None:
    """Return the ARN of what encrypts the instances' volumes; None: they have none, or are encrypted anyway.

    Storage that is on the instance is encrypted by its hardware with a key that ends with the instance.
    """
    kind = instance_type(spec, target)
    return None if kind is None or has_local_storage(kind) else key


def _variants(plan: Plan[SageMakerTarget], parts: Parts, chosen: Sequence[Variant]) -> list[dict[str, Any]]:
    spec, target = plan.spec, plan.target
    return [
        {
            "variant_name": one.name,
            "model_name": parts.models[one.name].name,
            "initial_variant_weight": float(one.weight),
            **(
                {"serverless_config": serverless_config(spec)}
                if isinstance(target.mode, Serverless)
                else {
                    **instance_settings(spec, target),
                    "initial_instance_count": one.instances,
                    "routing_configs": [{"routing_strategy": ROUTING}],
                }
            ),
        }
        for one in chosen
    ]
