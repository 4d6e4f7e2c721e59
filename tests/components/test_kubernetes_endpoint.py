"""A whole endpoint in a cluster, as it is registered: objects, their order, options and the contract."""

import json
import os
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pulumi
import pulumi_kubernetes
import pytest

from modelberth import (
    KubernetesEndpoint,
    KubernetesEndpointArgs,
    LocalTarget,
    ModelEndpoint,
    ModelEndpointArgs,
    Provider,
)
from modelberth.contract import VERSION
from modelberth.kubernetes.plan import REVISION, Manifest, Plan
from modelberth.kubernetes.stages import stages
from support.endpoint_modes import MODES, Mode
from support.endpoint_plans import IMAGE, PREVIOUS
from support.recording import Recorder, Registered, recording, run

SPACE = MODES["namespace"]
COMPONENT = "modelberth:index:KubernetesEndpoint"


def args(mode: Mode, **changes: Any) -> KubernetesEndpointArgs:
    return KubernetesEndpointArgs.parse({**mode.config, **changes})


def made(recorder: Recorder, mode: Mode, **changes: Any) -> KubernetesEndpoint:
    endpoint: KubernetesEndpoint = run(recorder, lambda: KubernetesEndpoint("iris", args(mode, **changes)))
    return endpoint


@cache
def registered(mode: str) -> tuple[Recorder, KubernetesEndpoint]:
    """What a mode registers: looked at by several tests, and changed by none."""
    recorder = recording()
    return recorder, made(recorder, MODES[mode])


def plan_of(mode: Mode) -> Plan:
    return Plan.of(mode.deployment.spec, mode.target, "shop", "dev")


def manifests(mode: Mode) -> dict[str, Manifest]:
    made = stages(plan_of(mode))
    parts = (made.space, made.around, made.pods, made.reach, made.routes, made.watching)
    return {role: one for part in parts for role, one in part.items()}


def children(recorder: Recorder) -> list[Registered]:
    return [one for one in recorder.resources if one.parent.endswith(f"{COMPONENT}::iris")]


def type_of(manifest: Manifest) -> str:
    group, _, version = manifest["apiVersion"].rpartition("/")
    return f"kubernetes:{group or 'core'}/{version}:{manifest['kind']}"


def names(urns: tuple[str, ...]) -> set[str]:
    return {urn.rpartition("::")[2] for urn in urns}


# The tree


@pytest.mark.parametrize("mode", MODES)
def test_every_object_of_every_mode_is_a_child(mode: str) -> None:
    recorder, _ = registered(mode)
    wanted = manifests(MODES[mode])
    found = {one.name: one for one in children(recorder)}
    own = {"iris-requirements"} | {name for name in found if name == "iris-api-key"}
    assert set(found) - own == {f"iris-{role}" for role in wanted}
    assert len(recorder.tree) == len(found) + 1, "the component, and nothing below its children"
    assert len(wanted) == MODES[mode].objects
    for role, manifest in wanted.items():
        assert found[f"iris-{role}"].type == type_of(manifest)
        assert found[f"iris-{role}"].inputs == json.loads(json.dumps(manifest))


def test_there_are_modes_of_everything() -> None:
    assert len(MODES) == 52
    kinds = {one["kind"] for mode in MODES.values() for one in stages(plan_of(mode))}
    assert len(kinds) == 23, sorted(kinds)
    for field in ("engine", "route", "scaler", "gpu", "delivery"):
        values = {
            value if isinstance(value, str) else getattr(value, "kind", None)
            for value in (getattr(mode.target, field) for mode in MODES.values())
        }
        assert len(values - {None}) == {"engine": 3, "route": 3, "scaler": 2, "gpu": 4, "delivery": 3}[field]
    assert {mode.deployment.spec.rollout.strategy for mode in MODES.values()} == {
        "rolling",
        "recreate",
        "canary",
        "blue_green",
        "shadow",
    }


def test_the_tree_of_a_small_endpoint() -> None:
    component, *rest = registered("service")[0].tree
    assert component == (COMPONENT, "iris", "shop-dev")
    assert {parent for _, _, parent in rest} == {"iris"}
    assert sorted((name, kind) for kind, name, _ in rest) == [
        ("iris-api-key", "modelberth:kubernetes:ApiKey"),
        ("iris-dashboard", "kubernetes:core/v1:ConfigMap"),
        ("iris-deployment", "kubernetes:apps/v1:Deployment"),
        ("iris-disruption-budget", "kubernetes:policy/v1:PodDisruptionBudget"),
        ("iris-network", "kubernetes:networking.k8s.io/v1:NetworkPolicy"),
        ("iris-requirements", "modelberth:kubernetes:Requirements"),
        ("iris-rules", "kubernetes:core/v1:ConfigMap"),
        ("iris-service", "kubernetes:core/v1:Service"),
        ("iris-service-account", "kubernetes:core/v1:ServiceAccount"),
    ]


def test_below_a_model_endpoint(recorder: Recorder) -> None:
    run(recorder, lambda: ModelEndpoint("iris", ModelEndpointArgs.parse(SPACE.config)))
    top, own, *rest = recorder.tree
    assert top == ("modelberth:index:ModelEndpoint", "iris", "shop-dev")
    assert own == (COMPONENT, "iris-kubernetes", "iris")
    assert len(rest) == SPACE.objects + 2
    assert all(
        name.startswith("iris-kubernetes-") and parent == "iris-kubernetes" for _, name, parent in rest
    )
    assert recorder.named("iris").inputs["target"]["kind"] == "kubernetes"
    assert recorder.named("iris-kubernetes").inputs == {}, "what stands around it has said it"


@pytest.mark.parametrize("mode", ["service", "envoy", "ingress", "canary, autoscaled"])
def test_a_preview_shows_the_same_resources(mode: str) -> None:
    """None is made by `apply`, which does not run while outputs are unknown."""
    preview = recording(preview=True)
    made(preview, MODES[mode])
    assert sorted(preview.tree) == sorted(registered(mode)[0].tree)
    assert len(preview.tree) >= MODES[mode].objects + 2


# The order


def stage_names(recorder: Recorder, mode: Mode) -> Iterator[set[str]]:
    """The names of each stage that has something in it, first those that everything waits for."""
    found = stages(plan_of(mode))
    key = {"iris-api-key"} & {one.name for one in recorder.resources}
    yield {"iris-requirements"}
    for stage in (found.space, found.around, found.pods, found.reach, found.routes):
        names = {f"iris-{role}" for role in stage} | (key if stage is found.around else set())
        if names:
            yield names


@pytest.mark.parametrize("mode", MODES)
def test_each_stage_waits_for_the_one_before(mode: str) -> None:
    recorder, _ = registered(mode)
    in_order = list(stage_names(recorder, MODES[mode]))
    assert len(in_order) >= 4
    for before, after in pairwise(in_order):
        for name in after:
            assert names(recorder.named(name).dependencies) == before
    found = stages(plan_of(MODES[mode]))
    first = in_order[1] if found.space else in_order[0]
    assert [names(recorder.named(f"iris-{role}").dependencies) for role in found.watching] == (
        [first] * len(found.watching)
    )


def test_nobody_is_let_in_before_it_is_known_who_may_call(recorder: Recorder) -> None:
    made(recorder, MODES["vllm"])
    assert {"iris-security-policy", "iris-traffic-policy"} <= names(recorder.named("iris-route").dependencies)


# Options


def test_the_pods_have_the_time_of_their_start_each(recorder: Recorder) -> None:
    made(recorder, MODES["KServe"], scaling={"min": 3, "max": 3}, limits={"startup_timeout": "5m"})
    waited = f"{3 * (300 + 300) + 60}s"
    told = {one.name: one.timeouts for one in children(recorder) if one.timeouts}
    both = {"create": waited, "update": waited}
    assert told["iris-inference-service"] == both
    assert told["iris-service"] == both, "of KServe's objects the engine knows no end"


def test_the_wait_is_that_of_a_deployment_alone(recorder: Recorder) -> None:
    made(recorder, MODES["service"])
    assert [one.name for one in children(recorder) if one.timeouts] == ["iris-deployment"]


@pytest.mark.parametrize(
    ("scaling", "ignored"),
    [({"min": 2, "max": 2}, {}), ({"min": 2, "max": 4}, {"iris-deployment": ("spec.replicas",)})],
)
def test_the_replicas_are_left_to_an_autoscaler(
    recorder: Recorder, scaling: dict[str, int], ignored: dict[str, tuple[str, ...]]
) -> None:
    made(recorder, MODES["service"], scaling=scaling)
    assert {one.name: one.ignored for one in children(recorder) if one.ignored} == ignored
    assert recorder.named("iris-deployment").inputs["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    "mode",
    ["service", "namespace", "cache", "canary, autoscaled", "GPU by claim", "tensorflow-serving", "Ray"],
)
def test_protect_holds_what_lasts_and_lets_rollouts_go_on(recorder: Recorder, mode: str) -> None:
    """The engine neither deletes nor replaces what is protected, and while anything is, destroys nothing."""
    made(recorder, MODES[mode], protect=True)
    wanted = manifests(MODES[mode])
    protected = {one.name.removeprefix("iris-") for one in children(recorder) if one.protect}
    free = set(wanted) - protected
    assert {"network", "service"} <= protected
    assert {wanted[role]["kind"] for role in free} <= {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "InferenceService",
        "LLMInferenceService",
        "PodDisruptionBudget",
        "RayService",
        "ResourceClaimTemplate",
        "ScaledObject",
        "Service",
    }
    for role in free:
        labels = wanted[role]["metadata"]["labels"]
        assert REVISION in labels or wanted[role]["kind"] == "ResourceClaimTemplate"


@pytest.mark.parametrize("mode", ["service", "namespace", "cache"])
def test_nothing_is_protected_by_itself(mode: str) -> None:
    recorder, _ = registered(mode)
    assert len(recorder.resources) > 8
    assert not [one.name for one in recorder.resources if one.protect]


def test_providers_reach_every_child_and_other_options_none(recorder: Recorder) -> None:
    def program() -> None:
        own, cluster = Provider("own"), pulumi_kubernetes.Provider("cluster", context="lab")
        options = pulumi.ResourceOptions(
            providers=[own, cluster],
            depends_on=[own],
            aliases=[pulumi.Alias(name="old")],
            ignore_changes=["spec"],
        )
        KubernetesEndpoint("iris", args(MODES["ingress"]), options)

    run(recorder, program)
    found = children(recorder)
    assert len(found) == MODES["ingress"].objects + 2
    for one in found:
        name = "cluster" if one.type.startswith("kubernetes:") else "own"
        assert f"::{name}::" in one.provider
        assert "own" not in names(one.dependencies)
        # That of its parent's old place is the SDK's doing.
        assert "old" not in one.aliases
        assert one.ignored == ()


def test_nothing_is_read_of_the_environment_or_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = registered("ingress")  # tables of the package are read once
    after, told = recording(), args(MODES["ingress"])

    def refuse(*asked: object, **_: object) -> Any:
        raise AssertionError(f"the component opened {asked[0]}")

    with monkeypatch.context() as closed:
        for name in (
            "builtins.open",
            "pathlib.Path.open",
            "pathlib.Path.read_text",
            "pathlib.Path.read_bytes",
        ):
            closed.setattr(name, refuse)
        for name in [name for name in os.environ if not name.startswith("PULUMI")]:
            closed.delenv(name)
        run(after, lambda: KubernetesEndpoint("iris", told))
    told_then, told_now = ({one.name: one.inputs for one in children(one)} for one in (before, after))
    assert told_now == told_then
    assert len(told_now) == MODES["ingress"].objects + 2


# A namespace


def test_a_namespace_that_the_endpoint_makes_is_told(recorder: Recorder) -> None:
    endpoint = made(recorder, SPACE)
    assert endpoint.namespace is not None
    assert endpoint.namespace.pulumi_resource_name == "iris-namespace"
    asked = recorder.named("iris-requirements").inputs
    assert (asked["namespaceExpected"], asked["makesNamespace"]) == (False, True)


def test_a_namespace_that_the_program_makes_comes_first(recorder: Recorder) -> None:
    def program() -> None:
        first = KubernetesEndpoint("iris", args(SPACE))
        other = args(MODES["service"], name="other")
        KubernetesEndpoint(
            "other", KubernetesEndpointArgs(other.spec, other.target, namespace=first.namespace)
        )

    run(recorder, program)
    asked = recorder.named("other-requirements")
    assert (asked.inputs["namespaceExpected"], asked.inputs["makesNamespace"]) == (False, False)
    assert asked.dependencies == (), "what else is lacking is told before anything is made"
    for name in ("other-network", "other-service-account", "other-api-key", "other-dashboard"):
        assert names(recorder.named(name).dependencies) == {"other-requirements", "iris-namespace"}


def test_two_cannot_make_a_namespace(recorder: Recorder) -> None:
    def program() -> None:
        read = args(SPACE)
        KubernetesEndpoint(
            "iris", KubernetesEndpointArgs(read.spec, read.target, "endpoints[2]", Provider("some"))
        )

    with pytest.raises(pulumi.RunError, match=r"endpoints\[2\]\.target\.create_namespace: given true"):
        run(recorder, program)


# What comes back


@pytest.mark.parametrize("mode", MODES)
def test_the_contract_is_registered_once_and_holds_everywhere(mode: str) -> None:
    recorder, endpoint = registered(mode)
    (outputs,) = [one for urn, one in recorder.outputs.items() if urn.endswith("::iris")]
    contract = outputs["contract"]
    told = endpoint.contract.to_dict()
    assert contract == {name: value for name, value in told.items() if value is not None}
    assert contract["contract_version"] == VERSION
    assert (contract["name"], contract["target"], contract["region"]) == ("iris", "kubernetes", "cluster")
    plan = plan_of(MODES[mode])
    assert contract["model_version"] == plan.main.model.version
    assert contract["revision"] == plan.revision_name(plan.main)
    assert contract["image_digest"].startswith("sha256:")
    for path in ("predict_path", "health_path"):
        assert contract[path].startswith("/")


HOST = "https://iris.example.com"
INSIDE = "shop-dev-iris.modelberth.svc.cluster.local"


@pytest.mark.parametrize(
    ("mode", "url", "auth"),
    [
        ("service", f"http://{INSIDE}", "api_key"),
        ("no authentication", f"http://{INSIDE}", "none"),
        ("api key", f"http://{INSIDE}", "api_key"),
        ("tokens", f"http://{INSIDE}", "jwt"),
        ("TLS", f"https://{INSIDE}", "api_key"),
        ("mutual TLS", f"https://{INSIDE}", "api_key"),
        ("gateway", HOST, "api_key"),
        ("envoy", HOST, "jwt"),
        ("ingress", HOST, "api_key"),
        ("canary", HOST, "api_key"),
        ("vllm", HOST, "jwt"),
    ],
)
def test_where_and_how_it_is_called(mode: str, url: str, auth: str) -> None:
    contract = registered(mode)[1].contract
    assert (contract.url, contract.auth) == (url, auth)


def test_a_context_is_the_region(recorder: Recorder) -> None:
    mode = MODES["service"]
    contract = made(recorder, mode, target={**mode.config["target"], "context": "lab"}).contract
    assert contract.region == "lab"
    assert recorder.named("iris-requirements").inputs["context"] == "lab"
    assert recorder.named("iris-api-key").inputs["context"] == "lab"


@pytest.mark.parametrize(
    ("mode", "version"), [("canary", "2"), ("canary, back", "2"), ("canary, whole", "3"), ("shadow", "2")]
)
def test_it_tells_the_model_that_answers(mode: str, version: str) -> None:
    assert registered(mode)[1].contract.model_version == version


# Secrets


@pytest.mark.parametrize("mode", MODES)
def test_no_value_of_a_secret_is_an_input(mode: str) -> None:
    recorder, _ = registered(mode)
    assert not [one.name for one in recorder.resources if one.type.endswith(":Secret")]
    looked = 0
    for one in children(recorder):
        for path, value in leaves(one.inputs):
            looked += 1
            field = path.rpartition(".")[2]
            assert field not in {"stringData", "secretKeyRef"}, path
            if field == "name" and str(value).isupper():
                assert not any(word in str(value) for word in ("PASSWORD", "TOKEN", "ACCESS_KEY")), path
    assert looked > 100


def test_of_the_generated_key_only_the_name_is_told(recorder: Recorder) -> None:
    made(recorder, MODES["service"], target={**MODES["service"].config["target"], "key_rotation": "2026-11"})
    key = recorder.named("iris-api-key")
    assert key.inputs.pop("labels").keys() == {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/managed-by",
    }
    assert key.inputs == {
        "name": "shop-dev-iris-api-keys",
        "namespace": "modelberth",
        "endpoint": "shop-dev-iris",
        "rotation": "2026-11",
    }


@pytest.mark.parametrize("mode", MODES)
def test_a_key_is_made_only_where_nobody_names_one(mode: str) -> None:
    recorder, _ = registered(mode)
    auth = MODES[mode].deployment.spec.security.auth
    wanted = auth.kind == "platform" or (auth.kind == "api_key" and getattr(auth, "secret", None) is None)
    assert ("iris-api-key" in {one.name for one in recorder.resources}) is wanted


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, f"{path}[{place}]")
    else:
        yield path, value


# Refusals


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"target": {"kind": "kubernetes"}}, "target.image"),
        ({"target": {"kind": "kubernetes", "image": "iris:latest"}}, "target.image"),
        ({"target": {"kind": "local"}}, "target.kind"),
        ({"target": {"kind": "kubernetes", "image": IMAGE, "namespace": "A"}}, "target.namespace"),
        ({"target": {"kind": "kubernetes", "image": IMAGE, "engine": "ray"}}, "runtime.engine"),
        (
            {"rollout": {"strategy": "canary", "previous": PREVIOUS}},
            "rollout.strategy",
        ),
        ({"scaling": {"min": 0, "max": 2}}, "scaling.min"),
        ({"security": {"key": "key-1"}}, "security.key"),
        ({"resources": {"gpu": {"kind": "l4"}}}, "resources.gpu"),
        ({"scalin": {}}, "scalin"),
    ],
)
def test_a_refusal_names_the_field_and_has_no_trace(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        args(MODES["service"], **changes)
    assert f"\n  {path}" in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_refusal_begins_with_the_place_in_the_config(recorder: Recorder) -> None:
    spec, target = MODES["service"].deployment.spec, MODES["service"].target
    bad = KubernetesEndpointArgs(spec, target.model_copy(update={"image": None}), "endpoints[4]")
    with pytest.raises(pulumi.RunError, match=r"endpoints\[4\]\.target\.image: given nothing"):
        run(recorder, lambda: KubernetesEndpoint("iris", bad))
    assert children(recorder) == []


def test_a_stack_whose_name_no_object_can_have(recorder: Recorder) -> None:
    pulumi.runtime.mocks.set_mocks(recorder, project="shop", stack="Dev_1")
    with pytest.raises(pulumi.RunError, match="lower-case letters"):
        run(recorder, lambda: KubernetesEndpoint("iris", args(MODES["service"])))


def test_another_target_is_no_argument_of_it() -> None:
    with pytest.raises(pulumi.RunError, match=r"target"):
        KubernetesEndpointArgs.parse({**MODES["service"].config, "target": {"kind": "local"}})
    assert LocalTarget().kind == "local"
