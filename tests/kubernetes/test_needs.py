"""What each mode asks of its cluster before anything is made."""

from typing import Any

import pytest

from modelberth.kubernetes.authentication import generates_key, own_key_secret
from modelberth.kubernetes.crds import kinds
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.preflight.capacity import needed_quota
from modelberth.kubernetes.preflight.needs import needs
from modelberth.kubernetes.preflight.requirements import GatewayName, RequirementsArgs
from modelberth.kubernetes.stages import stages
from support.delivery_modes import STORE
from support.endpoint_modes import MODES
from support.endpoint_plans import IMAGE, REMOTE, plan
from support.gpu_plans import with_gpu


def asked(made: Plan, **more: Any) -> RequirementsArgs:
    return needs(made, stages(made), "endpoints[0]", **more)


def of(mode: str) -> RequirementsArgs:
    return asked(Plan.of(MODES[mode].deployment.spec, MODES[mode].target, "shop", "onprem"))


def objects(found: RequirementsArgs) -> dict[str, tuple[str, str | None, tuple[str, ...]]]:
    return {one.path: (one.kind, one.name, tuple(one.entries)) for one in found.objects}  # type: ignore[misc]


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_that_a_plain_cluster_lacks_is_asked_for_once(mode: str) -> None:
    made = Plan.of(MODES[mode].deployment.spec, MODES[mode].target, "shop", "onprem")
    found = asked(made)
    custom = {(one["apiVersion"], one["kind"]) for one in stages(made) if one["kind"] in kinds()}
    told = [(one.api_version, one.kind) for one in found.kinds]
    assert len(told) == len(set(told))
    assert custom <= set(told)
    for one in found.kinds:
        assert one.path.startswith(("target.", "scaling."))
        if one.kind != "ResourceClaimTemplate":  # of Kubernetes itself, from 1.34 on
            assert one.project
            assert one.install
            assert one.install.startswith("https://")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("service", {}),
        ("gateway", {"HTTPRoute": "target.route.kind"}),
        (
            "envoy",
            {
                "BackendTrafficPolicy": "target.route.envoy",
                "HTTPRoute": "target.route.kind",
                "SecurityPolicy": "target.route.envoy",
            },
        ),
        ("ingress", {"Certificate": "target.certificates"}),
        ("secrets from a store", {"ExternalSecret": "target.external_secrets"}),
        (
            "operator",
            {
                "AlertmanagerConfig": "target.prometheus.operator",
                "PodMonitor": "target.prometheus.operator",
                "PrometheusRule": "target.prometheus.operator",
            },
        ),
        ("KEDA", {"ScaledObject": "target.scaler.kind"}),
        ("HPA by requests", {}),
        ("HPA by processor time", {"PodMetrics": "scaling.metric"}),
        ("GPU by claim", {"ResourceClaimTemplate": "target.gpu.kind"}),
        ("KServe", {"InferenceService": "target.engine"}),
        ("KServe, vllm", {"LLMInferenceService": "target.engine"}),
        ("Ray", {"RayService": "target.engine"}),
    ],
)
def test_the_kinds_by_the_fields_that_bring_them(mode: str, expected: dict[str, str]) -> None:
    # Those of the way in are asked for with every engine that has one.
    way_in = {"BackendTrafficPolicy", "HTTPRoute", "SecurityPolicy"} - expected.keys()
    found = {one.kind: one.path for one in of(mode).kinds if one.kind not in way_in}
    assert found == expected


@pytest.mark.parametrize(
    ("mode", "expected", "makes"), [("service", True, False), ("namespace", False, True)]
)
def test_the_namespace(mode: str, expected: bool, makes: bool) -> None:
    found = of(mode)
    assert (found.namespace_expected, found.makes_namespace) == (expected, makes)
    assert (found.namespace, found.instance, found.config_path) == (
        "modelberth",
        "shop-onprem-iris",
        "endpoints[0]",
    )


def test_a_namespace_that_is_made_elsewhere_need_not_be_there_yet() -> None:
    found = asked(plan(), namespace_is_made=True)
    assert (found.namespace_expected, found.makes_namespace) == (False, False)


def test_every_object_that_is_named() -> None:
    route = {"kind": "service", "tls": True, "client_ca": "callers-ca"}
    made = plan(
        {
            "route": route,
            "registry": {"pull_secret": "pull"},
            "priority_class": "high",
            "delivery": {"kind": "cache", "claim": "shared", **STORE},
            "scaler": {"kind": "keda", "prometheus": "http://prometheus.web", "authentication": "prometheus"},
            "capture": {"uri": "s3://samples/iris", "hash_key": "capture-key"},
        },
        security={
            "identity": "models",
            "auth": {"kind": "api_key", "secret": "iris-keys"},
            "tls": {"domain": "iris.example.com", "certificate": "iris-tls"},
        },
        scaling={"min": 1, "max": 2},
        monitoring={"capture": {"hash_fields": ["name"]}},
    )
    assert objects(asked(made)) == {
        "security.auth.secret": ("Secret", "iris-keys", ("keys",)),
        "security.identity": ("ServiceAccount", "models", ()),
        "security.tls.certificate": ("Secret", "iris-tls", ("tls.crt", "tls.key")),
        "target.capture.hash_key": ("Secret", "capture-key", ("key",)),
        "target.delivery.claim": ("PersistentVolumeClaim", "shared", ()),
        "target.delivery.credentials": ("Secret", "minio", ()),
        "target.priority_class": ("PriorityClass", "high", ()),
        "target.registry.pull_secret": ("Secret", "pull", (".dockerconfigjson",)),
        "target.route.client_ca": ("Secret", "callers-ca", ("ca.crt",)),
        "target.scaler.authentication": ("TriggerAuthentication", "prometheus", ()),
    }


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("service", {}),
        ("api key", {}),
        (
            "ingress",
            {"target.certificates.issuer": "ClusterIssuer", "target.route.ingress_class": "IngressClass"},
        ),
        ("TLS", {"target.certificates.issuer": "ClusterIssuer"}),
        ("secrets from a store", {"target.external_secrets.store": "ClusterSecretStore"}),
        ("cache", {"target.delivery.storage_class": "StorageClass"}),
        ("claim", {"model.uri": "PersistentVolumeClaim"}),
        ("GPU by claim", {"target.gpu.device_class": "DeviceClass"}),
    ],
)
def test_what_is_filled_or_made_from_here_is_not_asked_for(mode: str, expected: dict[str, str]) -> None:
    assert {path: kind for path, (kind, _, _) in objects(of(mode)).items()} == expected


def test_behind_envoy_a_secret_of_keys_has_an_entry_for_each_caller() -> None:
    domain = {"tls": {"domain": "iris.example.com"}}
    made = plan(
        {"route": {"kind": "gateway", "gateway": "web", "envoy": True}},
        model={"uri": "s3://models/iris", "sha256": "a" * 64, "format": "savedmodel"},
        runtime={"engine": "tensorflow-serving", "image": IMAGE},
        security={**domain, "auth": {"kind": "api_key", "secret": "callers"}},
    )
    assert objects(asked(made)) == {"security.auth.secret": ("Secret", "callers", ())}


def test_a_default_stands_in_where_none_is_named() -> None:
    cache = plan({"delivery": {"kind": "cache"}}, scaling={"max": 1}, rollout={"strategy": "recreate"})
    assert objects(asked(cache)) == {"target.delivery.storage_class": ("StorageClass", None, ())}


def test_two_revisions_of_one_claim_are_one_claim() -> None:
    two = [
        {"uri": f"pvc://models/iris/{place}", "sha256": "a" * 64, "version": str(place)} for place in (2, 3)
    ]
    made = plan(model=two[1], rollout={"strategy": "blue_green", "previous": two[0]})
    assert [one.name for one in asked(made).objects] == ["models"]


def test_an_image_volume_needs_a_release() -> None:
    assert [(one.minimum, one.path) for one in of("image volume").releases] == [
        ("1.36", "target.delivery.kind")
    ]
    assert not of("service").releases


def test_the_gateway_and_the_host() -> None:
    found = of("canary")
    (gateway,), (host,) = found.gateways, found.hosts
    assert (gateway.name, gateway.namespace, gateway.host) == ("public", "gateways", "iris.example.com")
    assert (host.host, host.route, host.gateway) == (
        "iris.example.com",
        "shop-onprem-iris",
        GatewayName("gateways", "public"),
    )
    assert "/predict" in host.paths
    assert len(host.paths) == len(set(host.paths))
    ingress = of("ingress")
    assert not ingress.gateways
    assert [(one.host, one.ingress_class, one.gateway) for one in ingress.hosts] == [
        ("iris.example.com", "nginx", None)
    ]
    assert not of("mutual TLS").hosts, "a name in a certificate is no route"


@pytest.mark.parametrize(
    ("made", "resource", "per_pod", "pods"),
    [
        (with_gpu({"count": 2}), "nvidia.com/gpu", 2, 1),
        (with_gpu({"kind": "h100"}, {"kind": "mig", "profile": "1g.10gb"}), "nvidia.com/mig-1g.10gb", 1, 1),
        (with_gpu({}, {"kind": "time_sliced"}), "nvidia.com/gpu.shared", 1, 1),
        (with_gpu({"kind": "mi300x"}), "amd.com/gpu", 1, 1),
    ],
)
def test_gpus_are_counted_over_all_pods(made: Plan, resource: str, per_pod: int, pods: int) -> None:
    (devices,) = asked(made).devices
    assert (devices.resource, devices.per_pod, devices.pods) == (resource, per_pod, pods)
    assert devices.given == f"{per_pod} x {made.spec.resources.gpu.kind}"  # type: ignore[union-attr]
    assert {one.resource: one.amount for one in needed_quota(made)}[f"requests.{resource}"] == str(
        per_pod * pods
    )


def test_claimed_devices_are_in_no_nodes_resources() -> None:
    found = of("GPU by claim")
    assert not found.devices
    assert not [one for one in found.quota if "gpu" in one.resource]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ("1", "1000m", str(2 * 2**30))),
        ({"scaling": {"min": 3, "max": 3}}, ("3", "3000m", str(6 * 2**30))),
        ({"scaling": {"min": 3, "max": 9, "metric": "cpu"}}, ("3", "3000m", str(6 * 2**30))),
    ],
)
def test_the_quota_is_asked_for_the_least_that_serves(
    spec: dict[str, Any], expected: tuple[str, ...]
) -> None:
    made = plan(**spec, resources={"cpu": "1", "memory": "2Gi"})
    found = {one.resource: one.amount for one in asked(made).quota}
    assert found == dict(
        zip(
            ("pods", "requests.cpu", "requests.memory", "limits.memory"),
            (*expected, expected[-1]),
            strict=True,
        )
    )


def test_two_revisions_take_twice_as_much_and_ray_a_head_for_each() -> None:
    def pods(mode: str) -> str:
        return next(one.amount for one in of(mode).quota if one.resource == "pods")

    assert [pods(mode) for mode in ("service", "canary", "variants", "Ray", "Ray, canary")] == [
        "1",
        "2",
        "3",
        "2",
        "8",
    ]
    assert [one.amount for one in of("Ray").quota if one.resource == "requests.cpu"] == ["5000m"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("service", {"fetch-model": ("model.uri", True), "server": ("resources", False)}),
        ("cache", {"fetch-model": ("target.delivery.kind", True), "server": ("resources", False)}),
        ("GPU", {"fetch-model": ("model.uri", True), "server": ("resources", False)}),
        (
            "Ray",
            {
                "ray-head": ("target.engine", False),
                "fetch-model": ("model.uri", True),
                "ray-worker": ("resources", False),
            },
        ),
    ],
)
def test_every_container_that_a_limit_range_may_refuse_names_its_field(
    mode: str, expected: dict[str, tuple[str, bool]]
) -> None:
    containers = [one for pod in of(mode).pods for one in pod.containers]
    assert {one.name: (one.path, one.first) for one in containers} == expected
    for one in containers:
        assert (one.given is None) is (one.path == "resources")
        assert {"cpu", "memory"} <= one.requests.keys()
        assert "memory" in one.limits


@pytest.mark.parametrize("mode", MODES)
def test_pods_are_asked_for_whoever_starts_them(mode: str) -> None:
    found = of(mode)
    assert found.pods
    server = MODES[mode].deployment.spec.resources
    asked_for = [one for pod in found.pods for one in pod.containers if one.path == "resources"]
    assert asked_for
    assert {one.requests["memory"] for one in asked_for} == {str(server.memory)}
    alike = [tuple(map(repr, pod.containers)) for pod in found.pods]
    assert len(set(alike)) == len(alike), "pods that are alike are told once"


def test_the_claim_of_a_cache_is_asked_for_and_one_that_exists_is_not() -> None:
    (claim,) = of("cache").claims
    assert (claim.name, claim.storage, claim.path, claim.storage_class) == (
        "shop-onprem-iris-model-cache",
        "10Gi",
        "target.delivery",
        "nfs",
    )
    there = {"delivery": {"kind": "cache", "claim": "shared"}}
    assert not asked(plan(there, model=REMOTE)).claims
    assert not of("service").claims


@pytest.mark.parametrize("mode", MODES)
def test_every_object_is_counted_by_its_name(mode: str) -> None:
    made = Plan.of(MODES[mode].deployment.spec, MODES[mode].target, "shop", "onprem")
    found = asked(made).made
    counted = {(one.api_version, one.kind, name) for one in found for name in one.names}
    wanted = {
        (one["apiVersion"], one["kind"], one["metadata"]["name"])
        for one in stages(made)
        if one["kind"] != "Namespace"
    }
    keys = {("v1", "Secret", own_key_secret(made))} if generates_key(made) else set()
    assert counted == wanted | keys
    assert sum(len(one.names) for one in found) == len(counted) > 2


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_that_is_made_is_asked_permission_for(mode: str) -> None:
    made = Plan.of(MODES[mode].deployment.spec, MODES[mode].target, "shop", "onprem")
    found = {(one.api_version, one.kind): set(one.verbs) for one in asked(made).permissions}
    assert len(found) == len(asked(made).permissions)
    wanted = {(one["apiVersion"], one["kind"]) for one in stages(made)}
    for one in wanted:
        assert {"get", "create", "patch", "delete"} <= found[one]
    assert found[("v1", "Endpoints")] == {"list", "watch"}, "of the Service"


def test_what_tells_whether_pods_are_ready_may_be_watched() -> None:
    found = {one.kind: tuple(one.verbs) for one in of("service").permissions}
    watch = ("list", "watch")
    assert (found["Pod"], found["ReplicaSet"], found["PersistentVolumeClaim"]) == (watch, watch, watch)
    assert "Pod" not in {one.kind for one in of("KServe").permissions}


@pytest.mark.parametrize(
    ("mode", "makes"),
    [("service", True), ("api key", True), ("api keys of one's own", False), ("tokens", False)],
)
def test_secrets_are_touched_only_where_a_key_is_made(mode: str, makes: bool) -> None:
    assert ("Secret" in {one.kind for one in of(mode).permissions}) is makes
