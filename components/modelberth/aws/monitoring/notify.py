"""Whom an endpoint's alarms tell: an SNS topic of its own for people and webhooks, and topics that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelberth.aws.place import Place
from modelberth.aws.policies import Statement, policy
from modelberth.errors import Problem, shown
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelberth.aws.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import AwsTarget

__all__ = ["Receivers", "problems", "subscriptions", "topic_arn", "topic_name", "topic_policy"]

_TOPIC: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):[A-Za-z0-9_-]{1,256}"
)
_FIELD: Final = "monitoring.alerts.notify"
# CloudWatch, PutMetricAlarm: AlarmActions and OKActions.
_MOST_ACTIONS: Final = 5
# AWS Budgets, CreateBudget: subscribers of a notification, beside one topic.
_MOST_MAILS: Final = 10


@dataclass(frozen=True, slots=True)
class Receivers:
    """Receivers by how AWS reaches them.

    Attributes:
        mails: addresses
        webhooks: https addresses; each has to confirm its subscription, as SNS asks it to
        topics: ARNs of SNS topics that exist

    """

    mails: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()

    @classmethod
    def of(cls, notify: Sequence[str]) -> Receivers:
        """Sort receivers as the spec has them."""
        return cls(
            tuple(one.removeprefix("mailto:") for one in notify if one.startswith("mailto:")),
            tuple(one for one in notify if one.startswith("https:")),
            tuple(one for one in notify if one.startswith("arn:")),
        )

    @property
    def needs_topic(self) -> bool:
        """Whether there is somebody who has to subscribe to a topic."""
        return bool(self.mails or self.webhooks)

    def actions(self, own: str) -> tuple[str, ...]:
        """Return what an alarm tells: the endpoint's own topic, where it has one, and the others."""
        return (*((own,) if self.needs_topic else ()), *self.topics)

    def of_budget(self, own: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the mail addresses and the topics that a budget tells; of those it takes only one.

        Mail goes there directly where that leaves the place to a topic that exists.
        """
        if self.webhooks or len(self.mails) > _MOST_MAILS:
            return (), (own, *self.topics)
        return self.mails, self.topics


def topic_name(plan: Plan[Any]) -> str:
    """Return the name of the endpoint's own topic."""
    return plan.named_by_kind("alarms")


def topic_arn(plan: Plan[Any]) -> str:
    """Return its ARN, which follows from the name."""
    return plan.place.arn("sns", topic_name(plan))


def topic_policy(plan: Plan[Any]) -> str:
    """Return who may send to the topic: the endpoint's alarms, and where it has one its budget."""
    place, topic = plan.place, topic_arn(plan)
    only, alarms = {"StringEquals": {"aws:SourceAccount": place.account}}, f"alarm:{plan.named_by_kind()}-*"
    statements = [
        Statement(
            "Alarms",
            ["sns:Publish"],
            [topic],
            {"Service": ["cloudwatch.amazonaws.com"]},
            {**only, "ArnLike": {"aws:SourceArn": place.arn("cloudwatch", alarms)}},
        ),
        Statement(
            "Encrypted",
            ["sns:Publish"],
            [topic],
            {"AWS": ["*"]},
            {"Bool": {"aws:SecureTransport": "false"}},
            effect="Deny",
        ),
    ]
    if plan.spec.budget is not None:
        # https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
        source = f"arn:{place.partition}:budgets::{place.account}:*"
        statements.append(
            Statement(
                "Budget",
                ["sns:Publish"],
                [topic],
                {"Service": ["budgets.amazonaws.com"]},
                {**only, "ArnLike": {"aws:SourceArn": source}},
            )
        )
    return policy(*statements)


def subscriptions(receivers: Receivers) -> dict[str, tuple[str, str]]:
    """Return protocol and address by a role that stays when the order changes, and tells no address."""
    kinds = (("email", receivers.mails), ("https", receivers.webhooks))
    return {
        f"{protocol}-{content_digest(address)}": (protocol, address)
        for protocol, addresses in kinds
        for address in addresses
    }


def problems(spec: EndpointSpec, target: AwsTarget) -> Iterator[Problem]:
    """Yield the receivers that would never be told."""
    place = Place(target.account, target.region)
    notify = spec.monitoring.alerts.notify
    for index, receiver in enumerate(notify):
        if receiver.startswith("arn:"):
            yield from _topic_problems(f"{_FIELD}[{index}]", receiver, place, budget=spec.budget is not None)
        if receiver.startswith("projects/"):
            allowed = "mailto:ADDRESS, an https webhook or the ARN of an SNS topic"
            hint = "A notification channel of Google Cloud tells of what is watched there."
            yield Problem(f"{_FIELD}[{index}]", shown(receiver), allowed, hint)
    receivers = Receivers.of(notify)
    own = place.arn("sns", "own")
    actions = len(receivers.actions(own))
    if actions > _MOST_ACTIONS:
        yield Problem(
            _FIELD,
            f"{len(receivers.topics)} SNS topics",
            f"{_MOST_ACTIONS - receivers.needs_topic} of them",
            "An alarm of CloudWatch tells five topics; mail and webhooks take up one.",
        )
    topics = receivers.of_budget(own)[1]
    if spec.budget is not None and len(topics) > 1:
        yield Problem(
            _FIELD,
            f"{len(receivers.topics)} SNS topics" + (" beside webhooks or mail" if own in topics else ""),
            "one SNS topic and up to ten mail addresses, or no SNS topic, since budget is set",
            "A notification of AWS Budgets tells one topic: subscribe the webhook to yours.",
        )


def _topic_problems(path: str, receiver: str, place: Place, *, budget: bool) -> Iterator[Problem]:
    found = _TOPIC.fullmatch(receiver)
    if found is None:
        allowed = f"the ARN of an SNS topic, arn:{place.partition}:sns:{place.region}:ACCOUNT:TOPIC"
        yield Problem(path, shown(receiver), allowed)
        return
    if (found["partition"], found["region"]) != (place.partition, place.region):
        yield Problem(
            path,
            shown(receiver),
            f"a topic in {place.region} ({place.partition})",
            "An alarm tells topics of its own region only.",
        )
    if budget and found["account"] != place.account:
        # budgets-sns-policy.html: "Cross-account Amazon SNS isn't supported."
        yield Problem(
            path,
            shown(receiver),
            f"a topic of account {place.account}, since budget is set",
            "AWS Budgets tells topics of its own account only.",
        )
