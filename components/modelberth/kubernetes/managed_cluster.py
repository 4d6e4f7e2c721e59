"""What clusters of every cloud share: the way into one, and what of a spec its pods do not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pulumi

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    import pulumi_kubernetes

    from modelberth.spec import EndpointSpec
    from modelberth.spec.kubernetes import ClusterTarget

__all__ = ["given_problems", "in_cluster", "kubeconfig", "provider", "samples"]


class _Given(Protocol):
    """A cluster of the program's."""

    @property
    def name(self) -> str: ...


class _Wanted(Protocol):
    """A target's cluster: `existing` has a name, a `new` one none that a program could give."""

    @property
    def kind(self) -> str: ...


def kubeconfig(cluster: str, server: Mapping[str, str], login: Mapping[str, Any]) -> str:
    """Return the document, always the same text for the same cluster.

    It holds no token: these live for minutes, and a program on the deploying machine makes them.

    Args:
        cluster: what it is called in the document
        server: address of the API server, and the certificate that its own is signed with
        login: the program, as a kubeconfig's `exec` has it

    """
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", **login}}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": {**server}}],
            "users": [{"name": cluster, "user": user}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "current-context": cluster,
        }
    )


def provider(
    name: str,
    document: pulumi.Input[str],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> pulumi_kubernetes.Provider:
    """Make the provider of what lies in a cluster.

    Every other one is the caller's; this one cannot be, since it follows from the cluster.

    Args:
        name: of the resource
        document: kubeconfig
        parent: the component that it is part of
        after: what lets the caller enter the cluster

    """
    import pulumi_kubernetes  # noqa: PLC0415 - slow to import

    # Else a change of alerts or of the dashboard takes their ConfigMap away and makes it anew.
    return pulumi_kubernetes.Provider(
        name,
        kubeconfig=document,
        enable_config_map_mutable=True,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[*after]),
    )


def in_cluster(spec: EndpointSpec) -> EndpointSpec:
    """Return the spec as its pods have it: identity and key are the cloud's, and no cluster knows them."""
    security = spec.security.model_copy(update={"identity": None, "key": None})
    return spec.model_copy(update={"security": security})


def samples(spec: EndpointSpec, target: ClusterTarget, scheme: str) -> str | None:
    """Return the folder that pods write samples to, where it is in the cloud's own store.

    Args:
        spec: of the endpoint
        target: its place
        scheme: of that store's addresses, such as `s3://`

    """
    if spec.monitoring.capture is None or target.capture is None:
        return None
    return target.capture.uri if target.capture.uri.startswith(scheme) else None


def given_problems(wanted: _Wanted, given: _Given | None) -> Iterator[Problem]:
    """Yield a cluster of the program's that is not the one of the target.

    Args:
        wanted: the target's
        given: the program's; None: it gives none

    """
    if given is None:
        return
    name = getattr(wanted, "name", None)
    if name is None:
        allowed = f"existing, with the name {given.name}, where the program gives the cluster"
        yield Problem("target.cluster.kind", wanted.kind, allowed)
    elif name != given.name:
        yield Problem("target.cluster.name", shown(name), f"{given.name}, the cluster that the program gives")
