"""The whole config of a stack, read into one model: nothing in it is passed over in silence."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ConfigDict, Field, model_validator

from modelberth.errors import Problem, SpecError, shown
from modelberth.kubernetes.network.routing import shares_paths
from modelberth.spec import (
    EksTarget,
    EndpointDeployment,
    GkeTarget,
    KubernetesTarget,
    LambdaTarget,
    LocalTarget,
    Target,
    parse,
)
from modelberth.spec.eks import ExistingCluster
from modelberth.spec.gke import ExistingGkeCluster
from modelberth.spec.kubernetes import ClusterTarget, GatewayRoute, IngressRoute


class Settings(BaseModel):
    """What `Pulumi.<stack>.yaml` holds under `config`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoints: tuple[EndpointDeployment, ...] = Field(
        description="The endpoints of the stack.", json_schema_extra={"minItems": 1}
    )

    @model_validator(mode="after")
    def _something_and_nothing_twice(self) -> Self:
        if not self.endpoints:
            raise SpecError(Problem("endpoints", "an empty list", "one endpoint or more"))
        problems = [
            *_repeated("name", [(e.name, e.name) for e in self.endpoints]),
            *_repeated("target.port", [_port(e.target) for e in self.endpoints]),
            *_repeated(
                "target.create_namespace",
                [_made_namespace(e.target) for e in self.endpoints],
                "false, since {} makes the same namespace",
            ),
            *_taken_hosts(self.endpoints),
        ]
        if problems:
            raise SpecError(*problems)
        return self


def load() -> Settings:
    """Read the stack's config.

    Raises:
        SpecError: every problem in it, each with its path.
    """
    # Newer language hosts set the config in memory, older ones in the environment.
    config = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return settings(config, pulumi.get_project(), runtime_config.is_config_secret)


def settings(config: Mapping[str, Any], project: str, is_secret: Any) -> Settings:
    """Read the config of `project` as the engine hands it over: `project:key` → text or JSON."""
    own = {key.removeprefix(f"{project}:"): key for key in config if key.startswith(f"{project}:")}
    secret = [
        Problem(
            name,
            "a secret",
            "plain values",
            "Name a secret by reference: what stands here goes into the state in the clear.",
        )
        for name, key in own.items()
        if is_secret(key)
    ]
    if secret:
        raise SpecError(*secret)
    return parse(Settings, {name: _value(config[key]) for name, key in own.items()})


def _value(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def namespace_of(target: Target) -> tuple[str, str] | None:
    """Cluster and namespace of a target: the same for those that share a namespace.

    None where nobody can share it: the target is in no cluster, or in one of its own.
    """
    cluster = _cluster_of(target)
    return None if cluster is None or not isinstance(target, ClusterTarget) else (cluster, target.namespace)


def _cluster_of(target: Target) -> str | None:
    """What tells a cluster from others that endpoints share."""
    match target:
        case KubernetesTarget(context=context):
            return context or ""
        case EksTarget(cluster=ExistingCluster(name=name)):
            return f"eks/{target.account}/{target.region}/{name}"
        case GkeTarget(cluster=ExistingGkeCluster(name=name, location=location)):
            return f"gke/{target.project}/{location or target.region}/{name}"
        case _:
            return None


_Claim = tuple[object, object]
"""What only one endpoint can have: the value as it is written, and what tells it from another's."""


def _port(target: Target) -> _Claim | None:
    port = target.port if isinstance(target, LocalTarget) else None
    return None if port is None else (port, port)


def _made_namespace(target: Target) -> _Claim | None:
    makes = isinstance(target, ClusterTarget) and target.create_namespace
    space = namespace_of(target)
    return (True, space) if makes and space is not None else None


def _repeated(
    field: str,
    claims: Sequence[_Claim | None],
    allowed: str = "one that no other endpoint has ({} has it)",
) -> list[Problem]:
    """A problem for each claim that an earlier endpoint has already; `allowed` names that one's field."""
    first: dict[object, int] = {}
    problems = []
    for index, claim in enumerate(claims):
        if claim is None:
            continue
        value, key = claim
        earlier = first.setdefault(key, index)
        if earlier != index:
            taken = allowed.format(f"endpoints[{earlier}].{field}")
            problems.append(Problem(f"endpoints[{index}].{field}", shown(value), taken))
    return problems


def _taken_hosts(endpoints: Sequence[EndpointDeployment]) -> list[Problem]:
    """A problem for each host that leads to an earlier endpoint by the same paths."""
    problems = []
    for index, endpoint in enumerate(endpoints):
        host, entry = endpoint.spec.security.tls.domain, _entry(endpoint.target)
        if host is None or entry is None:
            continue
        for earlier, other in enumerate(endpoints[:index]):
            is_same = (other.spec.security.tls.domain, _entry(other.target)) == (host, entry)
            # An HTTP API has the whole of its host.
            takes_all = isinstance(endpoint.target, LambdaTarget)
            engines = endpoint.spec.runtime.engine, other.spec.runtime.engine
            if is_same and (takes_all or shares_paths(*engines)):
                path = f"endpoints[{index}].security.tls.domain"
                allowed = f"one that does not lead to endpoints[{earlier}] already, by the same paths"
                problems.append(Problem(path, shown(host), allowed))
                break
    return problems


def _entry(target: Target) -> tuple[object, ...] | None:
    """Where requests come in from outside: one Gateway, one class of Ingresses, or a region's API Gateway."""
    if isinstance(target, LambdaTarget):
        return "lambda", target.region
    cluster = _cluster_of(target)
    if cluster is None or not isinstance(target, ClusterTarget):
        return None
    match target.route:
        case GatewayRoute(gateway=name, namespace=namespace):
            return cluster, namespace or target.namespace, name
        case IngressRoute(ingress_class=name):
            return cluster, name
        case _:
            return None
