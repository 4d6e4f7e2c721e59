"""`KubernetesRegistry`: a registry for images inside a cluster, for sites that have none.

It is the CNCF's Distribution, one pod with a volume. Pods push and pull at `address`. Nodes pull by their own
container runtime, which knows neither the cluster's names nor its certificates: they can use it only where
that runtime resolves and trusts the address (in containerd a `hosts.toml` for it). Deleted tags free no room:
that takes Distribution's `garbage-collect` while nobody pushes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

import pulumi

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.kubernetes.network.egress import namespace_of
from modelberth.kubernetes.objects import register
from modelberth.kubernetes.preflight.requirements import (
    Permission,
    RequiredObject,
    Requirements,
    RequirementsArgs,
)
from modelberth.kubernetes.registry.pod import PORT, pod, scheme
from modelberth.naming import lettered, physical_name
from modelberth.spec.kubernetes import DNS_LABEL, OBJECT_NAME, origin
from modelberth.spec.runtime import IMAGE

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest

__all__ = ["KubernetesRegistry", "KubernetesRegistryArgs", "manifests", "problems", "requirements"]

# A Service's name is one label of a host name.
_LONGEST_NAME: Final = 63
_SIZE: Final = re.compile(r"[1-9][0-9]{0,5}(Mi|Gi|Ti)")


@dataclass(frozen=True, kw_only=True)
class KubernetesRegistryArgs:
    """Where it runs and who may use it.

    `tls` and `users` have no default: whoever leaves one of them open says so by None.
    """

    namespace: str
    """Existing namespace."""
    image: str
    """Distribution 2.8 or newer by digest, such as `docker.io/library/registry@sha256:…`."""
    tls: str | None
    """Existing Secret (kubernetes.io/tls) with a certificate for `address`, which is read at the start alone.

    None: what is pushed and pulled can be read and changed on the way.
    """
    users: str | None
    """Existing Secret whose entry `htpasswd` has a line with a bcrypt digest for each user.

    None: whoever reaches the registry may push.
    """
    callers: tuple[str, ...] = ()
    """Namespaces and IP networks that may connect, such as that of the nodes. Empty: every namespace."""
    size: str = "20Gi"
    """Size of its volume."""
    storage_class: str | None = None
    """Storage class of the volume. None: the cluster's default."""
    pull_secret: str | None = None
    """Existing Secret (kubernetes.io/dockerconfigjson) to pull `image` with."""
    context: str | None = None
    """Context of the kubeconfig that is asked first. None: its current one."""
    protect: bool = False
    """Refuse to delete the volume, and all else, until this is off again."""


class KubernetesRegistry(pulumi.ComponentResource):
    """Distribution with a volume, a Service and a NetworkPolicy."""

    address: str
    """`NAME.NAMESPACE.svc:5000`: what to push to, and the beginning of image references."""

    def __init__(
        self, name: str, args: KubernetesRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:KubernetesRegistry", name, {"namespace": args.namespace}, opts)
        with clean_errors():
            if found := [*problems(args)]:
                raise SpecError(*found)
            physical = _physical(name)
        self.address = f"{physical}.{args.namespace}.svc:{PORT}"
        made = manifests(args, physical)
        needed = requirements(args, physical)
        asked = Requirements(f"{name}-requirements", needed, pulumi.ResourceOptions(parent=self))
        register(name, made, self, depends_on=[asked], protect=args.protect or None)
        self.register_outputs({"address": self.address})


def manifests(args: KubernetesRegistryArgs, name: str) -> dict[str, Manifest]:
    """Return the objects by their role."""
    labels = {"app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "modelberth"}
    selector = {"app.kubernetes.io/instance": name}
    metadata = {"name": name, "namespace": args.namespace, "labels": labels}
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": args.size}},
    }
    if args.storage_class is not None:
        claim["storageClassName"] = args.storage_class
    return {
        "volume": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            # Many storage classes make the volume for the first pod, which comes after the claim.
            "metadata": {**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
            "spec": claim,
        },
        "network": {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": {
                "podSelector": {"matchLabels": selector},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": _peers(args.callers), "ports": [{"protocol": "TCP", "port": PORT}]}],
                "egress": [],
            },
        },
        "deployment": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": selector},
                # One pod at a time can hold the volume.
                "strategy": {"type": "Recreate"},
                "template": {"metadata": {"labels": labels}, "spec": pod(args, name)},
            },
        },
        "service": {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "type": "ClusterIP",
                "selector": selector,
                "ports": [
                    {
                        "name": scheme(args).lower(),
                        "port": PORT,
                        "targetPort": "registry",
                        "protocol": "TCP",
                        "appProtocol": scheme(args).lower(),
                    }
                ],
            },
        },
    }


def requirements(args: KubernetesRegistryArgs, name: str) -> RequirementsArgs:
    """Return what the cluster has to have."""
    secrets = (
        ("tls", args.tls, ("tls.crt", "tls.key")),
        ("users", args.users, ("htpasswd",)),
        ("pull_secret", args.pull_secret, (".dockerconfigjson",)),
    )
    verbs = ("get", "list", "watch", "create", "patch", "delete")
    made = (
        ("apps/v1", "Deployment"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Service"),
    )
    signs = (("apps/v1", "ReplicaSet"), ("v1", "Endpoints"), ("v1", "Pod"))
    return RequirementsArgs(
        namespace=args.namespace,
        instance=name,
        context=args.context,
        objects=[
            *(
                RequiredObject("v1", "Secret", path, name=secret, entries=entries)
                for path, secret, entries in secrets
                if secret is not None
            ),
            RequiredObject("storage.k8s.io/v1", "StorageClass", "storage_class", name=args.storage_class),
        ],
        permissions=[
            *(Permission(api_version, kind, verbs) for api_version, kind in made),
            *(Permission(api_version, kind, ("list", "watch")) for api_version, kind in signs),
        ],
    )


def problems(args: KubernetesRegistryArgs) -> Iterator[Problem]:
    """Yield what a cluster would refuse, and passwords that would be sent in the clear."""
    yield from _refused("namespace", args.namespace, DNS_LABEL.check)
    yield from _refused("image", args.image, IMAGE.check)
    if args.users is not None and args.tls is None:
        hint = "Users send their passwords with each request."
        yield Problem("tls", "nothing", "a Secret with a certificate beside `users`", hint)
    if _SIZE.fullmatch(args.size) is None:
        yield Problem("size", shown(args.size), "a whole number of Mi, Gi or Ti such as 20Gi")
    for place, caller in enumerate(args.callers):
        yield from _refused(f"callers[{place}]", caller, origin)
    named = ("tls", "users", "storage_class", "pull_secret")
    for path, name in ((path, getattr(args, path)) for path in named):
        if name is not None and not OBJECT_NAME.matches(name):
            yield Problem(path, shown(name), "the name of an object of the cluster")


def _refused(path: str, value: str, rule: Callable[[str], str]) -> Iterator[Problem]:
    try:
        rule(value)
    except SpecError as error:
        yield from (problem.under(path) for problem in error.problems)


def _physical(name: str) -> str:
    return lettered(physical_name(pulumi.get_project(), pulumi.get_stack(), name, longest=_LONGEST_NAME - 2))


def _peers(callers: tuple[str, ...]) -> list[dict[str, Any]]:
    namespaces = [one for one in callers if "/" not in one]
    networks = [{"ipBlock": {"cidr": str(ip_network(one))}} for one in callers if "/" in one]
    return [*([namespace_of(*namespaces)] if namespaces or not callers else []), *networks]
