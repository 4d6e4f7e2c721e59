"""What changes of AWS resources mean for the callers of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .effect import Calls, Effect, Kind, Severity
from .keys import encrypted
from .lifecycle import behind, holds, rolling, serves
from .machines import gpus_of
from .protection import forced, guarded
from .rule import Rule, Rules, at, found, known
from .traffic import Shares, moves, shares_of
from .wording import because, changes, listed, name, value

__all__ = ["RULES"]

_CODE: Final = (
    "imageUri",
    "code",
    "s3Bucket",
    "s3Key",
    "s3ObjectVersion",
    "sourceCodeHash",
    "environment",
    "memorySize",
    "timeout",
    "layers",
    "handler",
    "runtime",
    "imageConfig",
    "architectures",
    "ephemeralStorage",
)


def _function(step: Step, _plan: Plan) -> Iterator[Effect]:
    differences = step.changed(*_CODE)
    if step.op is not Op.UPDATE or not differences:
        return
    if at(step.after, "publish") is True:
        how = "a new version is published, and calls reach it once an alias points to it"
    else:
        how = "new calls get it at once, those under way end as they began"
    yield rolling(step, f"{name(step)} changes: {how} ({changes(differences)}).", differences)


def _alias(step: Step, _plan: Plan) -> Iterator[Effect]:
    """An alias that points to another version as a whole; a split is told as traffic."""
    before, after = at(step.before, "functionVersion"), at(step.after, "functionVersion")
    if step.op is not Op.UPDATE or not step.changed("functionVersion"):
        return
    if _weights(step.before or {}) or _weights(step.after or {}):
        return
    sentence = (
        f"All new calls to {name(step)} go to version {value(after)} instead of {value(before)}; those under "
        "way end on the old one."
    )
    yield rolling(step, sentence, step.changed("functionVersion"))


def _alias_shares(inputs: Mapping[str, Any]) -> Shares:
    version, weights = at(inputs, "functionVersion"), _weights(inputs)
    if not known(version):
        return {}
    rest = 1 - sum(weight for weight in weights.values() if isinstance(weight, int | float))
    return shares_of(
        (f"version {value(str(who))}", weight) for who, weight in [(version, rest), *weights.items()]
    )


def _split(step: Step, plan: Plan) -> Iterator[Effect]:
    if _weights(step.before or {}) or _weights(step.after or {}):
        yield from _moves_alias(step, plan)


_moves_alias: Final = moves(_alias_shares, "functionVersion", "routingConfig")


def _weights(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    weights = at(inputs, "routingConfig.additionalVersionWeights")
    return weights if isinstance(weights, Mapping) else {}


def _endpoint(step: Step, plan: Plan) -> Iterator[Effect]:
    """SageMaker starts the new fleet beside the old one, all of it or batch by batch."""
    differences = step.changed("endpointConfigName")
    if step.op is not Op.UPDATE or not differences:
        return
    config = _config_of(step, plan)
    batch = at(step.after, "deploymentConfig.rollingUpdatePolicy.maximumBatchSize", {})
    sides = (config.after, config.before) if config else (None, None)
    fleets, old = (_fleets(side, batch) for side in sides)
    gpus = _gpus(fleets)
    needs = ""
    if fleets:
        needs = f", which needs {listed([f'{count} more {machine}' for count, machine in fleets], 5)}"
        needs += f" with {gpus} GPU{'s' if gpus > 1 else ''}" if gpus else ""
        needs += " beside the old ones" if old and old != fleets else " for that time"
    # Of what is there at once, the larger fleet stays or was there.
    extra = min(gpus, _gpus(old)) if old else gpus
    why = f"its configuration {name(config)} changes" if config else changes(differences)
    sentence = f"{name(step)} rolls to new instances before old ones stop{needs}: {why}."
    yield rolling(step, sentence, differences, gpus=extra)


def _fleets(config: Mapping[str, Any] | None, batch: Any) -> list[tuple[int, str]]:
    fleets = (_fleet(variant, batch) for _, variant in found(config, "productionVariants[]"))
    return [(count, machine) for count, machine in fleets if count]


def _gpus(fleets: list[tuple[int, str]]) -> int:
    return sum(count * gpus_of(machine) for count, machine in fleets)


def _fleet(variant: Any, batch: Any) -> tuple[int, str]:
    """How many instances of which type are there twice while the new ones take over."""
    count, machine = at(variant, "initialInstanceCount"), at(variant, "instanceType")
    if not isinstance(count, int) or not isinstance(machine, str):
        return 0, ""
    match at(batch, "type"), at(batch, "value"):
        case "INSTANCE_COUNT", int(size):
            return min(count, size), machine
        case "CAPACITY_PERCENT", int(size):
            return min(count, -(-count * size // 100)), machine
    return count, machine


def _config_of(step: Step, plan: Plan) -> Step | None:
    """The configuration that an endpoint changes to, where it can be told which one that is."""
    wanted = at(step.after, "endpointConfigName")
    for other in plan.steps:
        if not other.type.startswith(("aws:sagemaker/endpointConfig", "aws-native:sagemaker:EndpointConfig")):
            continue
        if other.after is None:
            continue
        if (other.changes and other.parent == step.parent) or (
            known(wanted) and at(other.after, "name") == wanted
        ):
            return other
    return None


def _variant_shares(inputs: Mapping[str, Any]) -> Shares:
    variants = [variant for _, variant in found(inputs, "productionVariants[]")]
    return shares_of(
        (
            f"variant {value(at(variant, 'variantName', 'the only one'))}",
            at(variant, "initialVariantWeight", 1),
        )
        for variant in variants
    )


def _signs(path: str) -> Rule:
    """Rule for how callers prove who they are; no proof at all is told as exposure."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        before, after = at(step.before, path, "NONE"), at(step.after, path, "NONE")
        if step.op not in {Op.UPDATE, Op.REPLACE} or before == after or "NONE" in (before, after):
            return
        yield Effect(
            kind=Kind.PERMISSIONS_NARROWED,
            severity=Severity.DANGER,
            sentence=f"Callers of {name(step)} must prove who they are in another way: calls made as before "
            f"are refused ({changes(step.changed(path))}).",
            urn=step.urn,
            paths=(path,),
            calls=Calls.MAY_FAIL,
            of_callers=True,
        )

    return rule


def _permission(step: Step, plan: Plan) -> Iterator[Effect]:
    """Who gets or loses it is told as permissions; here, that nobody has it for a moment."""
    if step.op is not Op.REPLACE:
        return
    why = because(step, plan)
    gap = ": those whom it lets call are refused until the new one is there" if step.delete_first else ""
    first = "the old one goes first" if step.delete_first else "the new one comes first"
    yield Effect(
        kind=Kind.REPLACED,
        severity=Severity.DANGER if step.delete_first else Severity.CHANGE,
        sentence=f"{name(step)} is replaced, {first}{f', because {why}' if why else ''}{gap}.",
        urn=step.urn,
        paths=step.replacing_paths,
        calls=Calls.MAY_FAIL if step.delete_first else Calls.SAFE,
    )


_ROLE: Final = behind("whatever still runs with it loses its permissions")
# The engine deletes the old one after the endpoint has turned to the new one.
_CONFIG: Final = behind(
    "an endpoint that still uses it cannot start another instance", once_replaced=Calls.SAFE
)
_KEY: Final = holds("the contents of all that only it can decrypt")
_SECRET: Final = holds("the values in it")

RULES: Rules = {
    "aws:lambda/function:Function": (
        serves("name"),
        _function,
        encrypted("kmsKeyArn", what="its environment"),
    ),
    "aws:lambda/alias:Alias": (serves("name", "functionName"), _alias, _split),
    "aws:lambda/functionUrl:FunctionUrl": (serves(generated=True),),
    "aws:lambda/permission:Permission": (_permission,),
    "aws:sagemaker/endpoint:Endpoint": (serves("name"), _endpoint),
    "aws-native:sagemaker:Endpoint": (serves("endpointName"), _endpoint),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": (
        _CONFIG,
        moves(_variant_shares, "productionVariants"),
        encrypted("kmsKeyArn", what="the instances' volumes"),
        encrypted("dataCaptureConfig.kmsKeyId", what="captured requests"),
    ),
    "aws:sagemaker/model:Model": (_CONFIG,),
    "aws:apigatewayv2/api:Api": (serves(generated=True),),
    "aws:apigatewayv2/stage:Stage": (serves("name"),),
    "aws:apigatewayv2/route:Route": (serves("routeKey"), _signs("authorizationType")),
    "aws:apigateway/method:Method": (_signs("authorization"),),
    "aws:apigateway/restApi:RestApi": (serves(generated=True),),
    "aws:lb/loadBalancer:LoadBalancer": (serves(generated=True), guarded("enableDeletionProtection")),
    "aws:cloudfront/distribution:Distribution": (serves(generated=True),),
    "aws:appautoscaling/target:Target": (behind("the number of replicas no longer follows the load"),),
    "aws:eks/cluster:Cluster": (
        serves(generated=True),
        guarded("deletionProtection"),
        encrypted("encryptionConfig.provider.keyArn", what="the cluster's secrets"),
    ),
    "aws:eks/nodeGroup:NodeGroup": (behind("pods on its nodes are moved or stopped"),),
    "aws:iam/role:Role": (_ROLE,),
    "aws:iam/instanceProfile:InstanceProfile": (_ROLE,),
    "aws:kms/key:Key": (_KEY,),
    "aws:s3/bucket:Bucket": (
        holds("the objects in it", "forceDestroy"),
        forced("forceDestroy", "the objects in it"),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        encrypted("rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId", what="new objects"),
    ),
    "aws:ecr/repository:Repository": (
        holds("the images in it", "forceDelete"),
        forced("forceDelete", "the images in it"),
        encrypted("encryptionConfigurations[].kmsKey", what="its images"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        holds("the log events in it"),
        encrypted("kmsKeyId", what="its log events"),
    ),
    "aws:secretsmanager/secret:Secret": (_SECRET, encrypted("kmsKeyId", what="its values")),
    "aws:ssm/parameter:Parameter": (_SECRET, encrypted("keyId", what="its value")),
    "aws:dynamodb/table:Table": (
        holds("the items in it"),
        guarded("deletionProtectionEnabled"),
        encrypted("serverSideEncryption.kmsKeyArn", what="its items"),
    ),
    "aws:rds/instance:Instance": (holds("the tables in it"), guarded("deletionProtection")),
    "aws:rds/cluster:Cluster": (holds("the tables in it"), guarded("deletionProtection")),
    "aws:sqs/queue:Queue": (
        holds("the messages in it"),
        encrypted("kmsMasterKeyId", what="its messages"),
    ),
    "aws:efs/fileSystem:FileSystem": (holds("the files on it"),),
    "aws:ebs/volume:Volume": (holds("the files on it"),),
}
