"""`EndpointDirectory`: what a team's endpoints are, in the two forms that others read.

Written against the endpoint's contract alone, so it serves every target. It deploys no endpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pulumi

from modelberth import EndpointContract


@dataclass(frozen=True)
class EndpointDirectoryArgs:
    """The endpoints that are listed, each under its own name."""

    team: str
    """Who answers for them."""
    endpoints: Sequence[EndpointContract]


class EndpointDirectory(pulumi.ComponentResource):
    """A team's endpoints for its callers and for Prometheus, with the revisions that were approved.

    The revision that an endpoint has when it is first listed counts as approved, and stays it until somebody
    replaces the resource `<directory>-<endpoint>-approved`.
    """

    catalogue: pulumi.Output[dict[str, Any]]
    """By endpoint: where and how to call it, and whether the revision that runs is the approved one."""
    scrape_config: pulumi.Output[list[dict[str, Any]]]
    """Targets as Prometheus reads them from a file (`file_sd_configs`)."""

    def __init__(
        self, name: str, args: EndpointDirectoryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("platform:index:EndpointDirectory", name, {}, opts)
        entries = [self._entry(name, args.team, contract) for contract in args.endpoints]
        listed = pulumi.Output.all(*entries)
        self.catalogue = listed.apply(lambda found: {entry["name"]: entry for entry in found})
        self.scrape_config = listed.apply(lambda found: [scrape_target(entry) for entry in found])
        self.register_outputs({"catalogue": self.catalogue, "scrapeConfig": self.scrape_config})

    def _entry(self, name: str, team: str, contract: EndpointContract) -> pulumi.Output[dict[str, Any]]:
        approved = pulumi.Stash(
            f"{name}-{contract.name}-approved",
            input=contract.revision,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.all(contract=contract.to_dict(), approved=approved.output).apply(
            lambda known: entry(known["contract"], team, known["approved"])
        )


def entry(contract: Mapping[str, Any], team: str, approved: str) -> dict[str, Any]:
    """What a caller needs of a contract in its plain form."""
    return {
        "name": contract["name"],
        "team": team,
        "predict_url": contract["url"] + contract["predict_path"],
        "health_url": contract["url"] + contract["health_path"],
        "auth": contract["auth"],
        "model": {"version": contract["model_version"], "sha256": contract["model_sha256"]},
        "max_body_bytes": contract["max_body_bytes"],
        "timeout_seconds": contract["timeout_seconds"],
        "revision": contract["revision"],
        "is_approved": contract["revision"] == approved,
    }


def scrape_target(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A target group of Prometheus' file-based service discovery."""
    return {
        "targets": [urlsplit(entry["predict_url"]).netloc],
        "labels": {"endpoint": entry["name"], "team": entry["team"]},
    }
