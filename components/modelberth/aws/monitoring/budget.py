"""The bound of an endpoint's cost, as AWS Budgets watches it: by the tags that everything of it has.

Costs are split by a tag only after it was activated as a cost allocation tag in the payer's account, once for
all endpoints, and only from then on; until it is, the budget shows 0 and never tells anything.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelberth.aws.monitoring.notify import Receivers, topic_arn

if TYPE_CHECKING:
    from modelberth.aws.plan import Plan

__all__ = ["COST_TAGS", "budget"]

COST_TAGS: Final = ("modelberth:project", "modelberth:stack", "modelberth:endpoint")
"""Keys of the tags that together tell an endpoint; they have to be activated."""


def budget(plan: Plan[Any]) -> dict[str, Any] | None:
    """Return the arguments of `pulumi_aws.budgets.Budget`; None where the spec has none.

    It tells when what was spent passes `alert_percent`, and when what is forecast for the month passes all.
    """
    bound = plan.spec.budget
    if bound is None:
        return None
    mails, topics = Receivers.of(plan.spec.monitoring.alerts.notify).of_budget(topic_arn(plan))
    told = {
        **({"subscriber_email_addresses": [*mails]} if mails else {}),
        **({"subscriber_sns_topic_arns": [*topics]} if topics else {}),
    }
    kinds = (("ACTUAL", bound.alert_percent), ("FORECASTED", 100))
    return {
        "name": plan.named_by_kind("budget", longest=100),
        "account_id": plan.target.account,
        "budget_type": "COST",
        "time_unit": "MONTHLY",
        "limit_amount": f"{bound.monthly_usd:.2f}",
        "limit_unit": "USD",
        "metrics": "UnblendedCost",
        "filter_expression": {
            "ands": [{"tags": {"key": key, "values": [plan.tags[key]]}} for key in COST_TAGS]
        },
        # A notification that reaches nobody is refused; the console shows the budget all the same.
        "notifications": [
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": kind,
                "threshold": float(percent),
                "threshold_type": "PERCENTAGE",
                **told,
            }
            for kind, percent in kinds
            if told
        ],
        "tags": plan.tags,
    }
