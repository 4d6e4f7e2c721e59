"""What replicas may do, and who may call them."""

import json
from typing import Any

from support.aws_blocks import PLACE
from support.aws_sagemaker import ROLE, EndpointRecorder, registered
from support.iam import allows

REPOSITORY = PLACE.arn("ecr", "repository/models/iris")


def rights(recorder: EndpointRecorder) -> Any:
    """Both policies of the role, as one."""
    documents = [json.loads(each.inputs["policy"]) for each in recorder.of("RolePolicy")]
    return {"Statement": [statement for each in documents for statement in each["Statement"]]}


def test_the_role_may_do_what_the_endpoint_needs_and_no_more() -> None:
    """A30, A35: this model, this repository, these folders; nothing else of the account."""
    everything, queued = rights(registered("everything")[0]), rights(registered("async")[0])
    model = PLACE.arn("s3", "models/iris/3.onnx")
    assert allows(everything, "s3:GetObject", model)()
    assert allows(everything, "ecr:BatchGetImage", REPOSITORY)()
    assert allows(everything, "s3:PutObject", PLACE.arn("s3", "samples/iris/2026/1.jsonl"))()
    assert allows(everything, "ec2:CreateNetworkInterface", PLACE.arn("ec2", "network-interface/eni-1"))()
    assert allows(queued, "s3:GetObject", PLACE.arn("s3", "shop-requests/iris/1.json"))()
    assert allows(queued, "s3:PutObject", PLACE.arn("s3", "shop-answers/iris/1.out"))()
    assert allows(queued, "sns:Publish", PLACE.arn("sns", "shop-dev-iris-async-error"))()
    for document, action, resource in (
        (everything, "s3:GetObject", PLACE.arn("s3", "models/other/1.onnx")),
        (everything, "s3:DeleteObject", model),
        (everything, "ecr:BatchGetImage", PLACE.arn("ecr", "repository/models/other")),
        (everything, "sns:Publish", PLACE.arn("sns", "shop-dev-iris-async-error")),
        (queued, "s3:PutObject", PLACE.arn("s3", "shop-requests/iris/1.json")),
        (queued, "s3:GetObject", PLACE.arn("s3", "shop-answers/iris/1.out")),
        (queued, "ec2:CreateNetworkInterface", PLACE.arn("ec2", "network-interface/eni-1")),
        (queued, "sns:Publish", PLACE.arn("sns", "another")),
        (queued, "sagemaker:CreateModel", "*"),
        (queued, "iam:PassRole", "*"),
    ):
        assert not allows(document, action, resource)(), (action, resource)


def test_an_image_of_another_account_is_pulled_from_there() -> None:
    document = rights(registered("canary of images")[0])
    other = "arn:aws:ecr:eu-central-1:210987654321:repository/models/old"
    assert allows(document, "ecr:BatchGetImage", other)()
    assert allows(document, "ecr:BatchGetImage", REPOSITORY)()
    images = {
        each.inputs["primaryContainer"]["image"] for each in registered("canary of images")[0].of("Model")
    }
    assert len(images) == 2


def test_invokers_may_call_this_endpoint_and_no_other() -> None:
    recorder = registered("invoked by role and user")[0]
    policy = recorder.document("iris-invoke")
    own, other = (PLACE.arn("sagemaker", f"endpoint/{name}") for name in ("shop-dev-iris", "shop-dev-rose"))
    assert allows(policy, "sagemaker:InvokeEndpoint", own)()
    assert not allows(policy, "sagemaker:InvokeEndpoint", other)()
    assert not allows(policy, "sagemaker:DeleteEndpoint", own)()
    (role,) = recorder.of("RolePolicyAttachment")
    (user,) = recorder.of("UserPolicyAttachment")
    assert (role.inputs["role"], user.inputs["user"]) == (ROLE.rpartition("/")[2], "alice")
    assert registered("minimal")[0].of("Policy") == []
