"""What is to be a secret by its name is shown nowhere, in whatever shape names and values come."""

import json
from typing import Any

import pytest

from modelberth.errors import is_secret, is_secret_assignment, named_by
from modelberth.preview.concealment import concealed, concealed_entries
from modelberth.preview.events import read_plan
from modelberth.preview.plan import Marker
from modelberth.preview.render.raw_diff import raw_diff
from modelberth.preview.standins.journal import Call, Journal
from modelberth.preview.standins.sdk.refusals import refusal
from modelberth.preview.standins.sdk.shapes import Choice

CANARY = "canary-71c0"

SHAPES: list[Any] = [
    {"containers": [{"env": [{"name": "API_TOKEN", "value": CANARY}]}]},  # Kubernetes, Container Apps
    {"template": {"containers": [{"envs": [{"name": "DB_PASSWORD", "value": CANARY}]}]}},  # Cloud Run
    {"environments": [{"Name": "SECRET", "Value": CANARY}]},  # as CloudFormation writes it
    {"options": [{"key": "api-key", "value": CANARY}]},
    {"containerDefinitions": json.dumps([{"environment": [{"name": "API_TOKEN", "value": CANARY}]}])},  # ECS
    {"envs": ["MODE=on", f"TOKEN={CANARY}"]},  # Docker
    {"args": ["serve", f"--api-token={CANARY}"]},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_lists_of_names_and_values_are_concealed_in_every_shape(shape: Any) -> None:
    for found in (concealed_entries(shape, Marker.SECRET), concealed(shape, "", "[secret]")):
        assert CANARY not in repr(found)
        assert "secret" in repr(found)
    other = json.loads(json.dumps(shape).replace(CANARY, "other"))
    assert concealed_entries(other, Marker.SECRET) == concealed_entries(shape, Marker.SECRET)


@pytest.mark.parametrize(
    "shape",
    [
        {"env": [{"name": "MODE", "value": "on"}]},
        {"env": [{"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"key": "token"}}}]},
        {"envs": ["MODE=on", "https://example.com/?token"]},
        {"tolerations": [{"key": "gpu", "operator": "Equal", "value": "true"}]},
        {"value": "alone"},
        {"count": 3, "policy": '{"Statement": []}'},
    ],
)
def test_what_has_another_name_stays(shape: Any) -> None:
    assert concealed_entries(shape, Marker.SECRET) == shape


def test_a_field_of_such_a_name_is_concealed_where_its_path_is_not_told_beside_it() -> None:
    shape = {"environment": {"variables": {"DB_PASSWORD": CANARY, "MODE": "on"}}, "secretId": "mine"}
    assert concealed(shape, "", "x") == {
        "environment": {"variables": {"DB_PASSWORD": "x", "MODE": "on"}},
        "secretId": "x",
    }
    assert concealed_entries(shape, "x") == shape


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("a.b.API_KEY", True),
        ("openai-api-key", True),
        ("storageAccountKey", True),
        ("spring.datasource.password", True),
        ("PGPASSWD", True),
        ("kmsKeyArn", False),
        ("partitionKey", False),
        ("passThrough", False),
        ("token.mode", False),
    ],
)
def test_a_name_tells_a_secret_by_its_last_part(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_the_name_of_a_value_is_the_one_beside_it() -> None:
    assert named_by("value", {"name": "TOKEN", "value": "a"}) == "TOKEN"
    assert named_by("Value", {"Key": "TOKEN", "Value": "a"}) == "TOKEN"
    assert named_by("value", {"name": 3, "value": "a"}) == "value"
    assert named_by("name", {"name": "TOKEN", "value": "a"}) == "name"
    assert is_secret_assignment("--token=a")
    assert not is_secret_assignment("token a=b")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_diff_of_a_plan_tells_that_it_changed_and_not_to_what(shape: Any) -> None:
    urn = "urn:pulumi:dev::shop::kubernetes:core/v1:Pod::it"
    changed = json.loads(json.dumps(shape).replace(CANARY, f"{CANARY}-new"))
    sides = [{"urn": urn, "custom": True, "inputs": inputs, "outputs": inputs} for inputs in (shape, changed)]
    metadata = {"op": "update", "urn": urn, "old": sides[0], "new": sides[1], "detailedDiff": {}}
    plan = read_plan([json.dumps({"resourcePreEvent": {"metadata": metadata}})], project="shop", stack="dev")
    (step,) = plan.steps
    assert len(step.differences) == 1
    lines = [str(line) for line in raw_diff(plan)]
    assert any(line.endswith("(secret), changed") for line in lines), lines
    assert CANARY not in "\n".join(lines) + repr(step)


@pytest.mark.parametrize("shape", [*SHAPES, {"environment": {"variables": {"DB_PASSWORD": CANARY}}}])
def test_the_journal_does_not_tell_it(shape: Any) -> None:
    journal = Journal()
    with journal.record(Call("create", "kubernetes:core/v1:Pod", inputs=shape)):
        pass
    assert CANARY not in repr(journal.calls)


def test_a_refusal_does_not_tell_what_an_assignment_gives() -> None:
    said = refusal(["envs"], Choice("Mode", ("on", "off")), f"TOKEN={CANARY}")
    assert CANARY not in said
    assert "a hidden value" in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:canary@h/db", "postgres://***@h/db"),
        ("see https://canary@h/x?y=1 and https://a:canary@h", "see https://***@h/x?y=1 and https://***@h"),
        ("redis://:can/ary@h", "redis://***@h"),
        ("oci://registry.example/model@sha256:aa", "oci://registry.example/model@sha256:aa"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("mailto:a@b", "mailto:a@b"),
    ],
)
def test_the_login_in_a_url_is_hidden_whatever_its_name(text: str, shown: str) -> None:
    assert concealed(text, "url", Marker.SECRET) == shown
    held = {"env": [{"name": "DATABASE_URL", "value": text}]}
    assert concealed(held, "", Marker.SECRET) == {"env": [{"name": "DATABASE_URL", "value": shown}]}
