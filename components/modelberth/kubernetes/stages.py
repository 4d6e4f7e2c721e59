"""All manifests of an endpoint, in the order in which they are made: each stage after the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelberth.kubernetes.accelerators.placement import claim_templates, placement
from modelberth.kubernetes.authentication import authentication, credentials
from modelberth.kubernetes.autoscaling.autoscalers import autoscalers
from modelberth.kubernetes.encryption import certificates, tls
from modelberth.kubernetes.models.delivery import claims, delivery
from modelberth.kubernetes.monitoring.alerts import rules
from modelberth.kubernetes.monitoring.dashboard import dashboard
from modelberth.kubernetes.monitoring.monitors import monitors
from modelberth.kubernetes.monitoring.notify import notifications
from modelberth.kubernetes.monitoring.watching import watching
from modelberth.kubernetes.network.policies import network_policies
from modelberth.kubernetes.network.routing import routes
from modelberth.kubernetes.pods import ray
from modelberth.kubernetes.pods.kserve import inference_services
from modelberth.kubernetes.pods.pod import config_maps
from modelberth.kubernetes.pods.services import revision_services, services
from modelberth.kubernetes.pods.workload import (
    deployments,
    disruption_budgets,
    namespaces,
    service_accounts,
)
from modelberth.kubernetes.registry.pull import pull
from modelberth.kubernetes.secret_provider import secret_provider

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.kubernetes.pods.part import PodPart

__all__ = ["Stages", "parts", "stages"]

Manifests = Mapping[str, "Manifest"]


@dataclass(frozen=True, slots=True)
class Stages:
    """Manifests by role.

    Attributes:
        space: the namespace, where it is the endpoint's own
        around: what pods need to start, and the addresses that outlive them
        pods: what runs the model
        reach: what leads to pods, changes their number and says who may call: only once they serve
        routes: how requests come in, and which share of them each revision gets
        watching: monitors, rules and the dashboard, which nothing waits for

    """

    space: Manifests
    around: Manifests
    pods: Manifests
    reach: Manifests
    routes: Manifests
    watching: Manifests

    def __iter__(self) -> Iterator[Manifest]:
        for stage in (self.space, self.around, self.pods, self.reach, self.routes, self.watching):
            yield from stage.values()


def stages(plan: Plan) -> Stages:
    """Render an endpoint.

    Raises:
        SpecError: an engine cannot serve its model; `checks` tells it before.

    """
    routed = routes(plan)
    # Before the route: some servers ask nobody who he is.
    policies = {role: one for role, one in routed.items() if role != "route"}
    return Stages(
        space=namespaces(plan),
        around=_joined(
            service_accounts(plan),
            network_policies(plan),
            credentials(plan),
            certificates(plan),
            claims(plan),
            claim_templates(plan),
            config_maps(plan),
            revision_services(plan) if plan.awaits_pods else {},
        ),
        pods=_pods(plan),
        reach=_joined(
            services(plan),
            {} if plan.awaits_pods else revision_services(plan),
            _disruption_budgets(plan),
            autoscalers(plan),
            policies,
        ),
        routes={role: one for role, one in routed.items() if role not in policies},
        watching=_joined(monitors(plan), rules(plan), notifications(plan), dashboard(plan)),
    )


def parts(plan: Plan) -> Mapping[Revision, tuple[PodPart, ...]]:
    """Return what each room adds to the pods of each revision."""
    rooms = (pull, delivery, placement, authentication, tls, secret_provider, watching)
    return {revision: tuple(room(plan, revision) for room in rooms) for revision in plan.revisions}


def _pods(plan: Plan) -> Manifests:
    match plan.target.engine:
        case "deployment":
            return deployments(plan, parts(plan))
        case "kserve":
            return inference_services(plan, parts(plan))
        case "ray":
            return ray.ray_services(plan, parts(plan))


def _disruption_budgets(plan: Plan) -> Manifests:
    return ray.disruption_budgets(plan) if plan.target.engine == "ray" else disruption_budgets(plan)


def _joined(*rooms: Manifests) -> Manifests:
    """Return the manifests of several rooms; no role may be there twice."""
    joined: dict[str, Manifest] = {}
    for room in rooms:
        if twice := joined.keys() & room.keys():
            raise ValueError(f"two rooms make: {', '.join(sorted(twice))}")
        joined |= room
    return joined
