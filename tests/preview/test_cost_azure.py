"""Microsoft: every sum is worked out by hand beside it, from the prices in the shipped file."""

from typing import Any

from modelberth.preview.plan import Step
from support.costs import cost, load, step, usd, why

MONTH = 730
SECONDS = 2_628_000


def app(low: int = 0, high: int = 2, location: str = "West Europe", **more: Any) -> Step:
    template = {
        "containers": [{"resources": {"cpu": 0.5, "memory": "1Gi"}}],
        "scale": {
            "minReplicas": low,
            "maxReplicas": high,
            "rules": [{"http": {"metadata": {"concurrentRequests": "20"}}}],
        },
    }
    return step(
        "azure-native:app/v20250101:ContainerApp", {"location": location, "template": template, **more}
    )


ACTIVE = 0.5 * 0.000034 + 0.000004
IDLE = 0.5 * 0.000004 + 0.000004


def test_container_apps_from_zero() -> None:
    # 100,000 s x ACTIVE + 1 x 0.56; two replicas with 20 requests of 0.1 s at a time: 1,051.2 M requests
    assert usd(cost(app())) == (
        0,
        round(100_000 * ACTIVE + 0.56, 4),
        round(2 * SECONDS * ACTIVE + 1051.2 * 0.56, 4),
    )


def test_a_least_replica_waits_at_the_idle_price() -> None:
    found = cost(app(low=1))
    assert usd(found)[0] == round(SECONDS * IDLE, 4)
    assert usd(found)[1] == round((SECONDS - 100_000) * IDLE + 100_000 * ACTIVE + 0.56, 4)


def test_the_prices_of_a_region_are_its_own() -> None:
    # 100,000 s x (0.5 x 0.000024 + 0.000003) + 0.40
    assert usd(cost(app(location="japaneast")))[1] == round(100_000 * 0.000015 + 0.40, 4)


def test_a_gpu_profile_is_found_in_the_environment() -> None:
    profiles = [{"name": "gpu", "workloadProfileType": "Consumption-GPU-NC8as-T4"}]
    environment = step("azure-native:app:ManagedEnvironment", {"workloadProfiles": profiles}, "environment")
    found = cost(app(location="southcentralus", workloadProfileName="gpu"), around=[environment])
    # a request every 2.6 s, and five minutes until the replica stops: it never does
    assert usd(found) == (0, round(SECONDS * 0.000088, 4), round(2 * SECONDS * 0.000088, 4))
    assert any(
        "no price for Container Apps, active processor in southcentralus" in said for said in why(found)
    )
    assert "no environment here tells what gpu is" in why(cost(app(workloadProfileName="gpu")))[0]


def test_a_dedicated_profile_is_not_estimated() -> None:
    profiles = [{"name": "big", "workloadProfileType": "D4"}]
    environment = step("azure-native:app:ManagedEnvironment", {"workloadProfiles": profiles}, "environment")
    found = cost(app(workloadProfileName="big"), around=[environment])
    assert usd(found) == (0, 0, 0)
    assert "workload profile D4" in why(found)[0]


def deployment(**more: Any) -> Step:
    properties = {"endpointComputeType": "Managed", "instanceType": "Standard_NC4as_T4_v3"}
    inputs = {
        "location": "eastus",
        "properties": {**properties, **more},
        "sku": {"name": "Default", "capacity": 2},
    }
    return step("azure-native:machinelearningservices:OnlineDeployment", inputs)


def test_azure_ml_has_a_fixed_capacity_or_a_scaled_one() -> None:
    assert usd(cost(deployment())) == (round(2 * 0.526 * MONTH, 4),) * 3
    profile = {"capacity": {"minimum": "1", "maximum": "3", "default": "1"}}
    scaled = step("azure-native:monitor:AutoscaleSetting", {"profiles": [profile]}, "scale")
    # 50,000,000 x 0.1 s are 1.9 at a time, and one instance takes one by default
    found = cost(deployment(), scaled, expected=load(50_000_000))
    assert usd(found) == tuple(round(count * 0.526 * MONTH, 4) for count in (1, 2, 3))
    assert any("not read from the vendor's list" in said for said in found.assumptions)


def test_aks_tier_and_nodes() -> None:
    pool = {"vmSize": "Standard_DS2_v2", "count": 1, "enableAutoScaling": True, "minCount": 0, "maxCount": 2}
    inputs = {"location": "eastus", "sku": {"tier": "Standard"}, "agentPoolProfiles": [pool]}
    found = cost(step("azure-native:containerservice:ManagedCluster", inputs))
    assert usd(found) == (73, round(73 + 0.146 * MONTH, 4), round(73 + 2 * 0.146 * MONTH, 4))
    free = cost(step("azure-native:containerservice:ManagedCluster", {"location": "eastus"}))
    assert (usd(free), why(free)) == ((0, 0, 0), [])


def test_a_registry_by_its_tier() -> None:
    registry = step(
        "azure-native:containerregistry:Registry", {"location": "eastus", "sku": {"name": "Basic"}}
    )
    # 730 h are 30.4167 days
    assert usd(cost(registry))[0] == round(730 / 24 * 0.1666, 4)


def test_the_location_of_the_resource_group() -> None:
    inputs = {"sku": {"name": "Basic"}}
    group = step("azure-native:resources:ResourceGroup", {"location": "East US"}, "group")
    found = cost(step("azure-native:containerregistry:Registry", inputs), around=[group])
    assert found.least.lines[0].price == "azure.acr.Basic@eastus"
