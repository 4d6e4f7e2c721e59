"""`GcpMonitoring`: what watches an endpoint, of whatever kind; a kind brings its signals and its bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pulumi
from pulumi_gcp import billing, cloudrunv2, logging, monitoring

from modelberth.gcp.monitoring import refusals, uptime
from modelberth.gcp.monitoring.alert import Told, Watched, conditions, documentation, policy
from modelberth.gcp.monitoring.alerts import alerts
from modelberth.gcp.monitoring.budget import budget
from modelberth.gcp.monitoring.dashboard import dashboard
from modelberth.gcp.monitoring.filled import filled, lasting, named
from modelberth.gcp.monitoring.notify import channels, existing
from modelberth.gcp.monitoring.signals import REFUSALS, Plain, Where, kinds, signals_of
from modelberth.gcp.plan import Plan

__all__ = ["GcpMonitoring", "GcpMonitoringArgs"]


@dataclass(frozen=True)
class GcpMonitoringArgs:
    """What to watch.

    Attributes:
        plan: the endpoint
        kind: of endpoint, as `signals.toml` has it: `cloud_run` or `vertex`
        where: what its metrics' labels are: `service` and `location`, or `endpoint` (its id) and `location`;
            `version` only while two serve, of the new one: name of the revision, or id of the deployed model
        capacity: most requests that a replica may have in progress, where the service keeps to such a bound
        warm: replicas that are kept ready
        replicas: most of them
        processors: of a replica, where the service adds up what each of them does
        url: of an endpoint in Cloud Run that is reached from the internet: it is called from there, except
            where replicas go to zero, which the calls would keep from it
        health_path: what is asked for at that address
        signed: each call carries a token: Google's account for them is let in (`uptime.caller`)
        after: what has to be there before: the APIs of the project, where these are enabled here

    """

    plan: Plan[Any]
    kind: str
    where: Where
    capacity: int | None = None
    warm: int = 0
    replicas: int | None = None
    processors: int | None = None
    url: pulumi.Input[str] | None = None
    health_path: str = "/health/ready"
    signed: bool = False
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True)
class _Made:
    """What alerts need: channels by role, the words with their values, and what comes before them."""

    channels: Mapping[str, monitoring.NotificationChannel]
    where: Where
    after: Sequence[pulumi.Resource]


class GcpMonitoring(pulumi.ComponentResource):
    """Alerts, the channels that they tell, a dashboard, calls from outside and a budget."""

    alerts: Mapping[str, monitoring.AlertPolicy]
    """By role, such as `errors` or `burn-1h`."""
    dashboard_url: pulumi.Output[str]
    """Where a person sees it."""

    def __init__(
        self, name: str, args: GcpMonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:GcpMonitoring", name, {}, opts)
        where, after = self._refusals(args)
        made = _Made(self._channels(args), where, after)
        self.alerts = {**self._alerts(args, made), **self._uptime(args, made)}
        self.dashboard_url = self._dashboard(args, made)
        self._budget(args, made)
        self.register_outputs({"dashboardUrl": self.dashboard_url})

    def _channels(self, args: GcpMonitoringArgs) -> Mapping[str, monitoring.NotificationChannel]:
        made = {}
        for one in channels(args.plan.spec.monitoring.alerts.notify):
            labels = pulumi.Output.secret(one.labels) if one.is_secret else one.labels
            made[one.role] = monitoring.NotificationChannel(
                self._named(one.role), **one.arguments(args.plan), labels=labels, opts=self._child(args.after)
            )
        return made

    def _refusals(self, args: GcpMonitoringArgs) -> tuple[Where, list[pulumi.Resource]]:
        """Make the metric of refused requests where the kind has one, and return its name among the words."""
        if "refused" not in kinds()[args.kind].metrics:
            return args.where, [*args.after]
        entries = filled(
            lasting(args.where), lambda plain: refusals.log_filter(_watched(args, plain).signals)
        )
        made = logging.Metric(
            self._named("refused"), **refusals.metric(args.plan, entries), opts=self._child(args.after)
        )
        return {**args.where, REFUSALS: refusals.metric_name(args.plan)}, [*args.after, made]

    def _alerts(self, args: GcpMonitoringArgs, made: _Made) -> dict[str, monitoring.AlertPolicy]:
        def asked(role: str, where: Where) -> pulumi.Input[list[dict[str, Any]]]:
            return filled(where, lambda plain: conditions(alerts(_watched(args, plain))[role]))

        of_any = alerts(_watched(args, named(lasting(made.where))))
        return {
            role: self._policy(
                args, made, alert, asked(role, lasting(made.where) if role in of_any else made.where)
            )
            for role, alert in alerts(_watched(args, named(made.where))).items()
        }

    def _uptime(self, args: GcpMonitoringArgs, made: _Made) -> dict[str, monitoring.AlertPolicy]:
        if args.url is None or not args.warm:
            return {}
        host = pulumi.Output.from_input(args.url).apply(lambda url: str(urlsplit(url).hostname))
        check = monitoring.UptimeCheckConfig(
            self._named("check"),
            **uptime.check(args.plan, host, args.health_path, signed=args.signed),
            opts=self._child(args.after),
        )
        if args.signed:
            # The first check of a project makes the account.
            cloudrunv2.ServiceIamMember(
                self._named("caller"),
                project=args.plan.target.project,
                location=args.plan.target.region,
                name=args.where["service"],
                role=uptime.ROLE,
                member=uptime.caller(args.plan.place),
                opts=self._child([check]),
            )
        failed = check.uptime_check_id.apply(uptime.conditions)
        return {"uptime": self._policy(args, made, uptime.TOLD, failed)}

    def _policy(
        self,
        args: GcpMonitoringArgs,
        made: _Made,
        told: Told,
        asked: pulumi.Input[list[dict[str, Any]]],
    ) -> monitoring.AlertPolicy:
        return monitoring.AlertPolicy(
            self._named(told.role),
            **policy(args.plan, told),
            conditions=asked,
            documentation=filled(
                lasting(made.where), lambda plain: documentation(_watched(args, plain), told)
            ),
            notification_channels=[
                *(channel.id for channel in made.channels.values()),
                *existing(args.plan.spec.monitoring.alerts.notify),
            ],
            opts=self._child(made.after),
        )

    def _dashboard(self, args: GcpMonitoringArgs, made: _Made) -> pulumi.Output[str]:
        project = args.plan.target.project
        board = monitoring.Dashboard(
            self._named("dashboard"),
            project=project,
            dashboard_json=filled(lasting(made.where), lambda plain: dashboard(_watched(args, plain))),
            opts=self._child(made.after),
        )
        address = "https://console.cloud.google.com/monitoring/dashboards/builder"
        found: pulumi.Output[str] = board.id.apply(
            lambda full: f"{address}/{full.rpartition('/')[2]}?project={project}"
        )
        return found

    def _budget(self, args: GcpMonitoringArgs, made: _Made) -> None:
        mails = [channel.id for role, channel in made.channels.items() if role.startswith("email-")]
        bound = budget(args.plan, mails)
        if bound is not None:
            billing.Budget(self._named("budget"), **bound, opts=self._child(args.after))

    def _named(self, role: str) -> str:
        return f"{self.pulumi_resource_name}-{role}"

    def _child(self, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*after])


def _watched(args: GcpMonitoringArgs, where: Plain) -> Watched:
    signals = signals_of(args.kind, args.plan.target.project, where)
    return Watched(args.plan, signals, args.capacity, args.warm, args.replicas, args.processors)
