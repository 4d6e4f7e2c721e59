"""What a container may connect to: nothing at all, unless its server has to fetch the model itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelberth.aws.sagemaker.server import fetches
from modelberth.aws.sagemaker.variants import variants
from modelberth.errors import Problem
from modelberth.spec.sagemaker import Serverless

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["is_isolated", "problems", "vpc_config"]


def is_isolated(spec: EndpointSpec, target: SageMakerTarget) -> bool:
    """Whether containers have no network: SageMaker itself copies models from S3 and writes samples.

    All variants alike: the containers of one endpoint share their network's settings. A serverless endpoint
    cannot be isolated (SageMaker AI, "Deploy models with Amazon SageMaker Serverless Inference", exclusions).
    """
    return not isinstance(target.mode, Serverless) and not any(
        fetches(variant.model) for variant in variants(spec)
    )


def vpc_config(target: SageMakerTarget) -> dict[str, list[str]] | None:
    """Return subnets and security groups as SageMaker has them; None: the service's own network."""
    if target.vpc is None:
        return None
    return {"subnets": [*target.vpc.subnets], "security_group_ids": [*target.vpc.security_groups]}


def problems(spec: EndpointSpec, target: SageMakerTarget) -> Iterator[Problem]:
    """Yield networks that a mode cannot have, and limits on connections that nothing would keep."""
    if target.vpc is not None and isinstance(target.mode, Serverless):
        hint = "Serverless environments run in the service's own network."
        yield Problem("target.vpc", "a mapping", "nothing with target.mode serverless", hint)
    egress = spec.security.network.egress
    if egress is None or (not egress and is_isolated(spec, target)):
        return
    given = "a list" if egress else "an empty list"
    if isinstance(target.mode, Serverless):
        hint = "SageMaker has no setting for what a serverless environment connects to."
        yield Problem("security.network.egress", given, "nothing with target.mode serverless", hint)
    elif egress:
        hint = "A container has no network, or with target.vpc what its security groups allow."
        yield Problem("security.network.egress", given, "nothing or an empty list", hint)
    else:
        hint = "The server itself fetches a model. One in S3 is copied by SageMaker, without any network."
        yield Problem("security.network.egress", given, "nothing while model.uri is of https or hf", hint)
