"""Who may call an endpoint, what it may read and what it costs idle: answered from the real graphs."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from modelberth.preview.assemble import assemble
from modelberth.preview.cost import Prices
from modelberth.preview.plan import Op, Plan, Step
from modelberth.preview.render import markdown, terminal, to_dict
from modelberth.preview.render.answered import answered
from modelberth.preview.report import EndpointReport, Report
from support.answered import reported
from support.aws_plans import MODES, ROLE, Mode, made, mode, registered

PRICES: Final = Prices.load()
TODAY: Final = date(2026, 11, 22)
IAM: Final = "whom IAM policies in account 123456789012 let"
ROUTES: Final = "by 10 routes of an HTTP API on the internet"
REFUSES: Final = "an address on the internet that refuses what is not signed"
LATER: Final = "known after the update, since it names what that makes"
BY_API: Final = f"{IAM} `lambda:InvokeFunction`, by Lambda's own API: every request is signed"


def endpoint(which: str | Mode, op: Op = Op.CREATE, *, keys_known: bool = False) -> EndpointReport:
    """The report of a mode of the Lambda endpoint."""
    recorder = registered(which)[0] if isinstance(which, str) else made(which)[0]
    args = (MODES[which] if isinstance(which, str) else which).args
    return reported("LambdaEndpoint", args, recorder.resources, op, keys_known=keys_known)


def callers(which: str | Mode) -> list[str]:
    answers = endpoint(which).answers
    assert answers is not None
    return [*answers.callers]


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("minimal", [BY_API]),
        (
            "invoked by role and account",
            [
                BY_API,
                f"`{ROLE}`, by the function's own policy",
                "whom IAM policies in account 210987654321 let, by the function's own policy",
            ],
        ),
        (
            "url",
            [
                BY_API,
                f"{IAM} `lambda:InvokeFunctionUrl`, by `iris-url`, {REFUSES}",
                f"`{ROLE}`, by the function's own policy",
            ],
        ),
        (
            "url, open",
            [BY_API, "anybody on the internet, without credentials, by the address `iris-url`"],
        ),
        (
            "api, tokens",
            [
                BY_API,
                f"whoever has a token of 'https://login.example.com' for 'iris', {ROUTES}",
            ],
        ),
        (
            "api, signatures",
            [
                BY_API,
                f"{IAM} `execute-api:Invoke`, {ROUTES}: every request is signed",
            ],
        ),
        (
            "api, open",
            [
                BY_API,
                "anybody on the internet, without credentials, by 10 routes of an HTTP API on the internet",
            ],
        ),
    ],
)
def test_who_may_call(which: str, said: list[str]) -> None:
    assert callers(which) == said


def test_every_mode_says_who_may_call_and_what_it_may_read() -> None:
    found = {which: endpoint(which).answers for which in MODES}
    assert len(found) == len(MODES) >= 23
    for which, answers in found.items():
        assert answers is not None, which
        assert answers.callers, which
        if MODES[which].args.spec.model.scheme == "s3":
            assert answers.reads, which
        opens = MODES[which].args.spec.security.auth.kind == "none"
        assert any(one.startswith("anybody") for one in answers.callers) is opens, which


def test_what_it_may_read_is_the_model_and_nothing_else() -> None:
    answers = endpoint("minimal").answers
    assert answers is not None
    assert answers.reads == (
        "`arn:aws:s3:::models/iris/3.onnx`: `s3:GetObject`",
        f"what `iris-identity-keys` allows: {LATER}, such as the key `iris-key-key`",
    )
    assert [one.partition(": ")[2] for one in answers.does] == [
        "`logs:CreateLogStream` and `logs:PutLogEvents`",
        "`sqs:SendMessage`",
    ]


def test_once_the_key_is_there_its_use_is_told_with_its_arn() -> None:
    answers = endpoint(mode(scaling={"min": 0, "max": 10}), Op.SAME, keys_known=True).answers
    assert answers is not None
    (decrypts,) = [one for one in answers.reads if "`kms:Decrypt`" in one]
    assert decrypts.startswith("`arn:aws:kms:eu-central-1:123456789012:key/")
    assert "under a condition" in decrypts


def test_a_model_in_a_folder_is_told_by_its_prefix() -> None:
    folder = mode(model={"uri": "s3://models/iris/", "sha256": "a" * 64})
    answers = endpoint(folder).answers
    assert answers is not None
    assert answers.reads[0] == "`arn:aws:s3:::models/iris/*`: `s3:GetObject`"


def test_a_role_that_is_made_elsewhere_is_its_owners_to_tell() -> None:
    answers = endpoint("own identity and key").answers
    assert answers is not None
    (said,) = answers.reads
    assert said.startswith(
        "what `arn:aws:iam::123456789012:role/iris` may, a role that this stack does not make"
    )


def test_a_right_too_wide_is_named() -> None:
    """The opposite: somebody gave the role every object of every bucket."""
    owner = Step(
        urn="urn:pulumi:dev::shop::modelberth:index:LambdaEndpoint::iris",
        op=Op.CREATE,
        custom=False,
        after={},
    )
    wide = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    policy = Step(
        urn="urn:pulumi:dev::shop::aws:iam/rolePolicy:RolePolicy::iris-more",
        op=Op.CREATE,
        parent=owner.urn,
        after={"role": "iris", "policy": json.dumps(wide)},
    )
    plan = Plan(project="shop", stack="dev", steps=(owner, policy))
    (found,) = assemble(plan, PRICES, offline=True, today=TODAY, before="nothing").endpoints
    assert found.answers is not None
    assert found.answers.does == ("everything: `s3:*`, which is more than an endpoint needs",)


def idle(which: str | Mode) -> str:
    said = {answer.question: answer.sentences for answer in answered(endpoint(which))}
    return said["What it costs without a request"][0]


def test_an_idle_function_costs_its_key_alarms_and_dashboard() -> None:
    place = {"region": "us-east-1", "image": _image("us-east-1")}
    assert idle(mode(place, scaling={"min": 0, "max": 10})) == (
        "$4.60 a month: CloudWatch: dashboard $3.00, KMS: key $1.00 and 4 of CloudWatch: alarm $0.60; "
        "prices of 2026-07-30 to 2026-08-01"
    )


def test_what_is_kept_warm_is_paid_for() -> None:
    place = {"region": "us-east-1", "image": _image("us-east-1")}
    warm = idle(mode(place, scaling={"min": 1, "max": 10}))
    assert warm.startswith("$")
    assert "Lambda: provisioned concurrency" in warm


def test_what_has_no_price_in_the_region_is_said_and_not_guessed() -> None:
    said = idle("idle costs nothing")
    assert said.startswith(
        "at least $1.00 a month: KMS: key $1.00; prices of 2026-09-09; 5 left out: no price"
    )
    assert "eu-central-1 (known: us-east-1)" in said


def test_every_form_of_a_report_shows_the_answers() -> None:
    one = endpoint("api, tokens")
    step = Step(urn=one.urn, op=Op.CREATE, custom=False)
    report = Report(plan=Plan(project="shop", stack="dev", steps=(step,)), endpoints=(one,), offline=True)
    shown = markdown(report)
    raw = io.StringIO()
    terminal(report, Console(file=raw, width=300))
    told = to_dict(report)["endpoints"][0]["answers"]
    assert told is not None
    assert told["idle"].startswith("at least $1.00 a month")
    for answer in answered(one):
        assert f"- **{answer.question}**" in shown
        assert answer.question in raw.getvalue()
    assert "login.example.com" in shown
    assert "whoever has a token of 'https://login.example.com'" in raw.getvalue()
    assert any("https://login.example.com" in one for one in told["callers"])


def test_nothing_is_answered_of_what_is_left_as_it_is() -> None:
    assert not [*answered(endpoint("minimal", Op.SAME))]


def _image(region: str) -> str:
    return f"123456789012.dkr.ecr.{region}.amazonaws.com/models/iris@sha256:{'1' * 64}"


def test_the_guide_shows_the_questions() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "previews.md").read_text(encoding="utf-8")
    questions = [answer.question for answer in answered(endpoint("minimal"))]
    assert len(questions) == 4
    for question in questions:
        assert f"**{question}**" in guide
