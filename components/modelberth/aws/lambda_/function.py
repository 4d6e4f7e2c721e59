"""The function: what one environment of it has, and when AWS ends what takes too long."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import lambda_

from modelberth import target_image
from modelberth.aws.images import ecr_images
from modelberth.aws.lambda_.limits import limits
from modelberth.aws.lambda_.names import function_name
from modelberth.aws.lambda_.scaling import reserved
from modelberth.aws.lambda_.server import server
from modelberth.errors import Problem

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaTarget
    from modelberth.spec.resources import Resources

__all__ = [
    "memory_mib",
    "problems",
    "register",
    "timeout_seconds",
]

_MIB: Final = 2**20


def memory_mib(resources: Resources) -> int:
    """Return the memory of an environment in MiB.

    Lambda gives processor time by memory, 1,769 MB for one whole processor: where `resources.cpu` asks for
    more time than `resources.memory` brings, the memory is raised.
    """
    for_processors = math.ceil(resources.cpu.millicores * limits().mib_of_one_cpu / 1000)
    return max(math.ceil(resources.memory / _MIB), for_processors)


def timeout_seconds(spec: EndpointSpec) -> int:
    """Return the function's own timeout: a start and the request that waits for it.

    A start that takes over 10 s is begun anew within the first invocation, and has that one's time (AWS
    Lambda, "Understanding the Lambda execution environment lifecycle"). The server itself keeps to
    `limits.timeout`.
    """
    return math.ceil(spec.limits.startup_timeout.seconds + spec.limits.timeout.seconds)


def register(
    name: str,
    plan: Plan[LambdaTarget],
    opts: pulumi.ResourceOptions,
    *,
    image: pulumi.Input[str],
    role: pulumi.Input[str],
    key: pulumi.Input[str],
    logs: pulumi.Input[str],
    dead_letters: pulumi.Input[str],
    predictions: str | None = None,
) -> lambda_.Function:
    """Register the function.

    Args:
        name: logical
        plan: of the endpoint
        opts: of the resource
        image: in ECR, by digest
        role: ARN of what it runs as
        key: ARN of what encrypts its variables
        logs: name of its log group
        dead_letters: ARN of the queue for events that it failed on
        predictions: folder in S3 for those on objects; None: there are none

    """
    spec, target = plan.spec, plan.target
    started, vpc = server(spec, target, predictions), target.vpc
    return lambda_.Function(
        name,
        name=function_name(plan),
        description=f"Serves model {spec.name}",
        package_type="Image",
        image_uri=image,
        image_config=lambda_.FunctionImageConfigArgs(
            entry_points=[*started.entry_point] or None, commands=[*started.command] or None
        )
        if started.entry_point or started.command
        else None,
        architectures=[target.architecture],
        role=role,
        memory_size=memory_mib(spec.resources),
        timeout=timeout_seconds(spec),
        ephemeral_storage=lambda_.FunctionEphemeralStorageArgs(
            size=math.ceil(target.ephemeral_storage / _MIB)
        ),
        reserved_concurrent_executions=reserved(spec),
        environment=lambda_.FunctionEnvironmentArgs(variables=started.environment),
        kms_key_arn=key,
        vpc_config=None
        if vpc is None
        else lambda_.FunctionVpcConfigArgs(
            subnet_ids=[*vpc.subnets], security_group_ids=[*vpc.security_groups]
        ),
        logging_config=lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=logs),
        tracing_config=lambda_.FunctionTracingConfigArgs(
            mode="PassThrough" if spec.monitoring.tracing is None else "Active"
        ),
        dead_letter_config=lambda_.FunctionDeadLetterConfigArgs(target_arn=dead_letters),
        publish=True,
        region=target.region,
        tags=plan.tags,
        opts=opts,
    )


def problems(spec: EndpointSpec, target: LambdaTarget, *, has_image: bool = False) -> Iterator[Problem]:
    """Yield what no function can be.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    rule = ecr_images(target.region, "A function")
    yield from target_image.problems(spec, target, rule, has_image=has_image)
    yield from _size_problems(spec)
    if spec.monitoring.tracing is not None and target.region in limits().untraced:
        hint = "AWS X-Ray traces no functions there."
        yield Problem("monitoring.tracing", "a mapping", f"nothing in {target.region}", hint)


def _size_problems(spec: EndpointSpec) -> Iterator[Problem]:
    table = limits()
    if memory_mib(spec.resources) > table.memory_mib and spec.resources.memory <= table.memory_mib * _MIB:
        hint = (
            f"AWS Lambda gives processor time by memory, {table.mib_of_one_cpu} MB for one whole processor, "
            f"and {table.memory_mib} MB is the largest function."
        )
        allowed = f"at most {table.memory_mib * 1000 // table.mib_of_one_cpu}m on target `lambda`"
        yield Problem("resources.cpu", str(spec.resources.cpu), allowed, hint)
    if timeout_seconds(spec) > table.timeout_seconds:
        yield Problem(
            "limits.startup_timeout",
            str(spec.limits.startup_timeout),
            f"at most {table.timeout_seconds} s together with limits.timeout {spec.limits.timeout}",
            "AWS Lambda ends a request then, and the one that a start begins with waits for that.",
        )
