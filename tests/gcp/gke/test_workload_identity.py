"""Whose account the pods act as: one service account's, and no more than the model's own object."""

from typing import Any

import pytest

from modelberth.gcp.gke.workload_identity import ANNOTATION, needs
from modelberth.gcp.needs import Pods
from modelberth.gcp.permissions import grants
from modelberth.gcp.plan import Plan
from support.gcp_blocks import PLACE
from support.gcp_gke import NEW, config, made, of, read, registered

PODS = Pods("modelberth", "shop-dev-iris")
MEMBER = "serviceAccount:shop-prod.svc.id.goog[modelberth/shop-dev-iris]"
USER = "roles/iam.workloadIdentityUser"


def links(which: str) -> list[dict[str, Any]]:
    return [one.inputs for one in of(which, "IAMMember") if one.inputs["role"] == USER]


def test_the_pods_service_account_acts_as_the_account_that_is_made_for_it() -> None:
    """G13: one identity for each endpoint, without a key."""
    (account,) = of("existing", "Account")
    email = f"{account.inputs['accountId']}@shop-prod.iam.gserviceaccount.com"
    (own,), (deployment,) = of("existing", "ServiceAccount"), of("existing", "Deployment")
    assert own.inputs["metadata"]["annotations"] == {ANNOTATION: email}
    assert own.inputs["metadata"]["namespace"] == PODS.namespace
    pod = deployment.inputs["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == own.inputs["metadata"]["name"] == PODS.service_account
    (link,) = links("existing")
    assert (link["serviceAccountId"], link["member"]) == (
        f"projects/shop-prod/serviceAccounts/{email}",
        MEMBER,
    )


def test_the_model_can_be_read_and_nothing_beside_it() -> None:
    (grant,) = of("existing", "BucketIAMMember")
    assert (grant.inputs["bucket"], grant.inputs["role"]) == ("models", "roles/storage.objectViewer")
    assert grant.inputs["condition"]["expression"] == (
        'resource.name == "projects/_/buckets/models/objects/iris/3.onnx"'
    )


def test_both_models_of_a_canary_can_be_read() -> None:
    found = {one.inputs["condition"]["expression"][-8:-1] for one in of("canary", "BucketIAMMember")}
    assert found == {"/3.onnx", "/2.onnx"}


@pytest.mark.parametrize(("uri", "roles"), [("gs://samples/iris", 2), ("s3://samples/iris", 1)])
def test_samples_are_written_where_google_keeps_them(uri: str, roles: int) -> None:
    given = config(target={"capture": {"uri": uri}}, monitoring={"capture": {"percent": 5}})
    spec, target = read(given)
    found = grants(needs(Plan.of(spec, target, "shop", "dev"), PODS))
    assert len(found) == roles


def test_an_account_that_is_named_is_linked_and_none_is_made() -> None:
    recorder, _ = registered("existing, own identity")
    (link,) = links("existing, own identity")
    email = PLACE.service_account("iris-own")
    assert link == {
        "serviceAccountId": f"projects/shop-prod/serviceAccounts/{email}",
        "role": USER,
        "member": MEMBER,
    }
    assert recorder.of("Account") == recorder.of("BucketIAMMember") == []
    (own,) = recorder.of("ServiceAccount")
    assert own.inputs["metadata"]["annotations"] == {ANNOTATION: email}
    assert own.inputs["metadata"]["name"] == "shop-dev-iris"


def test_pods_that_touch_nothing_in_the_project_have_no_account() -> None:
    recorder, _ = registered("existing, model from elsewhere")
    assert recorder.of("Account") == recorder.of("IAMMember") == []
    (own,) = recorder.of("ServiceAccount")
    assert "annotations" not in own.inputs["metadata"]


def test_annotations_of_ones_own_stay() -> None:
    recorder, _ = made(config(target={"service_account_annotations": {"team": "plants"}}))
    (own,) = recorder.of("ServiceAccount")
    assert set(own.inputs["metadata"]["annotations"]) == {"team", ANNOTATION}


def test_the_link_comes_after_the_cluster_which_makes_the_pool_that_it_names() -> None:
    recorder, _ = made(config(NEW))
    (cluster,) = recorder.of("Cluster")
    made_for_pods = [
        one
        for one in recorder.resources
        if one.parent.endswith("::iris-gke-identity") or one.inputs.get("role") == USER
    ]
    assert len(made_for_pods) == 3
    for one in made_for_pods:
        assert any(urn.endswith(f"::{cluster.name}") for urn in one.dependencies), one.name
