"""Whom alerts and budgets tell."""

import json
from typing import Any

import pytest
from pulumi_gcp import billing, monitoring

from modelberth.gcp.monitoring.budget import apis, budget
from modelberth.gcp.monitoring.budget import problems as budget_problems
from modelberth.gcp.monitoring.notify import Channel, channels, existing, problems
from modelberth.spec.cloud_run import CloudRunTarget
from support.gcp_blocks import PLACE, spec
from support.gcp_watched import BILLING, KINDS, TARGETS, plan

MAIL, HOOK = "mailto:iris@example.com", "https://hooks.example.com/iris?key=1"
MONEY = {"monthly_usd": 50.5}
MAILS = tuple(f"mailto:{one}@example.com" for one in range(20))


def found(*notify: str, **fields: Any) -> list[str]:
    made = spec(monitoring={"alerts": {"notify": list(notify)}}, **fields)
    return [str(one) for one in problems(made, TARGETS["cloud_run"])]


def test_mail_and_webhooks_get_a_channel_each() -> None:
    mail, hook = channels([MAIL, HOOK])
    assert mail == Channel(mail.role, "email", {"email_address": "iris@example.com"}, "iris@example.com")
    assert hook == Channel(hook.role, "webhook_tokenauth", {"url": HOOK}, "hooks.example.com")
    assert (mail.is_secret, hook.is_secret) == (False, True)
    made = hook.arguments(plan())
    monitoring.NotificationChannelArgs(**made, labels=hook.labels)
    assert made["display_name"] == "shop-prod-iris-cloud-run: hooks.example.com"
    assert made["user_labels"] == plan().labels
    assert "key=1" not in json.dumps(made)


def test_channels_keep_their_names_and_do_not_tell_the_address() -> None:
    there, back = ([one.role for one in channels(notify)] for notify in ([MAIL, HOOK], [HOOK, MAIL]))
    assert there == back[::-1]
    assert [one.partition("-")[0] for one in there] == ["email", "webhook"]
    assert not any("example" in role for role in there)


@pytest.mark.parametrize("notify", [(), (MAIL,), (MAIL, HOOK), MAILS[:16]])
def test_what_can_be_told_is_taken(notify: tuple[str, ...]) -> None:
    assert found(*notify) == []


def test_what_nobody_would_be_told_is_refused() -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:pager"
    (sns,) = found(MAIL, topic)
    assert sns == (
        f"monitoring.alerts.notify[1]: given '{topic}', allowed: mailto:ADDRESS, an https webhook or "
        "a notification channel of the project. "
        "SNS is reached by a webhook of yours that publishes there."
    )
    (many,) = found(*MAILS[:17])
    assert "monitoring.alerts.notify: given 17 receivers, allowed: 16 of them" in many


def test_a_channel_that_is_there_is_told_and_not_made() -> None:
    channel = f"projects/{PLACE.project}/notificationChannels/42"
    assert [one.type for one in channels([MAIL, channel])] == ["email"]
    assert existing([MAIL, channel]) == (channel,)
    assert found(MAIL, channel) == []
    (foreign,) = found("projects/other/notificationChannels/42")
    assert f"allowed: a notification channel of project {PLACE.project}" in foreign


def test_a_budget_tells_five_mail_addresses() -> None:
    assert found(*MAILS[:5], HOOK, budget=MONEY) == []
    assert found(*MAILS[:6]) == []
    (many,) = found(*MAILS[:6], budget=MONEY)
    assert "given 6 mail addresses, allowed: 5 of them, since budget is set" in many


@pytest.mark.parametrize("kind", KINDS)
def test_a_budget_counts_what_has_the_endpoints_label_in_its_project(kind: str) -> None:
    made = budget(plan(kind, budget={**MONEY, "alert_percent": 60}), ["projects/1/notificationChannels/2"])
    assert made is not None
    billing.BudgetArgs(**made)
    billing.BudgetBudgetFilterArgs(**made["budget_filter"])
    billing.BudgetAmountSpecifiedAmountArgs(**made["amount"]["specified_amount"])
    billing.BudgetAllUpdatesRuleArgs(**made["all_updates_rule"])
    assert made["billing_account"] == BILLING
    assert made["display_name"] == f"shop-prod-iris-{kind.replace('_', '-')}-budget"
    assert made["budget_filter"]["labels"] == {"modelberth-endpoint": "iris"}
    assert made["budget_filter"]["projects"] == [f"projects/{PLACE.number}"]
    amount = made["amount"]["specified_amount"]
    assert amount == {"currency_code": "USD", "units": "50", "nanos": 500_000_000}
    for rule in made["threshold_rules"]:
        billing.BudgetThresholdRuleArgs(**rule)
    kinds = {one["spend_basis"]: one["threshold_percent"] for one in made["threshold_rules"]}
    assert kinds == {"CURRENT_SPEND": 0.6, "FORECASTED_SPEND": 1.0}
    assert made["all_updates_rule"] == {
        "monitoring_notification_channels": ["projects/1/notificationChannels/2"],
        "disable_default_iam_recipients": True,
    }


def test_without_mail_a_budget_tells_who_administers_the_account() -> None:
    made = budget(plan(budget=MONEY))
    assert made is not None
    assert "all_updates_rule" not in made


def test_a_long_name_stays_within_what_a_budget_takes() -> None:
    made = budget(plan(budget=MONEY, name="iris-of-a-name-that-goes-on-long"))
    assert made is not None
    assert len(made["display_name"]) <= 60


def test_a_budget_needs_the_billing_account() -> None:
    place = {"project": PLACE.project, "project_number": PLACE.number, "region": PLACE.region}
    without = CloudRunTarget(**place)
    (problem,) = budget_problems(spec(budget=MONEY), without)
    assert str(problem) == (
        "target.billing_account: given nothing, allowed: the billing account, since budget is set. "
        "`gcloud billing projects describe shop-prod` prints it. Or leave out budget."
    )
    assert [*budget_problems(spec(), without)] == []
    assert [*budget_problems(spec(budget=MONEY), TARGETS["cloud_run"])] == []
    assert (budget(plan()), apis(spec())) == (None, ())
    assert apis(spec(budget=MONEY)) == ("billingbudgets.googleapis.com",)


@pytest.mark.parametrize("account", ["012345-6789ab-CDEF01", "billingAccounts/012345-6789AB-CDEF01", "1-2-3"])
def test_what_is_no_billing_account_is_refused(account: str) -> None:
    with pytest.raises(ValueError, match="the id of a billing account"):
        CloudRunTarget(
            project=PLACE.project, project_number=PLACE.number, region=PLACE.region, billing_account=account
        )


def test_whole_dollars_have_no_cents() -> None:
    made = budget(plan(budget={"monthly_usd": 50}))
    assert made is not None
    assert made["amount"]["specified_amount"] == {"currency_code": "USD", "units": "50"}
