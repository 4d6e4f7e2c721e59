"""Service agents: their addresses as Google's list has them, and what the table does not know."""

import tomllib
from datetime import date

import pytest

from modelberth.gcp.service_agents import TABLE, agent_problems, agents
from support.gcp_blocks import PLACE

# As in "Service agents" of IAM's documentation, for the project 123456789012.
ADDRESSES = {
    "run": "service-123456789012@serverless-robot-prod",
    "aiplatform": "service-123456789012@gcp-sa-aiplatform",
    "artifactregistry": "service-123456789012@gcp-sa-artifactregistry",
    "storage": "service-123456789012@gs-project-accounts",
    "bigquery": "bq-123456789012@bigquery-encryption",
    "container": "service-123456789012@container-engine-robot",
    "compute": "service-123456789012@compute-system",
    "secretmanager": "service-123456789012@gcp-sa-secretmanager",
}


def test_every_agent_has_the_address_that_google_lists() -> None:
    assert {service: agent.member(PLACE) for service, agent in agents().items()} == {
        service: f"serviceAccount:{address}.iam.gserviceaccount.com" for service, address in ADDRESSES.items()
    }


@pytest.mark.parametrize("service", agents())
def test_an_agent_says_whose_it_is_and_where_that_stands(service: str) -> None:
    agent = agents()[service]
    assert agent.api == f"{service}.googleapis.com"
    assert agent.stores
    assert agent.source.startswith("https://docs.cloud.google.com/")
    if agent.prefix == "service-":
        assert agent.member(PLACE) == PLACE.service_agent(agent.domain)


def test_the_table_says_how_old_it_is() -> None:
    assert isinstance(tomllib.loads(TABLE.read_text(encoding="utf-8"))["captured"], date)


def test_services_are_taken_once_and_by_the_names_of_the_table() -> None:
    assert not [*agent_problems(["run", "storage"], "services")]
    assert not [*agent_problems([], "services")]
    unknown, twice = agent_problems(["lambda", "run", "run"], "services")
    assert (unknown.path, twice.path) == ("services[0]", "services[2]")
    assert "artifactregistry" in unknown.allowed
    assert twice.allowed == "each service once"
