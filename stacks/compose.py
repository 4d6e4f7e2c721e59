"""From settings to resources: providers once, then an endpoint for each entry, then the outputs."""

from collections.abc import Callable, Iterator
from functools import partial
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
from modelberth.spec import EksTarget, GkeTarget, VertexTarget
from modelberth.spec.aws import AwsTarget
from modelberth.spec.gcp import GcpTarget
from modelberth.spec.kubernetes import ClusterTarget
from modelberth.spec.sagemaker import SageMakerTarget
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
            pulumi.ResourceOptions(providers=providers[index]),
        )
        if space is not None and endpoint.namespace is not None:
            namespaces[space] = endpoint.namespace
        contracts[deployment.name] = endpoint.contract.to_dict()
    pulumi.export("version", VERSION)
    pulumi.export("endpoints", contracts)


def _namespaces_first(settings: Settings) -> list[tuple[int, EndpointDeployment]]:
    """The endpoints with their places in the config; those that make the namespace of others come first."""

    def makes_none(one: tuple[int, EndpointDeployment]) -> bool:
        return not (isinstance(one[1].target, ClusterTarget) and one[1].target.create_namespace)

    return sorted(enumerate(settings.endpoints), key=makes_none)


def _providers(settings: Settings) -> list[list[pulumi.ProviderResource]]:
    """The providers of each endpoint, in the config's order; those of one place are made once."""
    made: dict[str, pulumi.ProviderResource] = {}
    found = []
    for endpoint in settings.endpoints:
        wanted = dict(_wanted(endpoint.target))
        for name, make in wanted.items():
            if name not in made:
                made[name] = make(name)
        found.append([made[name] for name in wanted])
    return found


def _wanted(target: Target) -> Iterator[tuple[str, Callable[[str], pulumi.ProviderResource]]]:
    """Name the providers that a target needs, each with what makes it; an SDK is imported for its users."""
    match target:
        case LocalTarget():
            yield "local", partial(Provider, root=str(PROJECT), state_dir=".state/local")
        case KubernetesTarget(context=context):
            import pulumi_kubernetes  # noqa: PLC0415

            # Which file of kubectl's is read, and as whom, is the environment's: $KUBECONFIG.
            # Else a change of alerts or of the dashboard takes their ConfigMap away and makes it anew.
            make = partial(pulumi_kubernetes.Provider, context=context, enable_config_map_mutable=True)
            yield "kubernetes" if context is None else f"kubernetes-{context}", make
            yield "cluster" if context is None else f"cluster-{context}", Provider
        case AwsTarget(account=account, region=region):
            import pulumi_aws  # noqa: PLC0415

            # Credentials of another account end the update before it begins.
            own = {"region": region, "allowed_account_ids": [account]}
            yield f"aws-{account}-{region}", partial(pulumi_aws.Provider, **own)
            if isinstance(target, SageMakerTarget):
                import pulumi_aws_native  # noqa: PLC0415

                yield f"aws-native-{account}-{region}", partial(pulumi_aws_native.Provider, **own)
            if isinstance(target, EksTarget):
                # It asks the cluster; what makes objects there is the endpoint's own, which follows from it.
                yield "cluster", Provider
        case GcpTarget(project=project, region=region):
            import pulumi_gcp  # noqa: PLC0415

            # Quotas and APIs of the project that things lie in, not of the one that credentials are from.
            own = {"project": project, "region": region, "billing_project": project}
            make = partial(pulumi_gcp.Provider, **own, user_project_override=True)
            yield f"gcp-{project}-{region}", make
            if isinstance(target, VertexTarget):
                yield "vertex", Provider
            if isinstance(target, GkeTarget):
                yield "cluster", Provider
