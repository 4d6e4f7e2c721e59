"""Who reaches the pods of an endpoint and where they reach: closed, and what is needed opened.

NetworkPolicies are kept by the cluster's network plugin; one that has none of it (flannel, the bridge plugin)
takes the object and lets everything through. What comes from the pod's own node, such as the kubelet's
probes, is never held back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.authentication import checks_callers
from modelberth.kubernetes.network.egress import (
    egress_rules,
    is_service,
    namespace_of,
    network_of,
    private_names,
)
from modelberth.kubernetes.pods.ray import METRICS_PORT
from modelberth.spec.kubernetes import ClusterService, GatewayRoute

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan
    from modelberth.spec import EndpointSpec, KubernetesTarget

__all__ = ["network_policies", "problems"]

Rule = dict[str, Any]

# Its proxies run there unless it is told to put them beside each Gateway.
_ENVOY_NAMESPACE: Final = "envoy-gateway-system"
# By its dashboard the operator hands over the application. Whoever reaches it runs code in the pods, so the
# operator's own pods alone may.
_RAY_DASHBOARD: Final = 8265
_RAY_OPERATORS: Final = ("kuberay", "kuberay-operator")


def network_policies(plan: Plan) -> dict[str, Manifest]:
    """Return the policy of the endpoint's pods: what none of its rules names is denied, both ways.

    Predictions come from `target.route`'s callers or proxies, scrapes from `target.prometheus.namespace`.
    With `security.network.public` an Ingress without named proxies is opened to every address, since a
    cloud's load balancer connects to pods from outside the cluster.
    """
    return {
        "network": {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": plan.metadata(plan.name),
            "spec": {
                "podSelector": {"matchLabels": plan.selector()},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [*_ingress_rules(plan)],
                "egress": egress_rules(plan),
            },
        }
    }


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Name what a NetworkPolicy cannot keep, or would keep otherwise than the spec says."""
    network = spec.security.network
    for place, one in enumerate(network.egress or ()):
        if not is_service(one) and network_of(one) is None:
            yield Problem(
                f"security.network.egress[{place}]",
                shown(one),
                "an IP network, or a Service as NAME.NAMESPACE.svc, on target `kubernetes`",
                "A NetworkPolicy knows no names: write its network, or 0.0.0.0/0 if a proxy filters names.",
            )
    for host in private_names(target):
        if not network.egress:
            yield Problem(
                "security.network.egress",
                "nothing",
                f"the network of {host} (target.delivery.private_hosts)",
                "A NetworkPolicy knows no names, and private networks stay closed to the pods.",
            )
    if network.public and isinstance(target.route, ClusterService):
        yield Problem(
            "security.network.public",
            "true",
            "false with target.route service",
            "A Service is reached inside the cluster alone: take route gateway or ingress.",
        )
    if (
        spec.monitoring.metrics
        and target.prometheus.namespace is None
        and spec.security.auth.kind != "none"
        and not checks_callers(spec)
        and target.engine != "ray"
    ):
        yield Problem(
            "target.prometheus.namespace",
            "nothing",
            f"the namespace of Prometheus, with engine {spec.runtime.engine}",
            "Its server asks nobody who he is, so whoever may scrape it could pass by the gateway that does. "
            "Without a Prometheus name the endpoint's own.",
        )


def _ingress_rules(plan: Plan) -> Iterator[Rule]:
    container = plan.container(plan.main)
    http, route = container.ports["http"], plan.target.route
    ports = [http]
    if isinstance(route, ClusterService) and "grpc" in container.ports:
        ports.append(container.ports["grpc"])
    yield _rule(_callers(plan), ports)
    if container.metrics is not None:
        namespace = plan.target.prometheus.namespace
        port = METRICS_PORT if plan.target.engine == "ray" else container.metrics.port
        yield _rule([namespace_of(*filter(None, [namespace]))], [port])
    if plan.target.engine == "ray":
        name = {"key": "app.kubernetes.io/name", "operator": "In", "values": [*_RAY_OPERATORS]}
        operator = {**namespace_of(), "podSelector": {"matchExpressions": [name]}}
        yield {"from": [{"podSelector": {"matchLabels": plan.selector()}}]}
        yield _rule([operator], [_RAY_DASHBOARD, http])


def _callers(plan: Plan) -> list[dict[str, Any]]:
    """Peers that send predictions; none at all stands for every address."""
    match plan.target.route:
        case ClusterService(callers=named) if not named:
            return [namespace_of()]
        case ClusterService(callers=named):
            return _origins(named)
        case GatewayRoute(proxies=named, envoy=envoy, namespace=namespace) if not named:
            return [namespace_of(_ENVOY_NAMESPACE if envoy else namespace or plan.namespace)]
        case route if not route.proxies:
            return [] if plan.spec.security.network.public else [namespace_of()]
        case route:
            return _origins(route.proxies)


def _origins(named: Sequence[str]) -> list[dict[str, Any]]:
    namespaces = [one for one in named if "/" not in one]
    peers = [namespace_of(*namespaces)] if namespaces else []
    return [*peers, *({"ipBlock": {"cidr": one}} for one in named if "/" in one)]


def _rule(peers: Sequence[dict[str, Any]], ports: Sequence[int]) -> Rule:
    opened: Rule = {"ports": [{"protocol": "TCP", "port": port} for port in ports]}
    return {"from": [*peers], **opened} if peers else opened
