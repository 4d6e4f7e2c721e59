"""A reviewer's questions about endpoints in Google Cloud, answered from the real graphs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from modelberth.preview.cost.bill import _PRICERS
from modelberth.preview.cost.resource import kind_of
from modelberth.preview.cost.rules import by_use, free
from modelberth.preview.effects.grant_readers import READERS
from modelberth.preview.effects.grants import is_broad
from modelberth.preview.effects.rule import matching
from modelberth.preview.plan import Marker, Op, Step
from modelberth.preview.reasons import reason
from modelberth.preview.render.answered import answered
from modelberth.preview.report import EndpointReport
from modelberth.preview.review import answers
from modelberth.preview.standins.imitation import outputs
from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.answered import reported
from support.plans import step
from support.recording import Registered

WHO, READS, DOES = "Who may call it", "What it may read", "What else it may do"
IDLE, ALONE = "What it costs without a request", "What alone takes it down"
IAM: Final = "whom IAM policies in project `shop-prod` let"
PREDICT: Final = f"{IAM} `aiplatform.endpoints.predict`"
UPTIME: Final = "serviceAccount:service-123456789012@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
TOKEN: Final = "every request carries a token"
ONE: Final = "`gs://models/iris/3.onnx`: `roles/storage.objectViewer`"


def _of_run(which: str) -> tuple[Any, list[Registered]]:
    return gcp_cloud_run.MODES[which].args, gcp_cloud_run.registered(which)[0].resources


def _of_vertex(which: str) -> tuple[Any, list[Registered]]:
    return gcp_vertex.MODES[which].args, gcp_vertex.registered(which)[0].resources


def _of_gke(which: str) -> tuple[Any, list[Registered]]:
    return Read(*gcp_gke.read(gcp_gke.MODES[which])), gcp_gke.registered(which)[0].resources


@dataclass(frozen=True)
class Read:
    """What a component is given."""

    spec: Any
    target: Any


KINDS: Final[dict[str, tuple[Callable[[str], tuple[Any, list[Registered]]], Any]]] = {
    "CloudRunEndpoint": (_of_run, gcp_cloud_run.MODES),
    "VertexEndpoint": (_of_vertex, gcp_vertex.MODES),
    "GkeEndpoint": (_of_gke, gcp_gke.MODES),
}
EVERY: Final = [(kind, which) for kind, (_, modes) in KINDS.items() for which in modes]


def report(kind: str, which: str) -> EndpointReport:
    args, resources = KINDS[kind][0](which)
    return reported(kind, args, resources)


def told(kind: str, which: str) -> dict[str, tuple[str, ...]]:
    return {answer.question: answer.sentences for answer in answered(report(kind, which))}


@pytest.mark.parametrize(
    ("kind", "which", "said"),
    [
        (
            "CloudRunEndpoint",
            "minimal",
            [f"{IAM} `run.routes.invoke`, from the project's networks alone: {TOKEN}"],
        ),
        (
            "CloudRunEndpoint",
            "public",
            [
                f"{IAM} `run.routes.invoke`, from the internet: {TOKEN}",
                f"`{gcp_cloud_run.CALLER}`, from the internet, by the endpoint's own policy",
                f"`{UPTIME}`, from the internet, by the endpoint's own policy",
            ],
        ),
        (
            "CloudRunEndpoint",
            "open",
            [
                f"{IAM} `run.routes.invoke`, from the internet: {TOKEN}",
                "anybody from the internet, without credentials",
            ],
        ),
        (
            "VertexEndpoint",
            "minimal",
            [f"{PREDICT}, by Private Service Connect from networks of `shop-prod`: {TOKEN}"],
        ),
        (
            "VertexEndpoint",
            "dedicated",
            [f"{PREDICT}, by an address of its own on the internet: {TOKEN}"],
        ),
        (
            "VertexEndpoint",
            "shared",
            [f"{PREDICT}, by the region's address on the internet, which endpoints share: {TOKEN}"],
        ),
    ],
)
def test_who_may_call(kind: str, which: str, said: list[str]) -> None:
    assert [*told(kind, which)[WHO]] == said


def test_a_role_of_ones_own_is_told_by_whom_it_lets_in() -> None:
    (_, *named) = told("VertexEndpoint", "invoked")[WHO]
    assert [one.partition(",")[0] for one in named] == [
        "`user:alice@example.com`",
        f"`serviceAccount:{gcp_vertex.ACCOUNT}`",
    ]


@pytest.mark.parametrize(("kind", "which"), EVERY)
def test_every_mode_says_who_may_call_and_what_it_may_read(kind: str, which: str) -> None:
    found, args = report(kind, which), KINDS[kind][0](which)[0]
    assert found.answers is not None
    assert found.answers.callers
    # A model that lies in the image is read by nobody.
    assert bool(found.answers.reads) is (args.spec.model.scheme != "file")
    opens = args.spec.security.auth.kind == "none" and kind != "GkeEndpoint"
    assert any(one.startswith("anybody") for one in found.answers.callers) is opens
    assert not [one for one in (*found.answers.reads, *found.answers.does) if "more than" in one]


def test_that_every_mode_was_asked() -> None:
    assert len(EVERY) >= 80
    assert all(sum(kind == each for each, _ in EVERY) >= 15 for kind in KINDS)


def test_what_it_may_read_is_the_model_and_nothing_else() -> None:
    assert told("CloudRunEndpoint", "minimal")[READS] == (ONE,)
    assert told("VertexEndpoint", "minimal")[READS] == (ONE,)
    assert told("GkeEndpoint", "existing")[READS] == (ONE,)
    assert told("CloudRunEndpoint", "minimal")[DOES] == ("project `shop-prod`: `roles/logging.logWriter`",)


def test_a_mount_may_list_the_bucket() -> None:
    assert told("CloudRunEndpoint", "mounted package")[READS] == (
        "`gs://models/iris/3/*`: `roles/storage.objectViewer`",
        "`gs://models`: `roles/storage.objectViewer`",
    )


def test_both_models_of_a_canary_are_read() -> None:
    found = told("CloudRunEndpoint", "canary")[READS]
    assert found == (ONE, ONE.replace("3.onnx", "2.onnx"))


def test_the_account_of_nodes_is_told_apart_from_that_of_pods() -> None:
    found = told("GkeEndpoint", "standard, gpus")
    nodes = [one for one in found[READS] if one.startswith("`iris-gke-cluster-node-account`: ")]
    pods = [one for one in found[READS] if one.startswith("`iris-gke-identity-account`: ")]
    assert nodes
    assert all("roles/artifactregistry.reader" in one for one in nodes)
    assert pods == [f"`iris-gke-identity-account`: {ONE}"]
    assert len(nodes) + len(pods) == len(found[READS])
    assert found[DOES] == (
        "`iris-gke-cluster-node-account`: project `shop-prod`: `roles/container.defaultNodeServiceAccount`",
    )


def test_an_account_that_is_made_elsewhere_is_its_owners_to_tell() -> None:
    (said,) = told("CloudRunEndpoint", "own identity and key")[READS]
    email = "iris-own@shop-prod.iam.gserviceaccount.com"
    assert said == f"what `{email}` may, a service account that this stack does not make: its owner says what"


def test_a_model_from_elsewhere_is_read_by_no_permission_of_google() -> None:
    (said,) = told("CloudRunEndpoint", "from the hub")[READS]
    assert said == "the model, `hf://plants/iris`, by no permission of Google Cloud"


def test_one_replica_and_one_zone_take_an_endpoint_down() -> None:
    (alone,) = told("VertexEndpoint", "minimal")[ALONE]
    assert alone.startswith("one replica, or its machine 'e2-standard-2'")
    assert ALONE not in told("VertexEndpoint", "two of them")
    (zone,) = told("CloudRunEndpoint", "vllm on a GPU")[ALONE]
    assert zone == "the zone that `iris-service` has its GPU in: it has no capacity for one in another"
    assert ALONE not in told("CloudRunEndpoint", "GPU in two zones")
    assert told("GkeEndpoint", "standard, spare gpus")[ALONE] == (
        "the zone 'europe-west4-b': all machines of `iris-gke-gpu-nodes` are in it",
    )


def test_an_idle_service_costs_its_key() -> None:
    (idle,) = told("CloudRunEndpoint", "idle costs nothing")[IDLE]
    assert idle.startswith("at least $0.06 a month: Cloud KMS: key version $0.06; prices of 2026-09-29")
    (kept,) = told("CloudRunEndpoint", "minimal")[IDLE]
    assert "processor while one of the 1 least instances waits $6.57" in kept


def test_a_gpu_without_a_price_in_the_region_is_said_and_not_guessed() -> None:
    (idle,) = told("CloudRunEndpoint", "vllm on a GPU")[IDLE]
    assert "no price for nvidia-l4 without zonal redundancy on Cloud Run in europe-west4" in idle
    assert "(known: us-central1)" in idle


def test_a_cluster_costs_by_the_hour() -> None:
    (idle,) = told("GkeEndpoint", "autopilot")[IDLE]
    assert "GKE: cluster $73.00" in idle
    assert "Autopilot bills what the pods ask for" in idle


def test_every_type_that_the_components_make_has_a_reason_a_cost_and_outputs() -> None:
    made = [one for kind, which in EVERY for one in KINDS[kind][0](which)[1]]
    types = {one.type for one in made}
    assert len(types) >= 50
    assert {kind for kind in types if reason(kind) is None} == set()
    billed = {kind for kind in types if not kind.startswith(("modelberth:index", "pulumi:"))}
    assert len(billed) >= 40
    assert {
        kind
        for kind in billed
        if kind_of(kind) not in _PRICERS and by_use(kind_of(kind)) is None and free(kind_of(kind)) is None
    } == set()
    assert {kind for kind in types if kind.startswith("gcp:") and kind not in outputs.rows()} == set()


def grants(
    role: str, *, condition: Any = None, token: str = "gcp:projects/iAMMember:IAMMember"
) -> list[bool]:
    inputs = {"project": "p", "role": role, "member": "serviceAccount:a", "condition": condition}
    reader = matching(READERS, token)
    assert reader is not None
    return [is_broad(grant) for grant in reader(inputs, step(token, None, inputs))]


@pytest.mark.parametrize(
    ("role", "is_wide"),
    [
        ("roles/logging.logWriter", False),
        ("roles/monitoring.metricWriter", False),
        ("roles/cloudtrace.agent", False),
        ("roles/container.defaultNodeServiceAccount", False),
        ("roles/storage.objectViewer", True),
        ("roles/secretmanager.secretAccessor", True),
        ("roles/aiplatform.user", True),
        ("roles/editor", True),
        ("roles/storage.admin", True),
    ],
)
def test_a_role_on_a_whole_project_is_wide_unless_it_is_for_projects(role: str, is_wide: bool) -> None:
    assert grants(role) == [is_wide]


def test_the_same_role_on_a_bucket_or_under_a_condition_is_not() -> None:
    bucket = "gcp:storage/bucketIAMMember:BucketIAMMember"
    assert grants("roles/storage.objectViewer", token=bucket) == [False]
    assert grants("roles/storage.objectViewer", condition={"expression": "a"}) == [False]


OWNER: Final = Step(
    urn="urn:pulumi:dev::shop::modelberth:index:CloudRunEndpoint::iris", op=Op.CREATE, custom=False, after={}
)
ACCOUNT: Final = {"accountId": "iris", "project": "shop-prod"}
EMAIL: Final = "serviceAccount:iris@shop-prod.iam.gserviceaccount.com"


def planned(kind: str, name: str, parent: str = "identity", **inputs: Any) -> Step:
    return Step(urn=f"urn:pulumi:dev::shop::{kind}::{name}", op=Op.CREATE, parent=parent, after=inputs)


def read(*steps: Step) -> tuple[str, ...]:
    account = planned("gcp:serviceaccount/account:Account", "iris-account", **ACCOUNT)
    found = answers(OWNER, [account, *steps])
    return found.reads if found else ()


@pytest.mark.parametrize("member", [Marker.UNKNOWN, EMAIL])
def test_a_grant_is_told_before_its_account_is_there(member: Any) -> None:
    inputs = {"bucket": "models", "role": "roles/storage.objectViewer", "member": member}
    grant = planned("gcp:storage/bucketIAMMember:BucketIAMMember", "iris-model", **inputs)
    assert read(grant) == ("`gs://models`: `roles/storage.objectViewer`",)


def test_a_grant_of_somebody_else_is_not_the_endpoints() -> None:
    inputs = {"bucket": "models", "role": "roles/storage.objectViewer"}
    token = "gcp:storage/bucketIAMMember:BucketIAMMember"
    other = planned(token, "web", **inputs, member="serviceAccount:web@shop-prod.iam.gserviceaccount.com")
    unknown = planned(token, "later", "elsewhere", **inputs, member=Marker.UNKNOWN)
    assert read(other, unknown) == ()


def test_a_name_with_quotes_and_another_condition() -> None:
    token, role = "gcp:storage/bucketIAMMember:BucketIAMMember", "roles/storage.objectViewer"
    odd = json.dumps('projects/_/buckets/models/objects/a"b/')
    inputs = {"bucket": "models", "role": role, "member": EMAIL}
    quoted = planned(token, "a", **inputs, condition={"expression": f"resource.name.startsWith({odd})"})
    timed = planned(token, "b", **inputs, condition={"expression": "request.time < timestamp('2027-01-01')"})
    assert read(quoted, timed) == (
        f'`gs://models/a"b/*`: `{role}`',
        f"`gs://models` under a condition: `{role}`",
    )


def test_a_right_too_wide_is_named() -> None:
    inputs = {"project": "shop-prod", "role": "roles/storage.objectViewer", "member": EMAIL}
    assert read(planned("gcp:projects/iAMMember:IAMMember", "more", **inputs)) == (
        "project `shop-prod`: `roles/storage.objectViewer`, which is more than an endpoint needs",
    )


def test_who_is_let_into_clusters() -> None:
    inputs = {"project": "shop-prod", "role": "roles/container.developer", "member": "group:a@example.com"}
    found = answers(OWNER, [planned("gcp:projects/iAMMember:IAMMember", "ops", **inputs)])
    assert found is not None
    assert found.callers == (
        "`group:a@example.com`, who is let into the project's clusters (`roles/container.developer`)",
    )
