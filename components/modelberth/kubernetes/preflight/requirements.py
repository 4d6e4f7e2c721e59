"""The program's side of `modelberth:kubernetes:Requirements`; the engine's is in `provider/kubernetes`.

Every entry names the field of the config that it comes from as `path`, relative to the endpoint, such as
`target.route.gateway`. `given` is what stands there, where it is not the entry's own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi import Input

from modelberth.wire import wire

__all__ = [
    "Ask",
    "Devices",
    "GatewayName",
    "MadeObjects",
    "Permission",
    "RequiredBake",
    "RequiredClaim",
    "RequiredContainer",
    "RequiredGateway",
    "RequiredHost",
    "RequiredKind",
    "RequiredObject",
    "RequiredPod",
    "RequiredRelease",
    "Requirements",
    "RequirementsArgs",
    "RolloutStep",
]


@dataclass(frozen=True)
class RequiredKind:
    """A kind that the endpoint's objects are of; `project` defines it, `install` says how to have it."""

    api_version: str
    kind: str
    path: str
    given: str | None = None
    project: str | None = None
    install: str | None = None


@dataclass(frozen=True)
class RequiredObject:
    """An object that the endpoint uses and does not make; without a name the cluster's default of its kind.

    `entries` are what it reads of a Secret or a ConfigMap; `made_by` are SecretProviderClasses that may make
    the Secret once a pod mounts them. Without a namespace it is the endpoint's.
    """

    api_version: str
    kind: str
    path: str
    name: Input[str] | None = None
    namespace: Input[str] | None = None
    entries: Sequence[str] = ()
    made_by: Sequence[str] = ()
    given: str | None = None


@dataclass(frozen=True)
class RequiredRelease:
    """The oldest Kubernetes that has what the endpoint uses, such as `1.36`."""

    minimum: str
    path: str
    given: str | None = None


@dataclass(frozen=True)
class RequiredGateway:
    """A Gateway of which a listener, `section` or any, takes an HTTPRoute of the namespace for the host.

    `path` is that of the route: the fields `gateway`, `namespace` and `section` are named below it.
    """

    name: Input[str]
    path: str
    namespace: Input[str] | None = None
    section: Input[str] | None = None
    host: Input[str] | None = None


@dataclass(frozen=True)
class GatewayName:
    """Where requests come in by the Gateway API."""

    namespace: Input[str]
    name: Input[str]


@dataclass(frozen=True)
class RequiredHost:
    """A host of which nobody else has one of the paths at the same Gateway or IngressClass.

    Without paths nobody else may have any. `route` is the name of the endpoint's own HTTPRoute or Ingress.
    """

    host: Input[str]
    route: Input[str]
    path: str
    paths: Sequence[str] = ()
    gateway: GatewayName | None = None
    ingress_class: Input[str] | None = None


@dataclass(frozen=True)
class Devices:
    """What each of `pods` pods asks of an extended resource of the nodes, such as `nvidia.com/gpu`."""

    resource: str
    per_pod: int
    pods: int
    path: str
    given: str | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RequiredContainer:
    """What a container asks for, as its manifest has it: a LimitRange may refuse that.

    The fields `cpu`, `memory` and `gpu` are named below `path`, unless `given` says what stands at `path`
    itself. `first` is whether it ends before the others start.
    """

    name: str
    path: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    given: str | None = None
    first: bool = False


@dataclass(frozen=True)
class RequiredPod:
    """A kind of pod that is made, however many there are of it."""

    name: str
    containers: Sequence[RequiredContainer]


@dataclass(frozen=True)
class RequiredClaim:
    """A PersistentVolumeClaim that is made, unless it is there; without a class of the default one.

    The field `size` is named below `path`.
    """

    name: str
    storage: str
    path: str
    storage_class: str | None = None


@dataclass(frozen=True)
class RolloutStep:
    """A share of the requests, in percent, and how long it lasts before there is more."""

    percent: int
    bake_seconds: float


@dataclass(frozen=True)
class RequiredBake:
    """That the live step of a rollout has lasted, where the new model is to get more of the requests.

    `route` is the HTTPRoute that splits them; `new` and `previous` are the names of the two models' backends
    there, `percent` is the new one's share from now on. Without `previous` it may be any.
    """

    route: Input[str]
    new: str
    percent: int
    steps: Sequence[RolloutStep]
    path: str
    given: str
    previous: str | None = None


@dataclass(frozen=True)
class MadeObjects:
    """Objects of a kind that are made in the namespace, unless they are there, by name."""

    api_version: str
    kind: str
    names: Sequence[str]


@dataclass(frozen=True)
class Ask:
    """What all pods together take of a quota, by its name there, such as `requests.cpu` or `pods`."""

    resource: str
    amount: str
    path: str
    given: str | None = None


@dataclass(frozen=True)
class Permission:
    """What the user does with objects of a kind: in the namespace, or in the cluster where it has none."""

    api_version: str
    kind: str
    verbs: Sequence[str]


@dataclass(frozen=True)
class RequirementsArgs:
    """What a cluster must have."""

    namespace: Input[str]
    """Namespace of the endpoint."""
    instance: Input[str]
    """Value of the label `app.kubernetes.io/instance` on what the endpoint has there already."""
    namespace_expected: bool = True
    """The namespace must be there now. Not where this or another endpoint of the stack makes it."""
    makes_namespace: bool = False
    """The endpoint makes the namespace, so it may not be anybody else's."""
    kubeconfig: Input[str] | None = None
    """Itself or its path, relative to the provider's root. Default: `$KUBECONFIG`, then `~/.kube/config`."""
    context: Input[str] | None = None
    """Context of the kubeconfig. Default: its current one."""
    kinds: Sequence[RequiredKind] = ()
    objects: Sequence[RequiredObject] = ()
    releases: Sequence[RequiredRelease] = ()
    gateways: Sequence[RequiredGateway] = ()
    hosts: Sequence[RequiredHost] = ()
    devices: Sequence[Devices] = ()
    pods: Sequence[RequiredPod] = ()
    claims: Sequence[RequiredClaim] = ()
    quota: Sequence[Ask] = ()
    made: Sequence[MadeObjects] = ()
    permissions: Sequence[Permission] = ()
    bakes: Sequence[RequiredBake] = ()
    config_path: Input[str] | None = None
    """Where these settings stand in the config, such as `endpoints[0]`: refusals begin with it."""


class Requirements(pulumi.CustomResource):
    """Asks a cluster, in previews too, whether it has all that an endpoint needs; makes nothing.

    Whatever is to be made only then depends on it.
    """

    def __init__(
        self, resource_name: str, args: RequirementsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:kubernetes:Requirements", resource_name, wire(args), opts)
