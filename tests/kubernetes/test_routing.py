"""Where a request goes that comes in at a Gateway or an Ingress."""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from modelberth.kubernetes.network.routing import (
    TABLE,
    address,
    health_path,
    honoured_in_front,
    problems,
    routes,
)
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.services import revision_services, services
from modelberth.spec.kubernetes import GatewayRoute
from modelberth.spec.runtime import Engine
from support.endpoint_plans import PREVIOUS, canary, plan
from support.route_modes import DOMAIN, ENVOY, GATEWAY, INGRESS, SHADOW, SMALL, manifests, modes, routed
from support.workload_modes import FORMATS, of_engine

GOLDEN = Path(__file__).with_name("golden") / "routes.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/kubernetes/test_routing.py"
NOBODY = {**DOMAIN, "auth": {"kind": "none"}}
HEADER = {"name": "x-canary", "value": "always"}


def route(made: Plan) -> Any:
    return routes(made)["route"]["spec"]


def fits(match: dict[str, Any], path: str, headers: dict[str, str]) -> bool:
    wanted = match["path"]["value"]
    is_exact = match["path"]["type"] == "Exact"
    if path != wanted and (is_exact or not path.startswith(f"{wanted}/")):
        return False
    return all(headers.get(one["name"]) == one["value"] for one in match.get("headers", []))


def rule_for(made: Plan, path: str, headers: dict[str, str] | None = None) -> Any:
    """The rule that the Gateway API takes: the longest path, then the most headers, then the first."""
    found = [
        ((len(match["path"]["value"]), len(match.get("headers", [])), -place), rule)
        for place, rule in enumerate(route(made)["rules"])
        for match in rule["matches"]
        if fits(match, path, headers or {})
    ]
    return max(found, key=lambda one: one[0])[1] if found else None


def shares(made: Plan, headers: dict[str, str] | None = None) -> dict[str, int]:
    rule = rule_for(made, "/predict", headers)
    return {one["name"]: one["weight"] for one in rule["backendRefs"]}


def named(made: Plan, *, previous: bool) -> str:
    return next(made.revision_name(one) for one in made.revisions if one.is_previous is previous)


def test_the_manifests_are_as_the_golden_file_says() -> None:
    found = {mode: manifests(made) for mode, made in modes().items()}
    text = json.dumps(found, indent=1) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN
    assert len(found) == 21


# KubeRay makes a Service of its own.
@pytest.mark.parametrize("mode", sorted(modes().keys() - {"ray"}))
def test_every_backend_is_a_service_of_the_endpoint_with_that_port(mode: str) -> None:
    made = modes()[mode]
    there = {
        (one["metadata"]["name"], port["port"])
        for one in {**services(made), **revision_services(made)}.values()
        for port in one["spec"]["ports"]
    }
    text = json.dumps(routes(made))
    refs = re.findall(r'"name": "([^"]+)", "port": (?:\{"number": )?(\d+)', text)
    assert {(name, int(port)) for name, port in refs} <= there
    assert bool(refs) == (made.target.route.kind != "service")


def test_the_route_is_at_the_named_listener_and_takes_one_host() -> None:
    found = route(routed(GATEWAY))
    assert found["parentRefs"] == [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    assert found["hostnames"] == ["iris.example.com"]
    assert route(routed({"kind": "gateway", "gateway": "g"}))["parentRefs"] == [{"name": "g"}]


@pytest.mark.parametrize(("step", "share"), [(0, 0), (1, 10), (2, 50), (3, 100)])
def test_a_canary_gets_the_share_of_its_step(step: int, share: int) -> None:
    made = routed(GATEWAY, rollout=canary(step))
    assert shares(made) == {named(made, previous=False): share, named(made, previous=True): 100 - share}


def test_the_header_picks_the_new_revision_at_every_step() -> None:
    for step in range(4):
        made = routed(GATEWAY, rollout=canary(step, header=HEADER))
        assert shares(made, {"x-canary": "always"}) == {named(made, previous=False): 1}
        assert len(shares(made, {"x-canary": "never"})) == 2
    assert len(route(routed(GATEWAY, rollout={"strategy": "canary", "header": HEADER}))["rules"]) == 1


def test_a_shadow_gets_copies_and_answers_nobody() -> None:
    rollout = {"strategy": "shadow", "previous": PREVIOUS, "percent": 25}
    made = routed(GATEWAY, rollout=rollout)
    rule = rule_for(made, "/predict")
    assert shares(made) == {named(made, previous=True): 100}
    (copied,) = rule["filters"]
    assert copied["requestMirror"]["percent"] == 25
    assert copied["requestMirror"]["backendRef"]["name"] == named(made, previous=False)
    promoted = routed(GATEWAY, rollout={**rollout, "promoted": True})
    assert shares(promoted) == {named(promoted, previous=False): 100, named(promoted, previous=True): 0}
    assert "filters" not in rule_for(promoted, "/predict")


def test_blue_green_sends_everything_to_the_active_set() -> None:
    for active, weights in (("new", (100, 0)), ("previous", (0, 100))):
        made = routed(GATEWAY, rollout={"strategy": "blue_green", "previous": PREVIOUS, "active": active})
        pair = (named(made, previous=False), named(made, previous=True))
        assert shares(made) == dict(zip(pair, weights, strict=True))


def test_variants_share_and_shadows_among_them_get_copies() -> None:
    made = routed(GATEWAY, variants={"small": SMALL, "next": SHADOW})
    names = {revision.key: made.revision_name(revision) for revision in made.revisions}
    assert shares(made) == {names["main"]: 70, names["small"]: 30}
    (copied,) = rule_for(made, "/predict")["filters"]
    assert copied["requestMirror"] == {"backendRef": {"name": names["next"], "port": 80}, "percent": 20}


@pytest.mark.parametrize("engine", list(FORMATS))
@pytest.mark.parametrize("way", [GATEWAY, INGRESS], ids=["gateway", "ingress"])
def test_predictions_and_health_come_through_and_metrics_and_control_do_not(
    engine: str, way: dict[str, str]
) -> None:
    made = of_engine(engine, target={"route": way}, security=NOBODY)
    container = made.container(made.main)
    if way is GATEWAY:
        matches = [match for rule in route(made)["rules"] for match in rule["matches"]]
    else:
        kinds = {"Exact": "Exact", "Prefix": "PathPrefix"}
        (rule,) = route(made)["rules"]
        matches = [
            {"path": {"type": kinds[one["pathType"]], "value": one["path"]}} for one in rule["http"]["paths"]
        ]
    through = (container.predict.path, container.live.path, container.ready.path)
    for path in through:
        # A colon is no boundary of a segment: `/v1/models` holds `/v1/models/NAME:predict`.
        assert any(fits(match, path, {}) for match in matches), path
    control = ("/metrics", "/monitoring/prometheus/metrics", "/admin/versions", "/v1/load_lora_adapter", "/")
    if engine in {"triton", "custom"}:
        control += (
            "/v2/repository/index",
            "/v2/repository/models/iris/load",
            "/v2/logging",
            "/v2/trace/setting",
        )
    for path in control:
        assert not any(fits(match, path, {}) for match in matches), path
    assert 0 < len(matches) <= 64
    assert len({json.dumps(match) for match in matches}) == len(matches)


def test_the_table_of_paths_has_every_engine_and_no_colon() -> None:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert sorted(table["engines"]) == sorted(get_args(Engine))
    entries = [*table["engines"].values(), table["ray"]]
    paths = [path for entry in entries for path in (*entry["exact"], *entry["prefix"])]
    assert len(paths) > 20
    assert all(re.fullmatch(r"/[a-z0-9/._{}-]*", path) for path in paths)
    assert all(entry["source"] for entry in entries)


@pytest.mark.parametrize("mode", modes())
def test_whoever_watches_from_outside_can_ask_whether_predictions_are_served(mode: str) -> None:
    made = modes()[mode]
    if isinstance(made.target.route, GatewayRoute):
        assert rule_for(made, health_path(made)) is not None


def test_ray_s_proxy_has_a_health_path_of_its_own_and_not_vllm_s() -> None:
    ray, alone = modes()["ray"], of_engine("vllm", target={"route": GATEWAY}, security=NOBODY)
    assert (health_path(ray), health_path(alone)) == ("/-/healthz", "/health")
    for path in ("/health", "/v1/responses"):
        assert rule_for(ray, path) is None
        assert rule_for(alone, path) is not None


@pytest.mark.parametrize(
    ("engine", "timeout", "written"),
    [
        ("onnxruntime", "30s", "31s"),
        ("onnxruntime", "250ms", "1s250ms"),
        ("onnxruntime", "1h", "3601s"),
        ("triton", "30s", "30s"),
        ("triton", "250ms", "250ms"),
        ("vllm", "1h", "3600s"),
        ("vllm", "1500ms", "1s500ms"),
    ],
)
def test_the_gateway_ends_a_request_where_the_server_does_not(
    engine: str, timeout: str, written: str
) -> None:
    made = of_engine(engine, target={"route": GATEWAY}, security=NOBODY, limits={"timeout": timeout})
    (rule,) = route(made)["rules"]
    assert rule["timeouts"] == {"request": written}
    assert re.fullmatch(r"([0-9]{1,5}(h|m|s|ms)){1,4}", written)


@pytest.mark.parametrize(
    ("rate", "limit"),
    [
        (100, (100, "Second")),
        (0.5, (30, "Minute")),
        (0.01, (36, "Hour")),
        (2.5, (150, "Minute")),
        (1e-9, (1, "Hour")),
    ],
)
def test_envoy_limits_the_rate(rate: float, limit: tuple[int, str]) -> None:
    found = routes(routed(ENVOY, limits={"requests_per_second": rate}))
    (rule,) = found["traffic-policy"]["spec"]["rateLimit"]["local"]["rules"]
    assert (rule["limit"]["requests"], rule["limit"]["unit"]) == limit


def test_envoy_bounds_a_body_where_the_server_does_not() -> None:
    bounded = routes(of_engine("vllm", target={"route": ENVOY}, security=NOBODY, limits={"max_body": "3Mi"}))
    assert bounded["traffic-policy"]["spec"]["requestBuffer"] == {"limit": str(3 * 2**20)}
    assert sorted(routes(routed(ENVOY))) == ["route"]
    assert honoured_in_front(routed(ENVOY).target) == {"limits.max_body", "limits.timeout"}
    assert honoured_in_front(routed(GATEWAY).target) == {"limits.timeout"}
    assert honoured_in_front(routed(INGRESS).target) == frozenset()


def test_an_envoy_s_policies_are_for_the_route_and_for_no_other_gateway() -> None:
    made = modes()["envoy"]
    found = routes(made)
    assert sorted(found) == ["route", "security-policy", "traffic-policy"]
    target = {
        "group": "gateway.networking.k8s.io",
        "kind": "HTTPRoute",
        "name": found["route"]["metadata"]["name"],
    }
    for role in ("security-policy", "traffic-policy"):
        assert found[role]["spec"]["targetRefs"] == [target]
    assert sorted(routes(routed(GATEWAY))) == ["route"]


def test_envoy_checks_tokens_by_the_issuer_s_keys_and_keys_for_a_server_that_does_not() -> None:
    (provider,) = routes(modes()["envoy"])["security-policy"]["spec"]["jwt"]["providers"]
    assert provider == {
        "name": "issuer",
        "issuer": "https://login.example.com",
        "audiences": ["iris"],
        "remoteJWKS": {"uri": "https://login.example.com/keys"},
    }
    keys = modes()["envoy, tensorflow-serving"]
    found = routes(keys)["security-policy"]["spec"]["apiKeyAuth"]
    assert found["extractFrom"] == [{"headers": ["x-team-key"]}]
    assert found["credentialRefs"] == [{"name": f"{keys.name}-api-keys"}]
    assert found["sanitize"] is True
    # Our server has the digests of the keys alone, and Envoy would take a digest for a key.
    assert "security-policy" not in routes(routed(ENVOY))


def test_ray_is_reached_by_the_service_that_it_makes() -> None:
    ray = modes()["ray"]
    assert rule_for(ray, "/v1/models")["backendRefs"] == [
        {"name": f"{ray.name}-serve-svc", "port": 8000, "weight": 100}
    ]
    inside = of_engine("vllm", target={"engine": "ray"}, security={"auth": {"kind": "none"}})
    assert address(inside) == f"http://{inside.name}-serve-svc.modelberth.svc.cluster.local:8000"


def test_an_ingress_ends_tls_for_its_host() -> None:
    made = modes()["ingress"]
    found = routes(made)["route"]
    assert found["spec"]["tls"] == [{"hosts": ["iris.example.com"], "secretName": f"{made.name}-tls"}]
    assert [rule["host"] for rule in found["spec"]["rules"]] == ["iris.example.com"]
    assert found["spec"]["ingressClassName"] == "nginx"
    assert "annotations" not in found["metadata"]
    public = routes(modes()["ingress, public"])["route"]
    assert public["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/proxy-body-size": "2m"}
    assert public["spec"]["tls"][0]["secretName"] == "iris-certificate"


def test_the_address_is_the_host_s_or_the_service_s() -> None:
    inside = plan()
    assert routes(inside) == {}
    assert address(inside) == f"http://{inside.name}.modelberth.svc.cluster.local"
    assert address(modes()["service, TLS"]).startswith("https://")
    assert address(routed(GATEWAY)) == address(routed(INGRESS, {"certificates": {"issuer": "a"}}))
    assert address(routed(GATEWAY)) == "https://iris.example.com"


@pytest.mark.parametrize("mode", list(modes()))
def test_no_mode_has_a_problem(mode: str) -> None:
    made = modes()[mode]
    assert [*problems(made.spec, made.target)] == []


@pytest.mark.parametrize(
    ("made", "paths"),
    [
        (plan(rollout=canary()), ["rollout.strategy"]),
        (plan(rollout={"strategy": "shadow", "previous": PREVIOUS}), ["rollout.strategy"]),
        (plan(rollout={"strategy": "blue_green", "previous": PREVIOUS}), []),
        (plan(rollout={"strategy": "canary"}), []),
        (routed(INGRESS, rollout=canary()), ["rollout.strategy"]),
        (routed(INGRESS, variants={"small": SMALL}), ["variants"]),
        (plan(variants={"small": SMALL}), ["variants"]),
        (plan({"route": GATEWAY}), ["security.tls.domain"]),
        (plan({"route": INGRESS}), ["security.tls.domain"]),
        (plan(limits={"requests_per_second": 5}), ["limits.requests_per_second"]),
        (routed(GATEWAY, limits={"requests_per_second": 5}), ["limits.requests_per_second"]),
        (routed(ENVOY, limits={"requests_per_second": 5}), []),
        (
            plan({"route": INGRESS}, rollout=canary(), limits={"requests_per_second": 5}),
            ["rollout.strategy", "security.tls.domain", "limits.requests_per_second"],
        ),
    ],
)
def test_what_a_route_cannot_do_is_refused(made: Plan, paths: list[str]) -> None:
    found = [*problems(made.spec, made.target)]
    assert [one.path for one in found] == paths
    assert all(one.given and one.allowed and one.hint for one in found)
