"""Manifests -> resources: each with the SDK's own class, or as a custom resource where it has none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pulumi

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest

__all__ = ["register"]

# What the SDK holds of the API, by the group that stands before the version.
_MODULES: Final = {
    "": "core",
    "apps": "apps",
    "autoscaling": "autoscaling",
    "batch": "batch",
    "networking.k8s.io": "networking",
    "policy": "policy",
    "rbac.authorization.k8s.io": "rbac",
    "resource.k8s.io": "resource",
}


def register(
    name: str,
    manifests: Mapping[str, Manifest],
    parent: pulumi.Resource,
    *,
    depends_on: Sequence[pulumi.Resource] = (),
    protect: bool | None = None,
    timeout_seconds: int | None = None,
    ignore_changes: Sequence[str] = (),
) -> list[pulumi.Resource]:
    """Register manifests as children of `parent`.

    Args:
        name: beginning of the resources' names, which the key of a manifest follows
        manifests: by their role in the endpoint
        parent: the component that they are part of
        depends_on: what has to be there before any of them
        protect: refuse to delete them
        timeout_seconds: for each to be created or updated, the wait until it is ready included
        ignore_changes: paths of what others own once it is there

    """
    timeouts = None
    if timeout_seconds is not None:
        timeouts = pulumi.CustomTimeouts(create=f"{timeout_seconds}s", update=f"{timeout_seconds}s")
    opts = pulumi.ResourceOptions(
        parent=parent,
        depends_on=[*depends_on],
        protect=protect,
        custom_timeouts=timeouts,
        ignore_changes=[*ignore_changes],
    )
    return [_resource(f"{name}-{role}", manifest, opts) for role, manifest in manifests.items()]


def _resource(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    fields = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind"}}
    known = _class(manifest["apiVersion"], manifest["kind"])
    if known is not None:
        resource: pulumi.Resource = known(name, opts, **{_snake(key): value for key, value in fields.items()})
        return resource
    from pulumi_kubernetes.apiextensions import CustomResource  # noqa: PLC0415

    return CustomResource(name, manifest["apiVersion"], manifest["kind"], opts=opts, **fields)


@cache
def _class(api_version: str, kind: str) -> Any | None:
    group, _, version = api_version.rpartition("/")
    if group not in _MODULES:
        return None
    return getattr(import_module(f"pulumi_kubernetes.{_MODULES[group]}.{version}"), kind)


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()
