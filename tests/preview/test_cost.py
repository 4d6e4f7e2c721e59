# ruff: noqa: E501 (a table is read by its lines)
"""What holds for every estimate: regions, what cannot be told, and that more never costs less."""

from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelberth.preview.cost import Cost, Prices, budget_of, cost_of, load_of, rules
from modelberth.preview.cost.bill import _PRICERS
from modelberth.preview.plan import Marker, Op, Plan, Step
from modelberth.spec import EndpointSpec, Load
from modelberth.spec.parsing import parse
from support.costs import PRICES, cost, load, provider, step, usd, why

FUNCTION = "aws:lambda/function:Function"
KEY = "aws:kms/key:Key"


@pytest.mark.parametrize(
    ("inputs", "around", "region"),
    [
        ({"region": "us-east-1"}, [provider("aws", region="eu-central-1")], "us-east-1"),
        ({}, [provider("aws", region="us-east-1")], "us-east-1"),
        ({"availabilityZone": "us-east-1b"}, [], "us-east-1"),
        ({"role": "arn:aws:sagemaker:us-east-1:123456789012:x"}, [], "us-east-1"),
    ],
)
def test_where_a_region_is_taken_from(inputs: dict[str, Any], around: list[Step], region: str) -> None:
    found = cost(step(KEY, inputs), around=around)
    assert [line.price for line in found.least.lines] == [f"aws.kms.key@{region}"]


def test_the_region_of_its_own_provider() -> None:
    """Of several providers it is the one that makes the resource; the default one has the stack's config."""
    frankfurt = step("pulumi:providers:aws", {"region": "eu-central-1"}, "frankfurt")
    virginia = step("pulumi:providers:aws", {"region": "us-east-1"}, "virginia")
    default = "urn:pulumi:dev::shop::pulumi:providers:aws::default_7_51_1"
    for urn, config, region in (
        (virginia.urn, {"aws:region": "eu-central-1"}, "us-east-1"),
        (default, {"aws:region": "us-east-1"}, "us-east-1"),
    ):
        key = step(KEY, provider=urn)
        plan = Plan(project="shop", stack="dev", steps=(frankfurt, virginia, key), config=config)
        found = cost_of([key], "after", load(), PRICES, plan)
        assert [line.price for line in found.least.lines] == [f"aws.kms.key@{region}"]


def test_the_arn_of_what_is_deployed_tells_its_region() -> None:
    deployed = step(
        KEY, None, op=Op.SAME, before={}, outputs_before={"arn": "arn:aws:kms:us-east-1:123456789012:key/1"}
    )
    assert usd(cost(deployed, side="before"))[0] == 1


@pytest.mark.parametrize(
    "outputs",
    [
        {"region": "us-east-1"},
        {"arn": "arn:aws:kms:us-east-1:123456789012:key/1"},
        {"availabilityZone": "us-east-1b"},
    ],
)
def test_the_config_that_is_planned_does_not_move_what_is_deployed(outputs: dict[str, Any]) -> None:
    key = step(KEY, {}, op=Op.REPLACE, before={}, outputs_before=outputs)
    plan = Plan(project="shop", stack="dev", steps=(key,), config={"aws:region": "eu-north-1"})
    before, after = (cost_of([key], side, load(), PRICES, plan) for side in ("before", "after"))
    assert [line.price for line in before.least.lines] == ["aws.kms.key@us-east-1"]
    assert why(after)[0] == "no price for a KMS key in eu-north-1 (known: eu-central-1, us-east-1)"
    without = step(KEY, {}, op=Op.UPDATE, before={})
    plan = Plan(project="shop", stack="dev", steps=(without,), config={"aws:region": "us-east-1"})
    assert usd(cost_of([without], "before", load(), PRICES, plan))[0] == 1


def test_several_functions_of_an_endpoint_each_have_its_load() -> None:
    one, two = (step(FUNCTION, {"region": "us-east-1"}, name) for name in ("one", "two"))
    said = "each Lambda function of an endpoint with several of them serves the whole load"
    assert said in cost(one, two).assumptions
    assert said not in cost(one).assumptions
    assert cost(one, two).expected.usd == pytest.approx(2 * cost(one).expected.usd)


def test_no_number_has_an_exponent() -> None:
    """Above 15 thousand million GB-s of a month the third price of Lambda's duration holds."""
    found = cost(step(FUNCTION, {"region": "us-east-1", "memorySize": 10240}), expected=load(10**11, "3s"))
    told = [line.what for line in found.most.lines if "above" in line.what]
    assert [what.partition("above ")[2] for what in told] == ["6,000,000,000 GB-s", "15,000,000,000 GB-s"]


@pytest.mark.parametrize(
    ("around", "said"),
    [
        ([], "its region decides the price and cannot be told"),
        (
            [
                provider("aws", region="us-east-1"),
                step("pulumi:providers:aws", {"region": "eu-west-1"}, "other"),
            ],
            "cannot be told: eu-west-1, us-east-1",
        ),
    ],
)
def test_a_region_is_never_guessed(around: list[Step], said: str) -> None:
    found = cost(step(KEY), around=around)
    assert usd(found) == (0, 0, 0)
    assert said in why(found)[0]


def test_the_price_of_another_region_is_never_taken() -> None:
    endpoint = step("aws:ec2/instance:Instance", {"instanceType": "g5.xlarge", "region": "eu-central-1"})
    found = cost(endpoint)
    assert found.expected.lines == ()
    assert "no price for g5.xlarge in eu-central-1 (known: us-east-1)" in why(found)
    nowhere = cost(step("aws:ec2/instance:Instance", {"instanceType": "z9.huge", "region": "us-east-1"}))
    assert "no price for z9.huge in us-east-1" in why(nowhere)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"memorySize": Marker.UNKNOWN}, "memorySize decides the price and is known after the update only"),
        ({"memorySize": Marker.SECRET}, "memorySize decides the price and is secret"),
        ({"memorySize": "much"}, "memorySize decides the price: given 'much', allowed: a number"),
        ({"ephemeralStorage": {"size": Marker.UNKNOWN}}, "ephemeralStorage.size decides the price"),
        ({"architectures": [Marker.UNKNOWN]}, "architectures[0] decides the price"),
    ],
)
def test_what_cannot_be_known_is_named(inputs: dict[str, Any], said: str) -> None:
    found = cost(step(FUNCTION, {"region": "us-east-1", **inputs}))
    assert usd(found) == (0, 0, 0)
    assert len(found.unpriced) == 1
    assert said in why(found)[0]
    assert found.assumptions == ()


def test_a_type_without_a_rule_is_listed() -> None:
    found = cost(step("aws:bedrock/agent:Agent"), step("made:up:Thing"), step("aws:iam/role:Role"))
    assert why(found) == [
        "no rule for the type aws:bedrock/agent:Agent",
        "no rule for the type made:up:Thing",
    ]


def test_what_is_billed_by_use_is_listed_with_the_price_of_a_unit() -> None:
    repository = step("aws:ecr/repository:Repository", {"region": "us-east-1"})
    elsewhere = step("aws:ecr/repository:Repository", {"region": "eu-west-1"}, "elsewhere")
    held = "billed for the images that it holds, which the program does not tell"
    assert why(cost(repository, elsewhere)) == [f"{held}: 0.1 USD per GB-month", held]


@pytest.mark.parametrize("kind", ["local:Process", "kubernetes:ApiKey", "kubernetes:Requirements"])
def test_what_our_own_provider_makes_costs_nothing(kind: str) -> None:
    found = cost(step(f"modelberth:{kind}"))
    assert (usd(found), found.unpriced, found.assumptions) == ((0, 0, 0), (), ())


def test_kubernetes_is_billed_through_its_nodes() -> None:
    container = {"resources": {"limits": {"nvidia.com/gpu": "2", "memory": "8Gi"}}}
    pod = {"spec": {"containers": [container]}}
    found = cost(
        step("kubernetes:apps/v1:Deployment", {"spec": {"replicas": 3, "template": pod}}),
        step("kubernetes:core/v1:Service", {"spec": {"type": "LoadBalancer"}}, "public"),
        step("kubernetes:core/v1:Service", {"spec": {}}, "private"),
        step("kubernetes:core/v1:ConfigMap"),
        step("kubernetes:core/v1:PersistentVolumeClaim"),
    )
    assert usd(found) == (0, 0, 0)
    assert why(found) == [
        "billed through the cluster's nodes (3 x 2 nvidia.com/gpu)",
        "the load balancer that the cloud puts before it is billed and not estimated",
        "the disk behind it is billed by the GB and not estimated",
    ]


def pods(kind: str, target: dict[str, Any] | None, name: Any = "iris", **spec: Any) -> str:
    """What the gap of a Deployment `iris` says with an autoscaler of the target beside it."""
    container = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    workload = {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [container]}}}}
    scaler = step(kind, {"metadata": {"name": "s"}, "spec": {"scaleTargetRef": target or {}, **spec}}, "s")
    found = why(cost(step("kubernetes:apps/v1:Deployment", workload, "d"), scaler))
    return found[0].partition("(")[2].rstrip(")")


HPA, KEDA = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "kubernetes:keda.sh/v1alpha1:ScaledObject"
IRIS = {"kind": "Deployment", "name": "iris"}


@pytest.mark.parametrize(
    ("kind", "target", "spec", "said"),
    [
        (HPA, IRIS, {"minReplicas": 2, "maxReplicas": 4}, "2 to 4 x 1 nvidia.com/gpu"),
        (HPA, IRIS, {"minReplicas": 3, "maxReplicas": 3}, "3 x 1 nvidia.com/gpu"),
        (HPA, IRIS, {"maxReplicas": 4}, "1 to 4 x 1 nvidia.com/gpu"),
        (KEDA, {"name": "iris"}, {}, "0 to 100 x 1 nvidia.com/gpu"),
        (KEDA, IRIS, {"minReplicaCount": 2, "maxReplicaCount": 4}, "2 to 4 x 1 nvidia.com/gpu"),
        (
            KEDA,
            IRIS,
            {"minReplicaCount": 2, "idleReplicaCount": 0, "maxReplicaCount": 4},
            "0 to 4 x 1 nvidia.com/gpu",
        ),
        (
            HPA,
            {"kind": "Deployment", "name": Marker.UNKNOWN},
            {"minReplicas": 2, "maxReplicas": 4},
            "2 to 4 x 1 nvidia.com/gpu",
        ),
        (
            HPA,
            {"kind": "Deployment", "name": "other"},
            {"minReplicas": 2, "maxReplicas": 4},
            "1 x 1 nvidia.com/gpu",
        ),
        (
            HPA,
            {"kind": "StatefulSet", "name": "iris"},
            {"minReplicas": 2, "maxReplicas": 4},
            "1 x 1 nvidia.com/gpu",
        ),
    ],
)
def test_replicas_are_those_of_the_autoscaler(
    kind: str, target: dict[str, Any], spec: dict[str, Any], said: str
) -> None:
    assert pods(kind, target, **spec) == said
    if target["name"] == "iris":
        assert pods(kind, target, name=Marker.UNKNOWN, **spec) == said


def test_an_autoscaler_in_another_namespace_is_of_another_workload() -> None:
    container = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    spec = {"template": {"spec": {"containers": [container]}}}
    here = {"metadata": {"name": "iris", "namespace": "here"}, "spec": spec}
    there = {"metadata": {"namespace": "there"}, "spec": {"scaleTargetRef": IRIS, "maxReplicas": 4}}
    found = cost(step("kubernetes:apps/v1:Deployment", here, "d"), step(HPA, there, "s"))
    assert why(found) == ["billed through the cluster's nodes (1 x 1 nvidia.com/gpu)"]


def test_what_is_not_counted_in_replicas() -> None:
    pod = {"template": {"spec": {"containers": [{"resources": {"limits": {"amd.com/gpu": "1"}}}]}}}
    found = cost(
        step("kubernetes:apps/v1:DaemonSet", {"spec": pod}, "d"),
        step("kubernetes:batch/v1:Job", {"spec": {"parallelism": 5, **pod}}, "j"),
    )
    assert [said.partition("(")[2] for said in why(found)] == [
        "on each node 1 x 1 amd.com/gpu)",
        "5 x 1 amd.com/gpu)",
    ]


def test_before_and_after() -> None:
    changed = step(
        FUNCTION,
        {"memorySize": 2048, "region": "us-east-1"},
        op=Op.UPDATE,
        before={"memorySize": 1024, "region": "us-east-1"},
    )
    before, after = cost(changed, side="before"), cost(changed)
    assert usd(before)[1] == round(0.2 + 1.66667, 4)
    assert usd(after)[1] == round(0.2 + 3.33334, 4)
    made = step(KEY, {"region": "us-east-1"}, "made")
    gone = step(KEY, None, "gone", op=Op.DELETE, before={"region": "us-east-1"}, after=None)
    seen = step(KEY, {"region": "us-east-1"}, "seen", op=Op.READ, before={"region": "us-east-1"})
    assert [usd(cost(made, gone, seen, side=side))[0] for side in ("before", "after")] == [1, 1]
    assert usd(cost(made, side="before"))[0] == 0


def test_what_is_retained_is_billed_on() -> None:
    gone = step(KEY, None, op=Op.DELETE, before={"region": "us-east-1"}, after=None, retain=True)
    assert why(cost(gone)) == ["it stays, outside of the stack, and is billed on"]


def spec(**more: Any) -> Mapping[str, Any]:
    given_ = {"name": "iris", "model": {"uri": "file:x.onnx"}, **more}
    return parse(EndpointSpec, given_).model_dump(mode="json")


def owner(inputs: Mapping[str, Any], **more: Any) -> Step:
    return step("modelberth:index:ModelEndpoint", inputs, custom=False, **more)


def test_load_and_budget_are_those_of_the_spec() -> None:
    told = owner(
        {"spec": spec(load={"requests_per_month": 5, "request_time": "1m"}, budget={"monthly_usd": 40})}
    )
    assert load_of(told) == load(5, "1m")
    assert budget_of(told) == 40
    silent = owner({"spec": spec()}, before={"spec": spec(load={"requests_per_month": 7})})
    assert (load_of(silent), budget_of(silent)) == (Load(), None)
    assert load_of(silent, "before").requests_per_month == 7


@pytest.mark.parametrize(
    "inputs", [{}, {"spec": Marker.UNKNOWN}, {"spec": {"load": {"more": 1}, "budget": Marker.SECRET}}]
)
def test_an_owner_that_says_nothing_has_the_defaults(inputs: dict[str, Any]) -> None:
    assert load_of(owner(inputs)) == Load()
    assert budget_of(owner(inputs)) is None
    assert load_of(None) == Load()
    assert budget_of(None) is None


def test_every_type_has_one_rule() -> None:
    patterns = [pattern for pattern, _ in rules._free()] + [
        kind for rule in rules._by_use() for kind in rule.types
    ]
    assert len(patterns) == len(set(patterns)) >= 100
    assert [kind for kind in _PRICERS for pattern in patterns if fnmatchcase(kind, pattern)] == []
    assert len(_PRICERS) >= 30
    for rule in rules._by_use():
        assert not rule.price or PRICES.regions(rule.price), rule.what


ENDPOINTS: dict[str, list[Step]] = {
    "lambda": [
        step(FUNCTION, {"region": "us-east-1", "memorySize": 512, "reservedConcurrentExecutions": 40})
    ],
    "warm": [
        step(FUNCTION, {"region": "us-east-1", "name": "iris"}),
        step(
            "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
            {"region": "us-east-1", "functionName": "iris", "provisionedConcurrentExecutions": 3},
        ),
    ],
    "run": [
        step(
            "gcp:cloudrunv2/service:Service",
            {
                "location": "us-central1",
                "template": {
                    "containers": [{"resources": {"cpuIdle": True}}],
                    "scaling": {"minInstanceCount": 2, "maxInstanceCount": 7},
                    "maxInstanceRequestConcurrency": 3,
                },
            },
        )
    ],
    "gpu": [
        step(
            "gcp:cloudrunv2/service:Service",
            {
                "location": "us-central1",
                "template": {
                    "containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}],
                    "scaling": {"maxInstanceCount": 4},
                    "nodeSelector": {"accelerator": "nvidia-l4"},
                },
            },
        )
    ],
    "app": [
        step(
            "azure-native:app:ContainerApp",
            {
                "location": "westeurope",
                "template": {"containers": [{}], "scale": {"minReplicas": 1, "maxReplicas": 5}},
            },
        )
    ],
    "ml": [
        step(
            "azure-native:machinelearningservices:OnlineDeployment",
            {"location": "eastus", "properties": {"instanceType": "Standard_DS2_v2"}, "sku": {"capacity": 2}},
        ),
        step(
            "azure-native:monitor:AutoscaleSetting",
            {"profiles": [{"capacity": {"minimum": "1", "maximum": "6"}}]},
        ),
    ],
}
REQUESTS = st.integers(0, 10**11)
SECONDS = st.integers(1, 3_600_000).map(lambda milliseconds: f"{milliseconds}ms")


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@given(few=REQUESTS, more=REQUESTS, time=SECONDS)
def test_more_requests_are_never_cheaper(endpoint: str, few: int, more: int, time: str) -> None:
    few, more = sorted((few, more))
    less, greater = (cost(*ENDPOINTS[endpoint], expected=load(count, time)) for count in (few, more))
    assert less.most.lines
    assert not less.unpriced
    for found in (less, greater):
        assert found.least.usd <= found.expected.usd + 1e-6
        assert found.expected.usd <= found.most.usd * (1 + 1e-9) + 1e-6
    assert less.expected.usd <= greater.expected.usd * (1 + 1e-9) + 1e-6
    assert less.least.usd == pytest.approx(greater.least.usd)


def test_a_price_file_of_ones_own_is_used(tmp_path: Path) -> None:
    row = '{ id = "aws.kms.key", regions = ["us-east-1"], unit = "month", usd = 7, date = 2026-11-01, sku = "x", source = "y" }'
    (tmp_path / "mine.toml").write_text(f"prices = [{row}]")
    prices = Prices.load(tmp_path / "mine.toml", date(2026, 11, 21))
    found: Cost = cost_of([step(KEY, {"region": "us-east-1"})], "after", load(), prices)
    assert found.least.usd == 7
