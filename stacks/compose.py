"""From settings to resources: providers once, then an endpoint for each entry, then the outputs."""

from pathlib import Path

import pulumi

from modelberth import LocalTarget, ModelEndpoint, ModelEndpointArgs, Provider
from modelberth.capabilities import check
from modelberth.contract import VERSION
from modelberth.errors import SpecError
from settings import Settings

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
    contracts = {}
    for index, deployment in enumerate(settings.endpoints):
        endpoint = ModelEndpoint(
            deployment.name,
            ModelEndpointArgs(deployment.spec, deployment.target, f"endpoints[{index}]"),
            pulumi.ResourceOptions(providers=providers),
        )
        contracts[deployment.name] = endpoint.contract.to_dict()
    pulumi.export("version", VERSION)
    pulumi.export("endpoints", contracts)


def _providers(settings: Settings) -> list[pulumi.ProviderResource]:
    """One provider for each place that the stack's endpoints need."""
    providers: list[pulumi.ProviderResource] = []
    if any(isinstance(endpoint.target, LocalTarget) for endpoint in settings.endpoints):
        providers.append(Provider("local", root=str(PROJECT), state_dir=".state/local"))
    return providers
