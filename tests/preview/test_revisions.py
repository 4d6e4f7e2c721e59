"""What an update gives another value."""

from typing import Any

import pytest

from modelberth.preview.standins.imitation import outputs, revisions
from modelberth.preview.standins.sdk import types
from support.standin_tables import has_path

FUNCTION = "aws:lambda/function:Function"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PUBLISHED = {"version", "qualifiedArn", "qualifiedInvokeArn"}


@pytest.mark.parametrize(
    ("token", "changed", "inputs", "due"),
    [
        (FUNCTION, ["memorySize"], {"publish": True}, PUBLISHED),
        (FUNCTION, ["imageUri"], {"publish": True}, {*PUBLISHED, "lastModified"}),
        (FUNCTION, ["imageUri"], {}, {"lastModified"}),
        (FUNCTION, ["memorySize"], {"publish": False}, set()),
        (FUNCTION, ["tags.team", "tags"], {"publish": True}, set()),
        (FUNCTION, ["vpcConfig"], {"publish": True}, PUBLISHED),
        (FUNCTION, ["vpcConfig.subnetIds[1]"], {"publish": True}, PUBLISHED),
        (FUNCTION, ["environment.variables.MODE"], {"publish": True}, PUBLISHED),
        (TEMPLATE, ["imageId"], {}, {"latestVersion"}),
        (TEMPLATE, ["imageId"], {"updateDefaultVersion": True}, {"latestVersion", "defaultVersion"}),
        (TEMPLATE, ["description"], {"updateDefaultVersion": True}, set()),
        (TEMPLATE, ["description", "imageId"], {}, {"latestVersion"}),
        ("gcp:cloudrunv2/service:Service", ["labels.a"], {}, {"generation", "observedGeneration", "etag"}),
        ("gcp:cloudrunv2/service:Service", ["deletionProtection"], {}, set()),
        ("azure-native:app/v20240301:ContainerApp", ["configuration.ingress.targetPort"], {}, set()),
        ("aws:iam/policy:Policy", ["policy"], {}, set()),
    ],
)
def test_which_outputs_a_change_renews(
    token: str, changed: list[str], inputs: dict[str, Any], due: set[str]
) -> None:
    found = revisions.due(token, iter(changed), inputs)
    assert {output for rule in found for output in rule.outputs} == due


@pytest.mark.parametrize(
    ("token", "outputs_", "number"),
    [
        (FUNCTION, {"version": "7"}, 8),
        (FUNCTION, {"version": "$LATEST"}, 1),
        (FUNCTION, {}, 1),
        (TEMPLATE, {"latestVersion": 3}, 4),
        ("azure-native:app:ContainerApp", {"latestRevisionName": "iris--0000009"}, 10),
        ("azure-native:app:ContainerApp", {"latestRevisionName": "iris--52twja"}, 53),
        ("aws:iam/policy:Policy", {"version": "7"}, 1),
    ],
)
def test_revisions_are_counted_from_the_state(token: str, outputs_: dict[str, Any], number: int) -> None:
    assert revisions.following(token, outputs_) == number


def test_a_function_that_publishes_nothing_has_no_number() -> None:
    assert revisions.name(FUNCTION, {"publish": True}, 3) == "3"
    assert revisions.name(FUNCTION, {}, 3) == "$LATEST"
    assert revisions.name(TEMPLATE, {}, 3) == "3"


def test_every_rule_is_about_the_sdk_and_counts_by_a_row() -> None:
    checked = 0
    for token, rules in revisions.rules().items():
        known = types.lookup(token)
        assert "{revision" in outputs.rows()[token][rules[0].outputs[0]], token
        for rule in rules:
            assert rule.outputs
            assert {output for output in rule.outputs if output not in known.outputs} == set()
            named = [*rule.inputs, *rule.but, *([rule.only_with] if rule.only_with else [])]
            assert [path for path in named if not has_path(token, path)] == []
            assert not (rule.inputs and rule.but)
            checked += len(rule.outputs) + len(named)
    assert (len(revisions.rules()), checked) == (4, 61)
