"""The bound of an endpoint's cost, as Cloud Billing watches it: by the label that everything of it has.

A budget's filter takes a single label: another stack's endpoint of the same name in the same project counts
as well. Labels are in the bill by themselves.
https://docs.cloud.google.com/billing/docs/how-to/budgets
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import ServiceTarget

__all__ = ["COST_LABEL", "apis", "budget", "problems"]

COST_LABEL: Final = "modelberth-endpoint"
"""Key of the label that tells an endpoint in the bill."""
_API: Final = "billingbudgets.googleapis.com"
_LONGEST_NAME: Final = 60  # Cloud Billing Budget API, Budget: displayName
_NANOS: Final = 10**9


def apis(spec: EndpointSpec) -> tuple[str, ...]:
    """Return what has to be enabled besides, for `GcpServicesArgs.more`."""
    return () if spec.budget is None else (_API,)


def budget(plan: Plan[Any], mails: Sequence[pulumi.Input[str]] = ()) -> dict[str, Any] | None:
    """Return the arguments of `pulumi_gcp.billing.Budget`; None where the spec has none.

    It tells when what was spent passes `alert_percent`, and when what is forecast for the month passes all.

    Args:
        plan: the endpoint
        mails: full names of the channels of mail that are told; none: who administers the billing account

    """
    bound, account = plan.spec.budget, plan.target.billing_account
    if bound is None or account is None:
        return None
    units, nanos = divmod(round(bound.monthly_usd * _NANOS), _NANOS)
    # Google leaves out a 0, and each preview would show a change.
    cents = {"nanos": nanos} if nanos else {}
    told = {"monitoring_notification_channels": [*mails], "disable_default_iam_recipients": True}
    return {
        "billing_account": account,
        "display_name": plan.named_by_kind("budget", longest=_LONGEST_NAME),
        # What is not in US dollars is refused by an account that is billed in another currency.
        "amount": {"specified_amount": {"currency_code": "USD", "units": str(units), **cents}},
        "budget_filter": {
            "projects": [f"projects/{plan.target.project_number}"],
            "labels": {COST_LABEL: plan.labels[COST_LABEL]},
            "calendar_period": "MONTH",
            # A credit would hide what is spent until it is used up.
            "credit_types_treatment": "EXCLUDE_ALL_CREDITS",
        },
        "threshold_rules": [
            {"threshold_percent": bound.alert_percent / 100, "spend_basis": "CURRENT_SPEND"},
            {"threshold_percent": 1.0, "spend_basis": "FORECASTED_SPEND"},
        ],
        **({"all_updates_rule": told} if mails else {}),
    }


def problems(spec: EndpointSpec, target: ServiceTarget) -> Iterator[Problem]:
    """Yield a budget that nobody could watch, and an account with nothing to watch."""
    if spec.budget is not None and target.billing_account is None:
        hint = f"`gcloud billing projects describe {target.project}` prints it. Or leave out budget."
        yield Problem("target.billing_account", "nothing", "the billing account, since budget is set", hint)
    if spec.budget is None and target.billing_account is not None:
        yield Problem("target.billing_account", shown(target.billing_account), "nothing without budget")
