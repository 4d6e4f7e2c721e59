"""What a NetworkPolicy lets in and out, by its content: the network of the tests enforces none."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from modelberth.kubernetes.network.policies import network_policies, problems
from modelberth.kubernetes.plan import Plan
from support.endpoint_plans import plan
from support.route_modes import API_KEY, DOMAIN, ENVOY, GATEWAY, INGRESS, JWT, modes, routed
from support.workload_modes import of_engine

METADATA = ("169.254.169.254", 80)
IN_IMAGE = {"delivery": {"kind": "image"}}
OUT = {"delivery": {"kind": "download"}}


def policy(made: Plan) -> Any:
    (manifest,) = network_policies(made).values()
    return manifest["spec"]


def allows(
    rules: list[dict[str, Any]], side: str, port: int, *, namespace: str = "", address: str = ""
) -> bool:
    """Ask as the plugin would: does a rule let a namespace, or an address, through to a port (TCP)?"""
    for rule in rules:
        ports = rule.get("ports")
        if ports is not None and not any(one["port"] == port and one["protocol"] == "TCP" for one in ports):
            continue
        if side not in rule:
            return True
        for peer in rule[side]:
            if namespace and "namespaceSelector" in peer and "podSelector" not in peer:
                expressions = peer["namespaceSelector"].get("matchExpressions", [])
                if all(namespace in one["values"] for one in expressions):
                    return True
            if address and "ipBlock" in peer:
                block = peer["ipBlock"]
                networks = [ip_network(one) for one in (block["cidr"], *block.get("except", []))]
                inside = [ip_address(address) in one for one in networks]
                if inside[0] and not any(inside[1:]):
                    return True
    return False


def lets_in(made: Plan, port: int, **peer: str) -> bool:
    return allows(policy(made)["ingress"], "from", port, **peer)


def lets_out(made: Plan, port: int, **peer: str) -> bool:
    return allows(policy(made)["egress"], "to", port, **peer)


@pytest.mark.parametrize("mode", list(modes()))
def test_every_pod_is_selected_and_both_ways_are_closed_but_for_the_rules(mode: str) -> None:
    made = modes()[mode]
    found = policy(made)
    assert found["policyTypes"] == ["Ingress", "Egress"]
    assert found["podSelector"]["matchLabels"] == made.selector()
    for revision in made.revisions:
        assert made.selector().items() <= made.selector(revision).items()
    assert not lets_in(made, 22, namespace="shop", address="10.9.9.9")
    assert not lets_out(made, 25, address="8.8.8.8") or "0.0.0.0/0" in (
        made.spec.security.network.egress or ()
    )


def test_a_service_is_open_to_the_cluster_unless_callers_are_named() -> None:
    open_one = plan()
    assert lets_in(open_one, 8080, namespace="any")
    assert not lets_in(open_one, 8080, address="203.0.113.7")
    closed = plan({"route": {"kind": "service", "callers": ["shop", "10.1.0.0/16"]}})
    assert lets_in(closed, 8080, namespace="shop")
    assert lets_in(closed, 8080, address="10.1.2.3")
    assert not lets_in(closed, 8080, namespace="any")
    assert not lets_in(closed, 8080, address="10.2.2.3")


def test_a_gateway_s_proxies_alone_come_in() -> None:
    cases = (
        (GATEWAY, "gateways"),
        ({"kind": "gateway", "gateway": "public"}, "modelberth"),
        (ENVOY, "envoy-gateway-system"),
        ({**ENVOY, "proxies": ["edge"]}, "edge"),
    )
    for route, namespace in cases:
        made = routed(route)
        assert lets_in(made, 8080, namespace=namespace), route
        assert not lets_in(made, 8080, namespace="shop"), route
    assert not lets_in(routed({**ENVOY, "proxies": ["edge"]}), 8080, namespace="envoy-gateway-system")


def test_an_ingress_is_open_to_the_cluster_and_a_public_one_to_every_address() -> None:
    private = routed(INGRESS)
    assert lets_in(private, 8080, namespace="ingress-nginx")
    assert not lets_in(private, 8080, address="203.0.113.7")
    public = {"security": {"network": {"public": True}}}
    assert lets_in(routed(INGRESS, **public), 8080, address="203.0.113.7")
    named = routed({**INGRESS, "proxies": ["ingress-nginx"]}, **public)
    assert lets_in(named, 8080, namespace="ingress-nginx")
    assert not lets_in(named, 8080, namespace="shop")
    assert not lets_in(named, 8080, address="203.0.113.7")


def test_metrics_are_for_prometheus_and_for_nobody_where_they_are_off() -> None:
    named = plan({"prometheus": {"namespace": "monitoring"}})
    assert lets_in(named, 9090, namespace="monitoring")
    assert not lets_in(named, 9090, namespace="shop")
    assert lets_in(plan(), 9090, namespace="shop")
    assert not lets_in(plan(monitoring={"metrics": False}), 9090, namespace="shop")


def test_grpc_is_open_inside_the_cluster_alone() -> None:
    auth = {"auth": {"kind": "none"}}
    assert lets_in(of_engine("triton", security=auth), 8001, namespace="shop")
    behind = of_engine("triton", target={"route": ENVOY}, security={**DOMAIN, **auth})
    assert not lets_in(behind, 8001, namespace="envoy-gateway-system")
    assert lets_in(behind, 8000, namespace="envoy-gateway-system")


def test_nothing_leaves_where_nothing_is_needed() -> None:
    for egress in (None, []):
        made = plan(IN_IMAGE, security={"network": {"egress": egress}})
        assert policy(made)["egress"] == []
    volume = plan(model={"uri": "oci://registry.example.com/models/iris", "sha256": "a" * 64})
    assert policy(volume)["egress"] == []
    claim = plan(model={"uri": "pvc://models/iris.onnx", "sha256": "a" * 64})
    assert policy(claim)["egress"] == []


@pytest.mark.parametrize(
    "scheme", ["s3://models/i.onnx", "azblob://acc/c/i.onnx", "hf://org/name", "https://models.h.io/i"]
)
def test_a_public_store_is_reached_and_no_private_network_nor_metadata(scheme: str) -> None:
    made = plan(OUT, model={"uri": scheme, "sha256": "a" * 64})
    assert lets_out(made, 443, address="203.0.113.7")
    assert lets_out(made, 443, address="2a00:1450::1")
    assert lets_out(made, 53, namespace="kube-system")
    assert not lets_out(made, 53, namespace="shop")
    (dns,) = [rule for rule in policy(made)["egress"] if {"protocol": "UDP", "port": 53} in rule["ports"]]
    assert "kube-system" in dns["to"][0]["namespaceSelector"]["matchExpressions"][0]["values"]
    private = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00:ec2::254", "fe80::1", METADATA[0])
    for address in private:
        assert not lets_out(made, 443, address=address), address
    assert not lets_out(made, METADATA[1], address=METADATA[0])


@pytest.mark.parametrize(
    ("delivery", "uri", "reached"),
    [
        ({}, "https://models.store.svc:8443/i.onnx", {"namespace": "store"}),
        ({}, "https://models.store.svc.cluster.local/i.onnx", {"namespace": "store"}),
        ({"endpoint": "http://minio.store:9000"}, "s3://models/i.onnx", {"namespace": "store"}),
        ({"endpoint": "http://10.7.0.4:9000"}, "s3://models/i.onnx", {"address": "10.7.0.4"}),
        ({"private_hosts": ["10.20.0.0/16"]}, "https://models.site.example/i.onnx", {"address": "10.20.1.1"}),
        ({"private_hosts": ["fd00::7"]}, "https://models.site.example/i.onnx", {"address": "fd00::7"}),
    ],
)
def test_a_store_of_one_s_own_is_reached(delivery: dict[str, Any], uri: str, reached: dict[str, str]) -> None:
    port = 9000 if "endpoint" in delivery else 443
    made = plan({"delivery": {"kind": "download", **delivery}}, model={"uri": uri, "sha256": "a" * 64})
    assert lets_out(made, port, **reached)
    assert not lets_out(made, port, address="10.99.0.1")
    assert not lets_out(made, port, namespace="other")


def test_a_cloud_s_identity_is_reached_where_it_reads_the_store() -> None:
    gke = plan(OUT, model={"uri": "gs://models/i.onnx", "sha256": "a" * 64})
    assert lets_out(gke, METADATA[1], address=METADATA[0])
    assert lets_out(gke, 988, address="169.254.169.252")
    credentials = {"delivery": {"kind": "download", "credentials": "store"}}
    given = plan(credentials, model={"uri": "gs://models/i.onnx", "sha256": "a" * 64})
    assert not lets_out(given, METADATA[1], address=METADATA[0])
    eks = plan(OUT)
    assert lets_out(eks, 80, address="169.254.170.23")
    assert not lets_out(eks, METADATA[1], address=METADATA[0])


def test_networks_are_opened_without_the_metadata_in_them() -> None:
    made = plan(IN_IMAGE, security={"network": {"egress": ["0.0.0.0/0", "::/0", "10.3.0.0/16"]}})
    assert lets_out(made, 5432, address="10.3.0.1")
    assert lets_out(made, 5432, address="203.0.113.7")
    assert not lets_out(made, METADATA[1], address=METADATA[0])
    assert not lets_out(made, 80, address="fe80::1")
    itself = plan(IN_IMAGE, security={"network": {"egress": ["169.254.169.254/32"]}})
    assert lets_out(itself, METADATA[1], address=METADATA[0])


def test_issuer_collector_and_sample_are_reached() -> None:
    jwt = plan(IN_IMAGE, security={"auth": JWT})
    assert lets_out(jwt, 443, address="203.0.113.7")
    inside = plan(IN_IMAGE, security={"auth": {**JWT, "issuer": "https://keycloak.login.svc:8443/realms/a"}})
    assert lets_out(inside, 8443, namespace="login")
    assert not lets_out(inside, 443, address="203.0.113.7")
    traced = plan({**IN_IMAGE, "otlp": "http://collector.monitoring:4318"}, monitoring={"tracing": {}})
    assert lets_out(traced, 4318, namespace="monitoring")
    assert not lets_out(traced, 443, address="203.0.113.7")
    captured = plan({**IN_IMAGE, "capture": {"uri": "s3://captured/iris"}}, monitoring={"capture": {}})
    assert lets_out(captured, 443, address="203.0.113.7")
    assert policy(plan({**IN_IMAGE, "otlp": "http://collector.monitoring:4318"}))["egress"] == []


def test_the_pods_of_ray_reach_each_other_and_its_operator_its_dashboard() -> None:
    made = modes()["ray"]
    own = {"podSelector": {"matchLabels": made.selector()}}
    assert {"from": [own]} in policy(made)["ingress"]
    assert {"to": [own]} in policy(made)["egress"]
    assert not lets_in(made, 8265, namespace="shop")
    assert lets_in(made, 8080, namespace="monitoring")
    operators = [
        rule for rule in policy(made)["ingress"] if {"port": 8265, "protocol": "TCP"} in rule.get("ports", [])
    ]
    assert len(operators) == 1
    assert "podSelector" in operators[0]["from"][0]


@pytest.mark.parametrize("mode", list(modes()))
def test_no_mode_has_a_problem(mode: str) -> None:
    made = modes()[mode]
    assert [*problems(made.spec, made.target)] == []


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (
            plan(security={"network": {"egress": ["10.0.0.0/8", "api.example.com"]}}),
            "security.network.egress[1]",
        ),
        (plan(security={"network": {"egress": ["*.example.com"]}}), "security.network.egress[0]"),
        (plan(security={"network": {"public": True}}), "security.network.public"),
        (
            plan({"delivery": {"kind": "download", "private_hosts": ["a.site.example"]}}),
            "security.network.egress",
        ),
        (
            of_engine("tensorflow-serving", target={"route": ENVOY}, security={**DOMAIN, "auth": API_KEY}),
            "target.prometheus.namespace",
        ),
    ],
)
def test_what_it_cannot_keep_is_refused(made: Plan, path: str) -> None:
    (problem,) = problems(made.spec, made.target)
    assert problem.path == path
    assert problem.allowed


def test_a_host_name_in_a_rule_is_never_widened_to_the_internet() -> None:
    with pytest.raises(ValueError, match=r"api\.example\.com"):
        network_policies(plan(security={"network": {"egress": ["api.example.com"]}}))
