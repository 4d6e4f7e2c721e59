"""From settings to resources: providers once, then an endpoint for each entry, then the outputs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pulumi

from modelberth import (
    EndpointDeployment,
    KubernetesTarget,
    LocalTarget,
    ModelEndpoint,
    ModelEndpointArgs,
    Provider,
    Target,
)
from modelberth.capabilities import check
from modelberth.contract import VERSION
from modelberth.errors import SpecError
from settings import Settings, namespace_of

PROJECT = Path(__file__).resolve().parent.parent


def compose(settings: Settings) -> None:
    """Make every endpoint of the stack and export its contract by name.

    Raises:
        SpecError: what the targets cannot honour, for all endpoints at once and before anything is made.
    """
    problems = [
        problem
        for index, endpoint in enumerate(settings.endpoints)
        for problem in check(endpoint.spec, endpoint.target, f"endpoints[{index}]")
    ]
    if problems:
        raise SpecError(*problems)
    providers = _providers(settings)
    namespaces: dict[tuple[str, str], pulumi.Resource] = {}
    contracts = {}
    for index, deployment in _namespaces_first(settings):
        spec, target = deployment.spec, deployment.target
        space = namespace_of(target)
        made = namespaces.get(space) if space is not None else None
        endpoint = ModelEndpoint(
            deployment.name,
            ModelEndpointArgs(spec, target, f"endpoints[{index}]", made),
            pulumi.ResourceOptions(providers=providers[_place(target)]),
        )
        if space is not None and endpoint.namespace is not None:
            namespaces[space] = endpoint.namespace
        contracts[deployment.name] = endpoint.contract.to_dict()
    pulumi.export("version", VERSION)
    pulumi.export("endpoints", contracts)


def _namespaces_first(settings: Settings) -> list[tuple[int, EndpointDeployment]]:
    """The endpoints with their places in the config; those that make the namespace of others come first."""

    def makes_none(one: tuple[int, EndpointDeployment]) -> bool:
        return not (isinstance(one[1].target, KubernetesTarget) and one[1].target.create_namespace)

    return sorted(enumerate(settings.endpoints), key=makes_none)


def _providers(settings: Settings) -> Mapping[str, list[pulumi.ProviderResource]]:
    """The providers of each place that the stack's endpoints need, made once."""
    places = {_place(endpoint.target): endpoint.target for endpoint in settings.endpoints}
    return {place: [*_made(place, target)] for place, target in places.items()}


def _place(target: Target) -> str:
    """Name of what a provider has to reach for a target."""
    match target:
        case KubernetesTarget(context=context):
            return f"kubernetes-{context}" if context else "kubernetes"
        case _:
            return target.kind


def _made(place: str, target: Target) -> Iterator[pulumi.ProviderResource]:
    match target:
        case LocalTarget():
            yield Provider("local", root=str(PROJECT), state_dir=".state/local")
        case KubernetesTarget(context=context):
            import pulumi_kubernetes  # noqa: PLC0415 - only a stack with a cluster needs the SDK

            # Which file of kubectl's is read, and as whom, is the environment's: $KUBECONFIG.
            # Else a change of alerts or of the dashboard takes their ConfigMap away and makes it anew.
            yield pulumi_kubernetes.Provider(place, context=context, enable_config_map_mutable=True)
            yield Provider("cluster" if context is None else f"cluster-{context}")
