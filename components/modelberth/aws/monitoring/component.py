"""`AwsMonitoring`: what watches an endpoint, of whatever kind; a kind brings its signals and its bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import budgets, cloudwatch, sns

from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.alarms import alarms
from modelberth.aws.monitoring.budget import budget
from modelberth.aws.monitoring.burn_alarms import burn_alarms
from modelberth.aws.monitoring.dashboard import dashboard
from modelberth.aws.monitoring.notify import Receivers, subscriptions, topic_arn, topic_name, topic_policy
from modelberth.aws.monitoring.signals import CONFIG, VERSION, Where, signals_of
from modelberth.aws.plan import Plan
from modelberth.spec.rollout import Guard

__all__ = ["AwsMonitoring", "AwsMonitoringArgs"]


@dataclass(frozen=True)
class AwsMonitoringArgs:
    """What to watch.

    Attributes:
        plan: the endpoint
        kind: of endpoint, as `signals.toml` has it
        where: what its metrics' dimensions are; `version` only while two serve, and of the new one; `config`
            only where the service takes an update back
        key: encrypts the topic; lets CloudWatch use it, and with a budget AWS Budgets: `for_alarms` and
            `for_budgets` of `key_policy`
        log_group: name of the log group that the dashboard asks
        capacity: most requests that can be in progress at once, where there is such a bound; at one replica,
            where `replicas` says how many of these there may be
        warm: replicas that are kept ready
        replicas: most of them, where one computes several requests at once
        update: what must hold of an update while the service brings it in, where it takes an update back

    """

    plan: Plan[Any]
    kind: str
    where: Where
    key: EncryptionKey
    log_group: str
    capacity: int | None = None
    warm: int = 0
    replicas: int | None = None
    update: Guard | None = None


@dataclass(frozen=True)
class _Told:
    """Whom alarms tell: topics, and what has to be there before them."""

    actions: tuple[str, ...] = ()
    after: list[pulumi.Resource] = field(default_factory=list)


class AwsMonitoring(pulumi.ComponentResource):
    """Alarms, the topic that they tell, a dashboard and a budget."""

    alarms: Mapping[str, cloudwatch.MetricAlarm | cloudwatch.CompositeAlarm]
    """By role: those that tell somebody, such as `errors` or `burn-1h`, and the windows of the others."""
    dashboard_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: AwsMonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:AwsMonitoring", name, {}, opts)
        told = self._topic(args)
        self.alarms = self._alarms(args, told)
        self.dashboard_name = self._dashboard(args)
        self._budget(args, told)
        self.register_outputs({"dashboard_name": self.dashboard_name})

    def _topic(self, args: AwsMonitoringArgs) -> _Told:
        plan, receivers = args.plan, Receivers.of(args.plan.spec.monitoring.alerts.notify)
        arn, region = topic_arn(plan), plan.target.region
        if not receivers.needs_topic:
            return _Told(receivers.actions(arn))
        topic = sns.Topic(
            self._named("topic"),
            name=topic_name(plan),
            region=region,
            # CloudWatch may not use the service's own key, alias/aws/sns: its policy cannot be changed.
            kms_master_key_id=args.key.arn,
            # SHA-256; 1 is SHA-1.
            signature_version=2,
            tags=plan.tags,
            opts=self._child(),
        )
        after: list[pulumi.Resource] = [topic]
        after.append(
            sns.TopicPolicy(
                self._named("topic-policy"),
                arn=topic.arn,
                policy=topic_policy(plan),
                region=region,
                opts=self._child(),
            )
        )
        for role, (protocol, address) in subscriptions(receivers).items():
            sns.TopicSubscription(
                self._named(role),
                topic=topic.arn,
                protocol=protocol,
                # Who knows the address of a webhook may call it.
                endpoint=pulumi.Output.secret(address) if protocol == "https" else address,
                region=region,
                opts=self._child(),
            )
        return _Told(receivers.actions(arn), after)

    def _alarms(
        self, args: AwsMonitoringArgs, told: _Told
    ) -> dict[str, cloudwatch.MetricAlarm | cloudwatch.CompositeAlarm]:
        watched = _watched(args, args.where)
        burning = burn_alarms(watched, told.actions)
        single = {**alarms(watched, told.actions), **burning.windows}
        made = {
            role: cloudwatch.MetricAlarm(self._named(role), **one, opts=self._child(told.after))
            for role, one in single.items()
        }
        # A composite alarm names others, which have to be there.
        windows = [made[role] for role in burning.windows]
        both = {
            role: cloudwatch.CompositeAlarm(
                self._named(role), **one, opts=self._child([*told.after, *windows])
            )
            for role, one in burning.both.items()
        }
        return {**made, **both}

    def _dashboard(self, args: AwsMonitoringArgs) -> pulumi.Output[str]:
        # Versions are found by the dashboard itself, which then need not change with each.
        where = {word: value for word, value in args.where.items() if word not in {VERSION, CONFIG}}
        body = pulumi.Output.all(**where).apply(lambda plain: dashboard(_watched(args, plain)))
        made = cloudwatch.Dashboard(
            self._named("dashboard"),
            dashboard_name=args.plan.named_by_kind(longest=255),
            dashboard_body=body,
            region=args.plan.target.region,
            opts=self._of_the_account(),
        )
        return made.dashboard_name

    def _budget(self, args: AwsMonitoringArgs, told: _Told) -> None:
        bound = budget(args.plan)
        if bound is not None:
            budgets.Budget(self._named("budget"), **bound, opts=self._of_the_account(told.after))

    def _named(self, role: str) -> str:
        return f"{self.pulumi_resource_name}-{role}"

    def _child(self, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*after])

    def _of_the_account(self, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of what has its name in every region: in another one, a new one would meet the old."""
        only = pulumi.ResourceOptions(delete_before_replace=True)
        return pulumi.ResourceOptions.merge(self._child(after), only)


def _watched(args: AwsMonitoringArgs, where: Where) -> Watched:
    return Watched(
        args.plan,
        signals_of(args.kind, where),
        args.capacity,
        args.warm,
        args.log_group,
        args.replicas,
        args.update,
    )
