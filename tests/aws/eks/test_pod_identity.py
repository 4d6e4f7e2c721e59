"""Whose role the pods run as: one service account's, and no more than the model's own prefix and key."""

import json
from typing import Any

import pytest

from modelberth.aws.eks.pod_identity import needs
from modelberth.aws.needs import Pods
from modelberth.aws.permissions import statements, trust
from modelberth.aws.plan import Plan
from modelberth.aws.policies import policy
from support.aws_blocks import KEY, PLACE
from support.aws_eks import config, made, of, read, registered
from support.iam import allows, document

PODS = Pods("shared", "modelberth", "shop-dev-iris")
EKS = ("Service", "pods.eks.amazonaws.com")
OURS = {
    "aws:SourceAccount": PLACE.account,
    "aws:RequestTag/eks-cluster-name": "shared",
    "aws:RequestTag/kubernetes-namespace": "modelberth",
    "aws:RequestTag/kubernetes-service-account": "shop-dev-iris",
}


def rights(given: Any, key: str | None = None) -> Any:
    spec, target = read(given)
    plan = Plan.of(spec, target, "shop", "dev")
    return document(*statements(needs(plan, PODS), key))


def test_no_other_pod_of_the_cluster_gets_the_role() -> None:
    """A26 and CIS-EKS 5.2.1: one identity for each endpoint."""
    spec, target = read(config())
    found = json.loads(policy(trust(needs(Plan.of(spec, target, "shop", "dev"), PODS))))
    for action in ("sts:AssumeRole", "sts:TagSession"):
        assert allows(found, action, "*", EKS)(OURS)
        for condition in OURS:
            assert not allows(found, action, "*", EKS)({**OURS, condition: "other"}), condition
            assert not allows(found, action, "*", EKS)({k: v for k, v in OURS.items() if k != condition})
        assert not allows(found, action, "*", ("Service", "eks.amazonaws.com"))(OURS)


def test_the_role_is_that_of_the_pods_own_service_account() -> None:
    (association,) = of("existing", "PodIdentityAssociation")
    (account,) = of("existing", "ServiceAccount")
    (deployment,) = of("existing", "Deployment")
    assert association.inputs["serviceAccount"] == account.inputs["metadata"]["name"]
    assert association.inputs["namespace"] == account.inputs["metadata"]["namespace"]
    assert (
        deployment.inputs["spec"]["template"]["spec"]["serviceAccountName"]
        == association.inputs["serviceAccount"]
    )
    assert association.inputs["clusterName"] == "shared"
    trusted = registered("existing")[0].document("iris-eks-identity-role", "assumeRolePolicy")
    assert trusted["Statement"][0]["Condition"]["StringEquals"] == OURS


def test_the_model_can_be_read_and_nothing_beside_it() -> None:
    """A35: no `*:*`, no `SERVICE:*`."""
    found = rights(config())
    assert allows(found, "s3:GetObject", "arn:aws:s3:::models/iris/3.onnx")()
    for action, resource in (
        ("s3:GetObject", "arn:aws:s3:::models/iris/2.onnx"),
        ("s3:PutObject", "arn:aws:s3:::models/iris/3.onnx"),
        ("s3:ListBucket", "arn:aws:s3:::models"),
        ("kms:Decrypt", KEY),
        ("logs:PutLogEvents", PLACE.arn("logs", "log-group:any:log-stream:any")),
    ):
        assert not allows(found, action, resource)(), action


def test_a_pinned_version_is_the_only_one() -> None:
    pinned = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3", "revision": "abc"}
    found = rights(config(model=pinned))
    asks = allows(found, "s3:GetObjectVersion", "arn:aws:s3:::models/iris/3.onnx")
    assert asks({"s3:VersionId": "abc"})
    assert not asks({"s3:VersionId": "def"})
    assert not allows(found, "s3:GetObject", "arn:aws:s3:::models/iris/3.onnx")()


def test_the_key_of_the_spec_decrypts_the_model_through_s3_alone() -> None:
    """A30: no `kms:Decrypt` on `*`."""
    found = rights(config(), KEY)
    context = {
        "kms:ViaService": "s3.eu-central-1.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::models/iris/3.onnx",
    }
    assert allows(found, "kms:Decrypt", KEY)(context)
    assert not allows(found, "kms:Decrypt", KEY)()
    assert not allows(found, "kms:Decrypt", KEY.replace("1234abcd", "4321abcd"))(context)


def test_samples_are_written_where_the_target_keeps_them() -> None:
    capture = {"monitoring": {"capture": {"percent": 5}}}
    found = rights(config(target={"capture": {"uri": "s3://samples/iris"}}, **capture))
    assert allows(found, "s3:PutObject", "arn:aws:s3:::samples/iris/1.json")()
    assert not allows(found, "s3:PutObject", "arn:aws:s3:::samples/other/1.json")()
    elsewhere = rights(config(target={"capture": {"uri": "gs://samples/iris"}}, **capture))
    assert not allows(elsewhere, "s3:PutObject", "arn:aws:s3:::samples/iris/1.json")()


def test_a_role_that_is_named_is_used_and_none_is_made() -> None:
    recorder, _ = registered("existing, own identity and key")
    (association,) = recorder.of("PodIdentityAssociation")
    assert association.inputs["roleArn"] == "arn:aws:iam::123456789012:role/iris"
    assert recorder.of("Role") == []
    (account,) = recorder.of("ServiceAccount")
    assert account.inputs["metadata"]["name"] == "shop-dev-iris"


def test_pods_that_touch_nothing_in_the_account_have_no_role() -> None:
    recorder, _ = registered("existing, model from elsewhere")
    assert recorder.of("PodIdentityAssociation") == recorder.of("Role") == []


@pytest.mark.parametrize("key", [None, KEY])
def test_the_rights_are_those_that_are_registered(key: str | None) -> None:
    security = {} if key is None else {"security": {"key": key}}
    recorder, _ = made(config(**security))
    found = [json.loads(one.inputs["policy"])["Statement"] for one in recorder.of("RolePolicy")]
    assert [one for each in found for one in each] == rights(config(), key)["Statement"]
