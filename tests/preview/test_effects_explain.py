"""All effects of one endpoint: told once, the gravest first, and nothing where nothing happens."""

from dataclasses import replace
from typing import Any

import pytest

from modelberth.preview.effects import Effect, Kind, Severity, explain
from modelberth.preview.plan import Marker, Op, Step
from modelberth.preview.standins.imitation import replacements
from support.effect_cases.policy_inputs import inline, statement
from support.plans import endpoint, plan, step, under

RUN = "gcp:cloudrunv2/service:Service"
BUCKET = "gcp:storage/bucket:Bucket"
POLICY = "aws:iam/rolePolicy:RolePolicy"
PROCESS = "modelberth:local:Process"
UNGUARDED = {"deletionProtection": False}
OTHER = "random:index/randomPet:RandomPet"
TAGS = ({"tags": {"a": "1"}}, {"tags": {"a": "2"}})


def of(owner: Step, *steps: Step, offline: bool = False, around: tuple[Step, ...] = ()) -> tuple[Effect, ...]:
    below = under(owner, *steps)
    return explain(plan(owner, *below, *around), owner, below, offline=offline)


def kinds(effects: tuple[Effect, ...]) -> list[Kind]:
    return [effect.kind for effect in effects]


def test_nothing_happens_to_an_endpoint() -> None:
    (effect,) = of(endpoint(), step(RUN, {"name": "a"}, {"name": "a"}))
    assert (effect.kind, effect.severity) == (Kind.UNCHANGED, Severity.NONE)
    assert effect.sentence == "`scoring` is unchanged."
    assert effect.urn == endpoint().urn


def test_an_endpoint_without_resources_is_unchanged() -> None:
    assert kinds(of(endpoint(op=Op.CREATE))) == [Kind.UNCHANGED]


def test_nothing_happens_outside_of_the_endpoints() -> None:
    (effect,) = explain(plan(), None, [])
    assert effect.sentence == "Nothing outside of the endpoints changes."


def test_what_is_only_looked_up_is_no_change() -> None:
    assert kinds(of(endpoint(), step(RUN, None, {"name": "a"}, op=Op.READ))) == [Kind.UNCHANGED]


def test_a_new_endpoint_is_told_once() -> None:
    effects = of(
        endpoint(op=Op.CREATE), step(RUN, None, {"name": "a"}), step(BUCKET, None, {}, name="models")
    )
    assert [effect.sentence for effect in effects] == ["`scoring` is new: 2 resources."]
    assert effects[0].severity is Severity.CHANGE


def test_a_new_endpoint_says_when_it_serves() -> None:
    (effect,) = of(endpoint(op=Op.CREATE), step("aws:sagemaker/endpoint:Endpoint", None, {"name": "a"}))
    assert effect.sentence == "`scoring` is new: 1 resource; it usually serves after 4 to 10 minutes."


def test_a_new_public_endpoint_is_dangerous_first() -> None:
    invoker = step(
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
        None,
        {"role": "roles/run.invoker", "member": "allUsers"},
        name="all",
    )
    effects = of(endpoint(op=Op.CREATE), step(RUN, None, {"name": "a"}), invoker)
    assert kinds(effects) == [Kind.NEWLY_PUBLIC, Kind.CREATED]
    assert [effect.severity for effect in effects] == [Severity.DANGER, Severity.CHANGE]


@pytest.mark.parametrize(
    ("action", "resource", "severity"),
    [
        ("s3:GetObject", "arn:aws:s3:::models/*", Severity.CHANGE),
        ("ecr:GetAuthorizationToken", "*", Severity.CHANGE),
        ("s3:*", "arn:aws:s3:::models/*", Severity.DANGER),
        ("s3:GetObject", "*", Severity.DANGER),
    ],
)
def test_a_new_endpoint_may_have_what_it_needs(action: str, resource: str, severity: Severity) -> None:
    granted = step(POLICY, None, inline(statement(action, resource)), name="policy")
    effects = of(endpoint(op=Op.CREATE), step(RUN, None, {}), granted)
    (wider,) = [effect for effect in effects if effect.kind is Kind.PERMISSIONS_WIDENED]
    assert wider.severity is severity
    assert action in wider.sentence


def test_what_an_endpoint_gets_later_is_dangerous() -> None:
    granted = step(POLICY, None, inline(statement("s3:GetObject")), name="policy")
    (effect,) = [e for e in of(endpoint(), granted) if e.kind is Kind.PERMISSIONS_WIDENED]
    assert effect.severity is Severity.DANGER


def test_a_new_stack_may_grant_what_stands_alone() -> None:
    granted = step(POLICY, None, inline(statement("s3:GetObject")), name="policy")
    (effect,) = [
        e for e in explain(plan(granted, op=Op.CREATE), None, [granted]) if e.kind is Kind.PERMISSIONS_WIDENED
    ]
    assert effect.severity is Severity.CHANGE


def test_a_removed_endpoint_is_told_once_and_its_data_by_name() -> None:
    effects = of(
        endpoint(op=Op.DELETE),
        step(RUN, UNGUARDED, None),
        step(BUCKET, {"forceDestroy": True}, None, name="models"),
    )
    assert kinds(effects) == [Kind.REMOVED, Kind.DATA_DELETED]
    assert effects[0].sentence == "`scoring` is removed with its 2 resources: calls to it fail from then on."
    assert {effect.severity for effect in effects} == {Severity.DANGER}


def test_an_endpoint_that_is_left_where_it_is() -> None:
    (effect,) = of(endpoint(op=Op.DELETE), step(RUN, {}, None, retain=True))
    assert (effect.kind, effect.severity) == (Kind.REMOVED, Severity.CHANGE)
    assert "leaves this stack" in effect.sentence


def test_the_gravest_come_first_then_the_order_of_the_program() -> None:
    effects = of(
        endpoint(),
        step(OTHER, *TAGS, name="first"),
        step(RUN, {"template": {"a": 1}}, {"template": {"a": 2}}, name="second"),
        step(BUCKET, {}, None, name="third"),
        step(OTHER, None, {}, name="fourth"),
    )
    names = [effect.urn.rpartition("::")[2] for effect in effects]
    assert names == ["third", "first", "second", "fourth"]


def test_every_change_is_told() -> None:
    changed = [step(OTHER, *TAGS, name=f"pet-{number}") for number in range(20)]
    assert len(explain(plan(*changed), None, changed)) == 20


@pytest.mark.parametrize("token", [RUN, "kubernetes:apps/v1:Deployment", "made:up:Thing"])
def test_offline_a_type_without_a_row_is_said_to_be_unknown(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {RUN: replacements.Replacements((), "", is_complete=True)}
    monkeypatch.setattr(replacements, "of", rows.get)
    changed = step(token, {"spec": {"template": {"a": 1}}}, {"spec": {"template": {"a": 2}}})
    (online,) = explain(plan(changed), None, [changed])
    (offline,) = explain(plan(changed), None, [changed], offline=True)
    assert online.kind is not Kind.UNKNOWN
    assert (offline.kind is Kind.UNKNOWN) is (token not in rows)
    if offline.kind is Kind.UNKNOWN:
        assert f"not known offline, since no table has a row for {token}." in offline.sentence


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            replacements.Replacements(("a",), "", is_complete=False),
            "only a part of what replaces made:up:Thing",
        ),
        (
            replacements.Replacements((), "", is_complete=True, conditional=("size", "b")),
            "since a change of `size` does so in some cases only.",
        ),
        (replacements.Replacements((), "", is_complete=True, conditional=("b",)), ""),
    ],
)
def test_offline_a_row_that_leaves_it_open_is_said_to(
    row: replacements.Replacements, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacements, "of", {"made:up:Thing": row}.get)
    changed = step("made:up:Thing", {"size": 1, "c": 1}, {"size": 2, "c": 2})
    (effect,) = explain(plan(changed), None, [changed], offline=True)
    assert (effect.kind is Kind.UNKNOWN) is bool(reason)
    assert reason in effect.sentence
    tagged = step("made:up:Thing", {"tags": {"a": "1"}}, {"tags": {"a": "2"}})
    assert Kind.UNKNOWN not in kinds(explain(plan(tagged), None, [tagged], offline=True))


def test_offline_what_else_is_known_is_still_told() -> None:
    changed = step("made:up:Thing", {"a": 1}, {"a": 2}, protect_before=True)
    assert kinds(explain(plan(changed), None, [changed], offline=True)) == [
        Kind.PROTECTION_LIFTED,
        Kind.UNKNOWN,
    ]


def test_offline_a_row_that_is_there_is_used() -> None:
    changed = step(RUN, {"template": {"a": 1}}, {"template": {"a": 2}})
    assert kinds(explain(plan(changed), None, [changed], offline=True)) == [Kind.ROLLING]


def spec(**model: Any) -> dict[str, Any]:
    return {"spec": {"name": "scoring", "model": {"uri": "s3://models/a.onnx", **model}}}


def test_a_new_model_is_named() -> None:
    owner = endpoint(spec(sha256="ab" * 32), spec(sha256="cd" * 32, uri="s3://models/b.onnx"), op=Op.UPDATE)
    effects = of(owner, step(RUN, {"template": {"a": 1}}, {"template": {"a": 2}}))
    (effect,) = [effect for effect in effects if effect.urn == owner.urn]
    assert effect.sentence == (
        "`scoring` serves a new model: uri 's3://models/a.onnx' → 's3://models/b.onnx' and "
        "sha256 'abababab…' → 'cdcdcdcd…'."
    )
    assert effect.paths == ("spec.model.uri", "spec.model.sha256")


def test_a_new_model_of_a_variant_is_named() -> None:
    before, after = (
        {"spec": {"variants": {"cheap": {"model": {"version": version}, "weight": 10}}}} for version in "12"
    )
    effects = of(endpoint(before, after, op=Op.UPDATE), step(RUN, *TAGS))
    assert any("serves a new model as variant `cheap`: version '1' → '2'" in e.sentence for e in effects)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (spec(sha256="ab"), spec(sha256="ab"), True),
        (spec(sha256="ab"), spec(sha256="cd"), False),
        ({}, spec(sha256="cd"), True),
        ({"spec": Marker.UNKNOWN}, spec(sha256="cd"), True),
    ],
    ids=["the same model", "no resource changes", "no spec before", "a spec that is not known"],
)
def test_no_new_model_is_made_up(before: Any, after: Any, changed: bool) -> None:
    resource = step(RUN, *TAGS) if changed else step(RUN, {}, {})
    effects = of(endpoint(before, after, op=Op.UPDATE), resource)
    assert not any("new model" in effect.sentence for effect in effects)


def test_a_model_that_the_process_names_is_named_once() -> None:
    owner = endpoint(spec(sha256="ab" * 32), spec(sha256="cd" * 32), op=Op.UPDATE)
    effects = of(owner, step(PROCESS, {"modelSha256": "ab" * 32}, {"modelSha256": "cd" * 32}))
    (effect,) = effects
    assert effect.sentence == (
        "`scoring` hands over to new processes at the same address without a failed request: a new model: "
        "sha256 'abababab…' → 'cdcdcdcd…'."
    )


def test_an_endpoint_that_is_no_longer_protected() -> None:
    owner = replace(endpoint(), protect_before=True)
    (effect,) = of(owner, step(RUN, {}, {}))
    assert (effect.kind, effect.severity) == (Kind.PROTECTION_LIFTED, Severity.DANGER)


PROVIDER = "pulumi:providers:aws"


def provider(before: str, after: str, name: str = "cloud") -> Step:
    return step(PROVIDER, {"region": before}, {"region": after}, name=name)


def moved(effects: tuple[Effect, ...]) -> list[str]:
    return [effect.sentence for effect in effects if effect.kind is Kind.REGION_CHANGED]


LOGS = "aws:cloudwatch/logGroup:LogGroup"


def test_an_endpoint_moves_with_its_provider() -> None:
    effects = of(endpoint(), step(LOGS, {}, {}), around=(provider("eu-central-1", "us-east-1"),))
    assert moved(effects) == [
        "`scoring` moves from 'eu-central-1' to 'us-east-1': requests and stored data go to another region."
    ]


def test_a_move_is_told_once_for_all_resources() -> None:
    old, new = {"region": "eu-central-1"}, {"region": "us-east-1"}
    resources = [step(LOGS, old, new, name=name, replaces=["region"]) for name in ("a", "b")]
    assert len(moved(of(endpoint(), *resources, around=(provider("eu-central-1", "us-east-1"),)))) == 1


def test_of_two_providers_the_one_that_makes_the_resource_counts() -> None:
    here, there = provider("eu-central-1", "us-east-1", "here"), provider("eu-west-1", "eu-west-1", "there")
    assert moved(of(endpoint(), step(LOGS, {}, {}, provider=here.urn), around=(here, there)))
    assert not moved(of(endpoint(), step(LOGS, {}, {}, provider=there.urn), around=(here, there)))
    assert not moved(of(endpoint(), step(LOGS, {}, {}), around=(here, there)))


@pytest.mark.parametrize(
    ("token", "before", "after", "moves"),
    [
        (BUCKET, {"location": "EU"}, {"location": "US"}, True),
        ("azure-native:app:ContainerApp", {"location": "westeurope"}, {"location": "northeurope"}, True),
        ("azure-native:app:ContainerApp", {"location": "West Europe"}, {"location": "westeurope"}, False),
        (RUN, {"location": "europe-west4"}, {"location": Marker.UNKNOWN}, False),
        (RUN, {}, {"location": "europe-west4"}, False),
        (OTHER, {"location": "a"}, {"location": "b"}, False),
    ],
)
def test_a_resource_moves(token: str, before: Any, after: Any, moves: bool) -> None:
    effects = of(endpoint(), step(token, before, after, replaces=["location"]))
    assert bool(moved(effects)) is moves
    assert all(e.severity is Severity.DANGER for e in effects if e.kind is Kind.REGION_CHANGED)


def test_what_stands_alone_moves_by_name() -> None:
    bucket = step(BUCKET, {"location": "EU"}, {"location": "US"}, name="models", replaces=["location"])
    assert moved(explain(plan(bucket), None, [bucket]))[0].startswith("`models` moves from 'EU' to 'US'")
