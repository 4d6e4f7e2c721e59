"""Service accounts of endpoints: made with their rights and no key, or named by the spec."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

import modelberth.gcp
from modelberth.errors import SpecError
from modelberth.gcp.grants import Grant
from modelberth.gcp.identity import GcpIdentityArgs, Identity, identity, problems
from modelberth.gcp.needs import Needs, Pods
from modelberth.gcp.permissions import grants
from modelberth.spec.cloud_run import CloudRunTarget
from support.gcp_blocks import ACCOUNT, PLACE, GcpRecorder, gcp, outputs_of, spec
from support.gcp_iam import allows, granted
from support.recording import run

__all__ = ["gcp"]

# pulumi-gcp warns of a name of its own while it loads the module.
pytestmark = pytest.mark.filterwarnings("ignore:gcp\\.storage\\.\\w+ has been deprecated:DeprecationWarning")

MODEL = "projects/_/buckets/models/objects/iris/3.onnx"
SECRET = "projects/vault-prod/secrets/hub-token"
TARGET = CloudRunTarget(project=PLACE.project, project_number=PLACE.number, region=PLACE.region)
NEEDS = Needs(
    spec(monitoring={"tracing": {"percent": 5}}),
    PLACE,
    "run",
    capture="gs://samples/iris",
    secrets=(SECRET,),
)
ARGS = GcpIdentityArgs("shop-dev-iris", NEEDS)


def named(account: str) -> GcpIdentityArgs:
    """An endpoint whose spec names its service account."""
    return replace(ARGS, needs=replace(NEEDS, spec=spec(security={"identity": account})))


def test_an_account_is_made_with_its_rights(gcp: GcpRecorder) -> None:
    run(gcp, lambda: identity("iris", ARGS))
    assert gcp.tree[:3] == [
        ("modelberth:index:GcpIdentity", "iris", "shop-dev"),
        ("gcp:serviceaccount/account:Account", "iris-account", "iris"),
        ("gcp:projects/iAMMember:IAMMember", "iris-logs", "iris"),
    ]
    assert {parent for _, _, parent in gcp.tree[1:]} == {"iris"}
    account = gcp.named("iris-account").inputs
    assert account["accountId"] == "shop-dev-iris"
    assert account["project"] == "shop-prod"
    assert not {"createIgnoreAlreadyExists", "disabled"} & account.keys()
    assert outputs_of(gcp) == {"email": ACCOUNT}


def test_what_is_registered_is_what_is_derived(gcp: GcpRecorder) -> None:
    run(gcp, lambda: identity("iris", ARGS))
    made = granted(gcp.resources)
    assert made == [replace(one, name=f"iris-{one.name}") for one in grants(NEEDS)]
    assert len(made) == 5
    assert {one.inputs["member"] for one in gcp.resources if "member" in one.inputs} == {
        f"serviceAccount:{ACCOUNT}"
    }
    assert allows(made, "storage.objects.get", MODEL)
    assert allows(made, "secretmanager.versions.access", f"{SECRET}/versions/1")
    assert not allows(made, "storage.objects.get", MODEL.replace("3", "4"))


def test_g19_there_is_no_key_and_no_basic_role(gcp: GcpRecorder) -> None:
    """G19: no key is made, and nobody is given a role of the project's own."""
    run(gcp, lambda: identity("iris", ARGS))
    types = {one.type for one in gcp.resources}
    assert not [one for one in types if one.startswith("gcp:serviceaccount/key")]
    assert all("." in one.role for one in granted(gcp.resources))
    sources = [*Path(modelberth.gcp.__path__[0]).rglob("*.py")]
    assert len(sources) > 10
    assert not [one for one in sources if "serviceaccount.Key" in one.read_text(encoding="utf-8")]


@pytest.mark.parametrize("role", ["roles/owner", "roles/editor", "roles/viewer", "roles/storage.admin"])
def test_g19_a_role_too_wide_makes_nothing(gcp: GcpRecorder, role: str) -> None:
    """G19, the opposite."""
    more = (Grant("more", role, "project", "shop-prod"),)
    with pytest.raises(pulumi.RunError):
        run(gcp, lambda: identity("iris", replace(ARGS, needs=replace(NEEDS, more=more))))
    assert not gcp.of("Account")


def test_what_takes_the_account_comes_after_its_rights(gcp: GcpRecorder) -> None:
    class Taker(pulumi.CustomResource):
        def __init__(self, account: Identity) -> None:
            super().__init__("test:index:Taker", "taker", {"email": account.email, "member": account.member})

    run(gcp, lambda: Taker(identity("iris", ARGS)))
    taker = gcp.named("taker")
    assert taker.inputs == {"email": ACCOUNT, "member": f"serviceAccount:{ACCOUNT}"}
    before = {one.rpartition("::")[2] for one in taker.dependencies}
    assert before == {"iris-account", *(f"iris-{one.name}" for one in grants(NEEDS))}


def test_pods_may_act_as_the_account(gcp: GcpRecorder) -> None:
    needs = replace(NEEDS, service="gke", pods=Pods("serving", "iris"))
    run(gcp, lambda: identity("iris", replace(ARGS, needs=needs)))
    pods = gcp.named("iris-pods")
    assert pods.type == "gcp:serviceaccount/iAMMember:IAMMember"
    assert pods.inputs == {
        "serviceAccountId": f"projects/shop-prod/serviceAccounts/{ACCOUNT}",
        "role": "roles/iam.workloadIdentityUser",
        "member": "serviceAccount:shop-prod.svc.id.goog[serving/iris]",
    }


def test_nobody_acts_as_the_account_of_a_service(gcp: GcpRecorder) -> None:
    run(gcp, lambda: identity("iris", ARGS))
    assert not [one for one in gcp.resources if one.type.startswith("gcp:serviceaccount/iAM")]


def test_nothing_is_made_where_the_spec_names_an_account(gcp: GcpRecorder) -> None:
    assert run(gcp, lambda: identity("iris", named(ACCOUNT))) == Identity(ACCOUNT)
    assert not gcp.tree
    assert not [*problems(named(ACCOUNT).needs.spec, TARGET)]
    assert not [*problems(NEEDS.spec, TARGET)]


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("123456789012-compute@developer.gserviceaccount.com", "default account"),
        ("shop-prod@appspot.gserviceaccount.com", "default account"),
        ("service-123456789012@gcp-sa-aiplatform.iam.gserviceaccount.com", "service agent"),
        ("iris@shop-dev.iam.gserviceaccount.com", ""),
        ("shop-dev-iris@shop-dev.iam.gserviceaccount.com", "another project's"),
        (f"serviceAccount:{ACCOUNT}", "without its kind"),
        ("ada@example.com", ""),
        ("shop-dev-iris", ""),
        ("1ris-models@shop-prod.iam.gserviceaccount.com", ""),
        ("arn:aws:iam::123456789012:role/iris", ""),
    ],
)
def test_an_account_that_replicas_cannot_run_as_is_refused(
    gcp: GcpRecorder, account: str, words: str
) -> None:
    (found,) = problems(named(account).needs.spec, TARGET)
    assert found.path == "security.identity"
    assert "NAME@shop-prod.iam.gserviceaccount.com" in found.allowed
    assert words in found.hint
    assert bool(words) == bool(found.hint)
    with pytest.raises(SpecError, match=r"security\.identity: given"):
        Identity.from_existing(account, PLACE)
    with pytest.raises(pulumi.RunError):
        run(gcp, lambda: identity("iris", named(account)))
    assert not gcp.tree


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"account": "iris"}, "account"),
        ({"account": "i" * 31}, "account"),
        ({"account": "Shop-Dev-Iris"}, "account"),
        ({"account": "1shop-dev-iris"}, "account"),
        ({"account": "shop-dev-iris-"}, "account"),
        ({"needs": replace(NEEDS, secrets=("hub-token",))}, "needs.secrets[0]"),
    ],
)
def test_what_iam_would_refuse_is_refused_before(gcp: GcpRecorder, change: dict[str, Any], path: str) -> None:
    args = replace(ARGS, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        run(gcp, lambda: identity("iris", args))
    assert not gcp.of("Account")


def test_bounds_of_iam_are_allowed() -> None:
    for account in ("irises", "i" * 30):
        assert not [*replace(ARGS, account=account).problems()]
