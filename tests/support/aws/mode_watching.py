"""The blocks that an endpoint cannot do without, on their own: its role, its logs, and what watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pulumi

from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.identity import AwsIdentity, AwsIdentityArgs
from modelberth.aws.monitoring.component import AwsMonitoring, AwsMonitoringArgs
from modelberth.aws.monitoring.logs import AwsLogs, AwsLogsArgs
from modelberth.aws.needs import Needs
from modelberth.aws.place import Place
from modelberth.aws.plan import Plan
from modelberth.aws.policies import Statement
from modelberth.spec import EndpointSpec, parse
from modelberth.spec.aws import LambdaTarget
from support.aws.graph import ACCOUNT
from support.aws_plans import PROD, REMOTE
from support.aws_watched import PROMISED

__all__ = ["WATCHING"]


def _plan(name: str, region: str, **spec: Any) -> Plan[LambdaTarget]:
    read = parse(EndpointSpec, {"name": name, "model": REMOTE, **spec})
    return Plan.of(read, LambdaTarget(account=ACCOUNT, region=region), "shop", "dev")


def _key(place: Place) -> EncryptionKey:
    return EncryptionKey(place.arn("kms", f"key/{'1' * 8}-1111-1111-1111-{'1' * 12}"))


def _minimal(name: str, region: str) -> None:
    plan = _plan(name, region)
    groups = {"function": f"/aws/lambda/{plan.name}"}
    needs = Needs(plan.spec, plan.place, "lambda", groups["function"], function=plan.name)
    AwsIdentity(f"{name}-identity", AwsIdentityArgs(plan.name, needs, _key(plan.place)))
    _watch(name, plan, "lambda", groups)


def _everything(name: str, region: str) -> None:
    plan = _plan(name, region, **{**PROMISED, "monitoring": {**PROMISED["monitoring"], "tracing": {}}})
    place = plan.place
    groups = {"function": f"/aws/lambda/{plan.name}", "access": f"/aws/apigateway/{plan.name}"}
    features = Statement("Features", ("dynamodb:GetItem",), (place.arn("dynamodb", "table/features"),))
    needs = Needs(
        plan.spec,
        place,
        "lambda",
        groups["function"],
        function=plan.name,
        vpc=True,
        dead_letters=f"{plan.name}-dead",
        capture="s3://samples/iris",
        more=(features,),
    )
    boundary = place.arn("iam", "policy/endpoints")
    others = (EncryptionKey(place.arn("kms", f"key/{'2' * 8}-2222-2222-2222-{'2' * 12}")),)
    args = AwsIdentityArgs(plan.name, needs, _key(place), others, boundary, plan.tags)
    AwsIdentity(f"{name}-identity", args)
    _watch(name, plan, "lambda-http-api", groups, api="a1b2c3d4e5", stage="$default", version="7")


def _prod(name: str, region: str) -> None:
    plan = _plan(name, region, **PROD)
    groups = {"function": f"/aws/lambda/{plan.name}"}
    needs = Needs(plan.spec, plan.place, "lambda", groups["function"], function=plan.name)
    boundary = plan.place.arn("iam", "policy/endpoints")
    args = AwsIdentityArgs(plan.name, needs, _key(plan.place), permissions_boundary=boundary, tags=plan.tags)
    AwsIdentity(f"{name}-identity", args)
    _watch(name, plan, "lambda-function-url", groups)


def _watch(name: str, plan: Plan[LambdaTarget], kind: str, groups: Mapping[str, str], **where: str) -> None:
    key, spec = _key(plan.place), plan.spec
    keeping = pulumi.ResourceOptions(protect=spec.protect or None)
    AwsLogs(f"{name}-logs", AwsLogsArgs(plan, groups, key), keeping)
    dimensions = {"function": plan.name, "alias": f"{plan.name}:live", **where}
    args = AwsMonitoringArgs(
        plan, kind, dimensions, key, groups["function"], spec.scaling.max, spec.scaling.min
    )
    AwsMonitoring(f"{name}-monitoring", args)


WATCHING: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "minimal": _minimal,
    "everything": _everything,
    "prod": _prod,
}
"""Each registers its blocks under a name in a region."""
