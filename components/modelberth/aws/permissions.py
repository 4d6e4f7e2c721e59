"""What the replicas of an endpoint may do in their account: one statement for each need, nothing for none.

An asterisk stands as resource only where an action knows none (AWS, "Service authorization reference").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from modelberth.aws.key_policy import via
from modelberth.aws.needs import Needs, Pods
from modelberth.aws.objects import by_s3, s3_objects
from modelberth.aws.place import Place
from modelberth.aws.policies import Statement
from modelberth.errors import Problem, join

if TYPE_CHECKING:
    from modelberth.spec import ModelSource

__all__ = ["is_of_keys", "statements", "trust", "wide_problems"]

_ANY: Final = ("*",)
_PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_ENVELOPE: Final = ("kms:Decrypt", "kms:GenerateDataKey")
# AWS Lambda, "Giving Lambda functions access to resources in an Amazon VPC"; SageMaker AI, "SageMaker roles:
# CreateModel API". What describes knows no resource. The rest has every one of the account and the region, as
# Lambda's page has it (`arn:aws:ec2:REGION:ACCOUNT:*/*`): the interfaces are not there yet.
_INTERFACES: Final = {
    "lambda": (
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    ),
    "sagemaker": (
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
    ),
}
_NETWORKS: Final = {
    "lambda": ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
    "sagemaker": (
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ),
}


def trust(needs: Needs) -> Statement:
    """Who may take on the role: the service, for this account and, as far as it can be told, this endpoint.

    SageMaker takes an ARN with an asterisk for the resource and no other (SageMaker AI, "Cross-service
    confused deputy prevention"). Lambda leaves the function's ARN out while it makes the first network
    interface of a subnet, so with a VPC only the account is asked for (aws/aws-parallelcluster#6926).
    """
    if needs.pods is not None:
        return _trust_of_pods(needs.place, needs.pods)
    place = needs.place
    sources: list[str] = []
    if needs.service == "sagemaker":
        sources = [place.arn("sagemaker", "*")]
    elif needs.function is not None and not needs.vpc:
        sources = [_function(needs), f"{_function(needs)}:*"]
    return Statement(
        "Service",
        ("sts:AssumeRole",),
        principals={"Service": (f"{needs.service}.amazonaws.com",)},
        conditions={
            "StringEquals": {"aws:SourceAccount": place.account},
            **({"ArnLike": {"aws:SourceArn": sources}} if sources else {}),
        },
    )


def _trust_of_pods(place: Place, pods: Pods) -> Statement:
    """EKS Pod Identity, for one service account of one cluster.

    Without the tags whoever may make associations gives the role to any pod (EKS, "Create IAM role with trust
    policy required by EKS Pod Identity").
    """
    return Statement(
        "Pods",
        ("sts:AssumeRole", "sts:TagSession"),
        principals={"Service": ("pods.eks.amazonaws.com",)},
        conditions={
            "StringEquals": {
                "aws:SourceAccount": place.account,
                "aws:RequestTag/eks-cluster-name": pods.cluster,
                "aws:RequestTag/kubernetes-namespace": pods.namespace,
                "aws:RequestTag/kubernetes-service-account": pods.service_account,
            }
        },
    )


def statements(needs: Needs, key: str | None, model_keys: Sequence[str] = ()) -> tuple[Statement, ...]:
    """Return everything that the role may do.

    Args:
        needs: of the replicas
        key: ARN of the endpoint's key; None: it has none
        model_keys: ARNs of those that the models' buckets are encrypted with, where that is not `key`

    """
    return (
        *_logs(needs),
        *_models(needs),
        *_keys(needs, key, model_keys),
        *_image(needs),
        *_network(needs),
        *_traces(needs),
        *_dead_letters(needs, key),
        *_capture(needs, key),
        *_queue(needs, key),
        *needs.more,
    )


def is_of_keys(one: Statement) -> bool:
    """Whether a statement is about the use of keys alone."""
    return all(action.startswith("kms:") for action in one.actions)


def wide_problems(more: Sequence[Statement], path: str) -> Iterator[Problem]:
    """Yield statements that allow every action of a service, or the use of every key."""
    for index, one in enumerate(more):
        field = join(path, f"[{index}]")
        for action in one.actions if one.effect == "Allow" else ():
            service, _, name = action.lower().partition(":")
            if "*" in service or name in {"", "*"}:
                yield Problem(join(field, "actions"), f"'{action}'", "actions by name, SERVICE:ACTION")
            elif service == "kms" and any(resource.endswith("*") for resource in one.resources):
                yield Problem(join(field, "resources"), "every key", f"keys by their ARNs for {action}")


def _logs(needs: Needs) -> Iterator[Statement]:
    if needs.log_group is None:
        return
    streams = (needs.place.arn("logs", f"log-group:{needs.log_group}:*"),)
    yield Statement("Logs", ("logs:CreateLogStream", "logs:PutLogEvents"), streams)
    if needs.service == "sagemaker":
        yield Statement("LogStreams", ("logs:DescribeLogStreams",), streams)
        namespace = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
        yield Statement("Metrics", ("cloudwatch:PutMetricData",), _ANY, conditions=namespace)


def _models(needs: Needs) -> Iterator[Statement]:
    """Reading models: of a pinned one that version alone, where the service itself can name a version."""
    current: dict[str, None] = {}
    versions: dict[str, list[str]] = {}
    for model in _in_s3(needs):
        found = needs.place.arn("s3", s3_objects(model.uri))
        if model.revision is not None and needs.service != "sagemaker":
            versions.setdefault(model.revision, []).append(found)
        else:
            current[found] = None
    if current:
        yield Statement("Models", ("s3:GetObject",), tuple(current))
    for index, (version, objects) in enumerate(versions.items()):
        pinned = {"StringEquals": {"s3:VersionId": version}}
        yield Statement(f"ModelVersion{index}", ("s3:GetObjectVersion",), tuple(objects), conditions=pinned)
    if needs.service == "sagemaker":
        yield from _lists(needs)


def _lists(needs: Needs) -> Iterator[Statement]:
    """SageMaker lists what it copies (SageMaker AI, "SageMaker roles: CreateModel API")."""
    prefixes: dict[str, list[str]] = {}
    for model in _in_s3(needs):
        bucket, _, objects = s3_objects(model.uri).partition("/")
        prefixes.setdefault(bucket, []).append(objects)
    for index, (bucket, below) in enumerate(prefixes.items()):
        conditions = {"StringLike": {"s3:prefix": below}}
        arn = (needs.place.arn("s3", bucket),)
        yield Statement(f"ModelList{index}", ("s3:ListBucket",), arn, conditions=conditions)


def _keys(needs: Needs, key: str | None, model_keys: Sequence[str]) -> Iterator[Statement]:
    if needs.function is not None and key is not None:
        # Lambda reads the function's settings as the role, and need not name a service that it comes by.
        context = {"kms:EncryptionContext:aws:lambda:FunctionArn": _function(needs)}
        yield Statement("Settings", ("kms:Decrypt",), (key,), conditions={"StringEquals": context})
    found = [s3_objects(model.uri) for model in _in_s3(needs)]
    keys = tuple(dict.fromkeys((*([] if key is None else [key]), *model_keys)))
    if found and keys:
        yield Statement("ModelKeys", ("kms:Decrypt",), keys, conditions=by_s3(needs.place, keys, found))


def _image(needs: Needs) -> Iterator[Statement]:
    own = () if needs.repository is None else (needs.place.arn("ecr", f"repository/{needs.repository}"),)
    if repositories := (*own, *needs.repositories):
        yield Statement("Image", _PULL, repositories)
        yield Statement("Registry", ("ecr:GetAuthorizationToken",), _ANY)


def _network(needs: Needs) -> Iterator[Statement]:
    """Network interfaces: the service's to make, and not the code's that runs in a function.

    The key `lambda:SourceFunctionArn` is there when the code calls, and not when Lambda does (AWS Lambda,
    "Using source function ARN to control function access behavior").
    """
    if not needs.vpc:
        return
    interfaces, networks = _INTERFACES[needs.service], _NETWORKS[needs.service]
    yield Statement("Interfaces", interfaces, (needs.place.arn("ec2", "*/*"),))
    yield Statement("Networks", networks, _ANY)
    if needs.function is not None:
        code = {"ArnEquals": {"lambda:SourceFunctionArn": _function(needs)}}
        denied = (*interfaces, *networks, "ec2:DetachNetworkInterface")
        yield Statement("NotByCode", denied, _ANY, conditions=code, effect="Deny")


def _traces(needs: Needs) -> Iterator[Statement]:
    if needs.is_traced:
        yield Statement("Traces", ("xray:PutTelemetryRecords", "xray:PutTraceSegments"), _ANY)


def _dead_letters(needs: Needs, key: str | None) -> Iterator[Statement]:
    if needs.dead_letters is None:
        return
    queue = needs.place.arn("sqs", needs.dead_letters)
    yield Statement("DeadLetters", ("sqs:SendMessage",), (queue,))
    if key is None:
        return
    context = {"kms:ViaService": via(needs.place, "sqs"), "kms:EncryptionContext:aws:sqs:arn": queue}
    yield Statement("DeadLetterKey", _ENVELOPE, (key,), conditions={"StringEquals": context})


def _capture(needs: Needs, key: str | None) -> Iterator[Statement]:
    """Writing samples; an upload in parts decrypts what it has sent (Amazon S3, "Using SSE-KMS")."""
    if needs.capture is None:
        return
    objects = s3_objects(f"{needs.capture.rstrip('/')}/")
    yield Statement("Capture", ("s3:PutObject",), (needs.place.arn("s3", objects),))
    if key is not None:
        yield Statement("CaptureKey", _ENVELOPE, (key,), conditions=by_s3(needs.place, (key,), [objects]))


def _queue(needs: Needs, key: str | None) -> Iterator[Statement]:
    """Requests that wait in S3, answers, and who hears of them (SageMaker AI, "Asynchronous inference")."""
    if needs.requests is not None:
        requests = s3_objects(f"{needs.requests.rstrip('/')}/")
        yield Statement("Requests", ("s3:GetObject",), (needs.place.arn("s3", requests),))
        if key is not None:
            context = by_s3(needs.place, (key,), [requests])
            yield Statement("RequestKey", ("kms:Decrypt",), (key,), conditions=context)
    if needs.answers is not None:
        answers = s3_objects(f"{needs.answers.rstrip('/')}/")
        written = ("s3:AbortMultipartUpload", "s3:PutObject")
        yield Statement("Answers", written, (needs.place.arn("s3", answers),))
        if key is not None:
            context = by_s3(needs.place, (key,), [answers])
            yield Statement("AnswerKey", _ENVELOPE, (key,), conditions=context)
    if needs.topics:
        yield Statement("Topics", ("sns:Publish",), needs.topics)
        if key is not None:
            by_sns = {"StringEquals": {"kms:ViaService": via(needs.place, "sns")}}
            yield Statement("TopicKey", _ENVELOPE, (key,), conditions=by_sns)


def _function(needs: Needs) -> str:
    return needs.place.arn("lambda", f"function:{needs.function}")


def _in_s3(needs: Needs) -> list[ModelSource]:
    """The models in S3, each once."""
    found = {(one.uri, one.revision): one for one in needs.models if one.scheme == "s3"}
    return list(found.values())
