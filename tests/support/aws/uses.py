"""What a role is used for, read from the resources that take it on, not from what its rights were made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from support.clouds.graph import Graph, Resource

__all__ = ["Use", "uses"]

Use = tuple[str, str]
"""An action on a resource."""


def uses(graph: Graph, role: str) -> set[Use]:
    """Return everything that whatever takes on a role, by the role's ARN, will ask AWS for with it."""
    takers = [one for one in graph.resources if one.token in _TAKERS and role in _roles(one)]
    return {
        use
        for one in takers
        for use in (_auto_nodes if _is_of_auto_nodes(one, role) else _TAKERS[one.token])(one, graph)
    }


def _is_of_auto_nodes(one: Resource, role: str) -> bool:
    return bool(one.inputs.get("computeConfig", {}).get("nodeRoleArn") == role)


def _auto_nodes(one: Resource, _graph: Graph) -> Iterator[Use]:
    """EKS, "Amazon EKS Auto Mode node IAM role": they pull images."""
    yield from (use for use in _nodes(one, _graph) if use[0].startswith("ecr:"))


def _roles(one: Resource) -> set[Any]:
    keys = ("role", "executionRoleArn", "roleArn", "nodeRoleArn")
    return {*(one.inputs.get(key) for key in keys), one.inputs.get("computeConfig", {}).get("nodeRoleArn")}


def _function(one: Resource, _graph: Graph) -> Iterator[Use]:
    given = one.inputs
    place = f"{given['region']}:{one.outputs['arn'].split(':')[4]}"
    group = f"arn:aws:logs:{place}:log-group:{given['loggingConfig']['logGroup']}:log-stream:2026/11/22"
    yield from ((action, group) for action in ("logs:CreateLogStream", "logs:PutLogEvents"))
    yield "kms:Decrypt", given["kmsKeyArn"]
    yield from _dead_letters(given, given["kmsKeyArn"])
    yield from _settings(given["environment"]["variables"])
    if given.get("vpcConfig"):
        yield "ec2:CreateNetworkInterface", f"arn:aws:ec2:{place}:network-interface/eni-1"
        yield "ec2:DeleteNetworkInterface", f"arn:aws:ec2:{place}:network-interface/eni-1"
        yield "ec2:DescribeNetworkInterfaces", "*"
    if given.get("tracingConfig", {}).get("mode") == "Active":
        yield "xray:PutTraceSegments", "*"


def _dead_letters(given: Mapping[str, Any], key: str) -> Iterator[Use]:
    if queue := given.get("deadLetterConfig", {}).get("targetArn"):
        yield "sqs:SendMessage", queue
        yield "kms:GenerateDataKey", key


def _settings(variables: Mapping[str, str]) -> Iterator[Use]:
    """What the server reads by its settings."""
    uri = variables.get("MODELBERTH_MODEL_URI", "")
    if uri.startswith("s3://"):
        action = "s3:GetObjectVersion" if "MODELBERTH_MODEL_REVISION" in variables else "s3:GetObject"
        yield action, f"arn:aws:s3:::{uri.removeprefix('s3://')}"


def _hosted_model(one: Resource, graph: Graph) -> Iterator[Use]:
    """SageMaker pulls the image and copies the model as the role; replicas log and write what is captured."""
    given, account = one.inputs, one.inputs["executionRoleArn"].split(":")[4]
    place = f"{given['region']}:{account}"
    for container in (given.get("primaryContainer"), *given.get("containers", ())):
        if container is None:
            continue
        yield from _image(container["image"])
        yield from _settings(container.get("environment", {}))
        for source in container.get("modelDataSource", {}).get("s3DataSources", ()):
            yield from _read(source["s3Uri"])
    yield "cloudwatch:PutMetricData", "*"
    if given.get("vpcConfig"):
        yield "ec2:CreateNetworkInterface", f"arn:aws:ec2:{place}:network-interface/eni-1"
        yield "ec2:DescribeVpcs", "*"
    for config in graph.resources:
        if config.token in _CONFIGURATIONS and given["name"] in _models(config):
            yield from _configuration(config)
    components = [each for each in graph.resources if each.token == "aws-native:sagemaker:InferenceComponent"]
    for each in components or [
        each for each in graph.resources if each.token == "aws-native:sagemaker:Endpoint"
    ]:
        name = each.inputs.get("inferenceComponentName", each.inputs["endpointName"])
        group = f"log-group:/aws/sagemaker/{'InferenceComponents' if components else 'Endpoints'}/{name}"
        yield "logs:PutLogEvents", f"arn:aws:logs:{place}:{group}:log-stream:model/i-1"


def _models(config: Resource) -> set[str]:
    """Of components the models stand elsewhere: there is one configuration then, and it is theirs."""
    named = {one["modelName"] for one in config.inputs["productionVariants"] if one.get("modelName")}
    return named | {one["modelName"] for one in config.inputs.get("shadowProductionVariants", ())}


def _configuration(one: Resource) -> Iterator[Use]:
    captured = one.inputs.get("dataCaptureConfig", {})
    if captured.get("enableCapture"):
        yield from _write(captured["destinationS3Uri"], captured.get("kmsKeyId"))
    output = one.inputs.get("asyncInferenceConfig", {}).get("outputConfig", {})
    for key in ("s3OutputPath", "s3FailurePath"):
        if key in output:
            yield from _write(output[key], output.get("kmsKeyId"))
    topics = output.get("notificationConfig", {})
    for key in ("successTopic", "errorTopic"):
        if key in topics:
            yield "sns:Publish", topics[key]


def _pods(one: Resource, graph: Graph) -> Iterator[Use]:
    """What is named in the pods of the service account."""
    account = f'"serviceAccountName": "{one.inputs["serviceAccount"]}"'
    for other in graph.of("kubernetes"):
        text = json.dumps(other.inputs)
        for uri in set(_IN_S3.findall(text)) if account in text else ():
            yield from _read(uri)


def _control_plane(_one: Resource, _graph: Graph) -> Iterator[Use]:
    """EKS, "Amazon EKS cluster IAM role": the control plane manages load balancers and looks at instances."""
    yield "ec2:DescribeInstances", "*"
    yield "elasticloadbalancing:CreateLoadBalancer", "*"


def _nodes(one: Resource, _graph: Graph) -> Iterator[Use]:
    """EKS, "Amazon EKS node IAM role": nodes join the cluster and pull images."""
    yield "ecr:BatchGetImage", f"arn:aws:ecr:{one.inputs['region']}:123456789012:repository/models/server"
    yield "ecr:GetAuthorizationToken", "*"
    yield "ec2:DescribeInstances", "*"


def _image(reference: str) -> Iterator[Use]:
    """Pulling from ECR: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@DIGEST`."""
    registry, _, name = reference.partition("/")
    account, _, _, region, *_ = registry.split(".")
    yield "ecr:GetAuthorizationToken", "*"
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        yield action, f"arn:aws:ecr:{region}:{account}:repository/{name.partition('@')[0]}"


def _read(uri: str) -> Iterator[Use]:
    in_folder = "weights.safetensors" if uri.endswith("/") else ""
    yield "s3:GetObject", f"arn:aws:s3:::{uri.removeprefix('s3://')}{in_folder}"


def _write(uri: str, key: str | None) -> Iterator[Use]:
    yield "s3:PutObject", f"arn:aws:s3:::{uri.removeprefix('s3://').rstrip('/')}/2026/11/22/one.jsonl"
    if key:
        yield "kms:GenerateDataKey", key


_IN_S3: Final = re.compile(r"s3://[a-z0-9.-]+/[\w./=-]+")
_CONFIGURATIONS: Final = (
    "aws-native:sagemaker:EndpointConfig",
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
)
_TAKERS: Final[Mapping[str, Callable[[Resource, Graph], Iterator[Use]]]] = {
    "aws:eks/cluster:Cluster": _control_plane,
    "aws:eks/nodeGroup:NodeGroup": _nodes,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pods,
    "aws:lambda/function:Function": _function,
    "aws:sagemaker/model:Model": _hosted_model,
}
