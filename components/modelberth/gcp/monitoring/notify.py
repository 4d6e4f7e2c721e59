"""Whom an endpoint's alerts tell: a notification channel for each receiver of `monitoring.alerts.notify`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from modelberth.errors import Problem, shown
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import GcpTarget

__all__ = ["Channel", "channels", "existing", "problems"]

_FIELD: Final = "monitoring.alerts.notify"
# https://docs.cloud.google.com/monitoring/quotas: notification channels of an alerting policy.
_MOST: Final = 16
# Cloud Billing Budget API, AllUpdatesRule: monitoringNotificationChannels; they have to be of mail.
# https://docs.cloud.google.com/billing/docs/how-to/budgets-notification-recipients
_MOST_MAILS_OF_BUDGET: Final = 5


@dataclass(frozen=True, slots=True)
class Channel:
    """A notification channel.

    Attributes:
        role: stays when the order of the receivers changes, and tells no address
        type: as `projects.notificationChannelDescriptors.list` has it
        labels: where messages go; of a webhook a secret, since who knows its address may call it
        title: for a person who reads the list of channels

    """

    role: str
    type: str
    labels: dict[str, str]
    title: str

    @property
    def is_secret(self) -> bool:
        """Whether the labels are one."""
        return self.type != "email"

    def arguments(self, plan: Plan[Any]) -> dict[str, Any]:
        """Return the arguments of `pulumi_gcp.monitoring.NotificationChannel`, its labels left out."""
        return {
            "project": plan.target.project,
            "type": self.type,
            "display_name": f"{plan.named_by_kind()}: {self.title}",
            "user_labels": plan.labels,
        }


def channels(notify: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels that are made for receivers as the spec has them."""
    return tuple(_channel(receiver) for receiver in notify if not _is_channel(receiver))


def existing(notify: Sequence[str]) -> tuple[str, ...]:
    """Return the full names of the channels that are there, such as one to Slack that somebody has let in."""
    return tuple(receiver for receiver in notify if _is_channel(receiver))


def problems(spec: EndpointSpec, target: GcpTarget) -> Iterator[Problem]:
    """Yield the receivers that Cloud Monitoring has no channel for."""
    notify = spec.monitoring.alerts.notify
    for index, receiver in enumerate(notify):
        if receiver.startswith("arn:"):
            hint = "SNS is reached by a webhook of yours that publishes there."
            allowed = "mailto:ADDRESS, an https webhook or a notification channel of the project"
            yield Problem(f"{_FIELD}[{index}]", shown(receiver), allowed, hint)
        if _is_channel(receiver) and not receiver.startswith(f"projects/{target.project}/"):
            allowed = f"a notification channel of project {target.project}"
            yield Problem(f"{_FIELD}[{index}]", shown(receiver), allowed)
    if len(notify) > _MOST:
        hint = "A mailing list, or one webhook that passes on, reaches more."
        yield Problem(_FIELD, f"{len(notify)} receivers", f"{_MOST} of them", hint)
    mails = sum(receiver.startswith("mailto:") for receiver in notify)
    if spec.budget is not None and mails > _MOST_MAILS_OF_BUDGET:
        hint = "A mailing list reaches more."
        yield Problem(
            _FIELD,
            f"{mails} mail addresses",
            f"{_MOST_MAILS_OF_BUDGET} of them, since budget is set",
            hint,
        )


def _is_channel(receiver: str) -> bool:
    return receiver.startswith("projects/")


def _channel(receiver: str) -> Channel:
    if receiver.startswith("mailto:"):
        address = receiver.removeprefix("mailto:")
        return Channel(f"email-{content_digest(address)}", "email", {"email_address": address}, address)
    # The type for an address that carries what proves who calls, if anything does.
    role, host = f"webhook-{content_digest(receiver)}", urlsplit(receiver).hostname
    return Channel(role, "webhook_tokenauth", {"url": receiver}, str(host))
