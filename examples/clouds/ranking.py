"""Ranking on the team's own cluster: called with every page, next to the data, on GPUs that are paid for."""

from typing import Annotated

import pulumi
from config import EndpointSettings
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler
from pulumi_kubernetes.core.v1 import Namespace, PodTemplateSpecArgsDict, Service, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicyPeerArgsDict
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pydantic import Field

_PORT = 8080


class RankingSettings(EndpointSettings):
    """Callers are namespaces of the cluster."""

    registry: str
    memory_mib: Annotated[int, Field(ge=1024, le=131_072)]
    min_instances: Annotated[int, Field(ge=1)]
    """An autoscaler on a metric of the pods cannot come back from none."""


class RankingDeployment(pulumi.ComponentResource):
    """Pods with one GPU each behind a service, in a namespace of their own."""

    url: pulumi.Output[str]

    def __init__(self, name: str, args: RankingSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shop:index:RankingDeployment", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        space = Namespace(
            f"{name}-namespace",
            metadata={"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
            opts=child,
        )
        inside, labels = space.metadata["name"], {"app": name}
        account = ServiceAccount(
            f"{name}-account",
            metadata={"namespace": inside, "name": name},
            automount_service_account_token=False,
            opts=child,
        )
        deployment = Deployment(
            f"{name}-deployment",
            metadata={"namespace": inside, "name": name},
            # No replicas: the autoscaler owns them. No surge: there is no idle GPU for one more pod.
            spec={
                "selector": {"match_labels": labels},
                "strategy": {"rolling_update": {"max_surge": 0, "max_unavailable": 1}},
                "template": _pod(args, name, labels, account),
            },
            opts=child,
        )
        HorizontalPodAutoscaler(
            f"{name}-autoscaler",
            metadata={"namespace": inside},
            spec={
                "scale_target_ref": {
                    "api_version": "apps/v1",
                    "kind": "Deployment",
                    "name": deployment.metadata["name"],
                },
                "min_replicas": args.min_instances,
                "max_replicas": args.max_instances,
                "metrics": [
                    {
                        "type": "Pods",
                        "pods": {
                            "metric": {"name": "requests_in_flight"},
                            "target": {"type": "AverageValue", "average_value": "4"},
                        },
                    }
                ],
            },
            opts=child,
        )
        PodDisruptionBudget(
            f"{name}-budget",
            metadata={"namespace": inside},
            spec={"max_unavailable": 1, "selector": {"match_labels": labels}},
            opts=child,
        )
        allowed: list[NetworkPolicyPeerArgsDict] = [
            {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": caller}}}
            for caller in args.callers
        ]
        NetworkPolicy(
            f"{name}-callers",
            metadata={"namespace": inside},
            spec={
                "pod_selector": {"match_labels": labels},
                "policy_types": ["Ingress"],
                "ingress": [{"from_": [] if args.public else allowed, "ports": [{"port": _PORT}]}],
            },
            opts=child,
        )
        service = Service(
            f"{name}-service",
            metadata={"namespace": inside, "name": name},
            spec={
                "type": "LoadBalancer" if args.public else "ClusterIP",
                "selector": labels,
                "ports": [{"port": 80, "target_port": _PORT}],
            },
            opts=child,
        )
        self.url = pulumi.Output.concat(
            "http://", service.metadata["name"], ".", inside, ".svc.cluster.local"
        )
        self.register_outputs({"url": self.url})


def _pod(
    args: RankingSettings, name: str, labels: dict[str, str], account: ServiceAccount
) -> PodTemplateSpecArgsDict:
    return {
        "metadata": {"labels": labels},
        "spec": {
            "service_account_name": account.metadata["name"],
            "security_context": {
                "run_as_non_root": True,
                "run_as_user": 65532,
                "seccomp_profile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "model",
                    "image": f"{args.registry}/{name}@{args.digest}",
                    "ports": [{"container_port": _PORT}],
                    "readiness_probe": {"http_get": {"path": "/readyz", "port": _PORT}},
                    "resources": {
                        "requests": {"cpu": "2", "memory": f"{args.memory_mib}Mi"},
                        "limits": {"memory": f"{args.memory_mib}Mi", "nvidia.com/gpu": "1"},
                    },
                    "security_context": {
                        "allow_privilege_escalation": False,
                        "read_only_root_filesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
