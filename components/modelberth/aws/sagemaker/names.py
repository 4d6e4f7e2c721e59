"""Physical names of what an endpoint in SageMaker is made of: they follow from the plan and its content.

Models and configurations of endpoints cannot be changed, and one that is in use must not be deleted. So the
name of each ends in a digest of all that it says: another content is another resource, which is made before
the endpoint moves to it and before the old one goes; the same content after a failed update is the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi

from modelberth.aws.sagemaker.variants import by_components
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelberth.aws.plan import Plan
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["component_name", "endpoint_name", "log_group", "named_by_content", "role_name", "topic_name"]

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html; models and configurations
# have the same.
_LONGEST_NAME: Final = 63
_LONGEST_ROLE: Final = 64
_LONGEST_TOPIC: Final = 256


def endpoint_name(plan: Plan[SageMakerTarget]) -> str:
    """Name of the endpoint: what callers name, and what its logs and metrics are found by."""
    return plan.named(longest=_LONGEST_NAME)


def component_name(plan: Plan[SageMakerTarget]) -> str:
    """Name of the inference component, which callers give beside the endpoint's."""
    return plan.named("model", longest=_LONGEST_NAME)


def log_group(plan: Plan[SageMakerTarget]) -> str:
    """Name of the log group that SageMaker writes to; one of its own has no key and no end."""
    if by_components(plan.target.mode):
        return f"/aws/sagemaker/InferenceComponents/{component_name(plan)}"
    return f"/aws/sagemaker/Endpoints/{endpoint_name(plan)}"


def role_name(plan: Plan[SageMakerTarget]) -> str:
    """Name of the role that replicas run as: IAM is of no region, so the name has to tell it."""
    return plan.named(f"endpoint-{plan.target.region}", longest=_LONGEST_ROLE)


def topic_name(plan: Plan[SageMakerTarget], about: str) -> str:
    """Name of the SNS topic that hears `about` requests of an asynchronous endpoint: success or error."""
    return plan.named(f"async-{about}", longest=_LONGEST_TOPIC)


def named_by_content(
    plan: Plan[SageMakerTarget], role: str, content: Mapping[str, Any]
) -> pulumi.Output[str]:
    """Name something by its role and by everything that it says, outputs included."""

    def named(text: str) -> str:
        return plan.named(f"{role}-{content_digest(text)}", longest=_LONGEST_NAME)

    return pulumi.Output.json_dumps(content, sort_keys=True).apply(named)
