"""What AWS asks of inputs, as CloudFormation's schemas say it: every kind of rule, and a fresh table."""

import json
import time
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import cfnlint
import pytest

import input_rules
import replacement_tables
from modelberth.preview.standins import StandInSettings
from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.imitation import replacements, service_rules
from modelberth.preview.standins.imitation.backend import Imitation
from modelberth.preview.standins.sdk.inputs import InputFailure
from modelberth.preview.standins.values import Secret
from modelberth.provider.resource import UNKNOWN
from support.standin_tables import has_path

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
FUNCTION = "aws:lambda/function:Function"
ENDPOINT = "aws:sagemaker/endpoint:Endpoint"


def reasons(token: str, inputs: dict[str, Any]) -> dict[str, str]:
    return {one.property: one.reason for one in service_rules.check(token, inputs)}


@pytest.mark.parametrize(
    ("token", "inputs", "path", "says"),
    [
        (
            "aws:ecr/repository:Repository",
            {"imageTagMutability": "IMMUTABEL"},
            "imageTagMutability",
            "'MUTABLE', 'MUTABLE_WITH_EXCLUSION', did you mean 'IMMUTABLE'?",
        ),
        (FUNCTION, {"architectures": ["arm64", "risc"]}, "architectures[1]", "given 'risc', allowed: "),
        (
            "aws:kms/key:Key",
            {"rotationPeriodInDays": 30},
            "rotationPeriodInDays",
            "given 30, allowed: 90 to 2560",
        ),
        (
            "aws:kms/key:Key",
            {"deletionWindowInDays": "31"},
            "deletionWindowInDays",
            "given '31', allowed: 7 to 30",
        ),
        (
            ENDPOINT,
            {"deploymentConfig": {"rollingUpdatePolicy": {"maximumBatchSize": {"value": 0}}}},
            "deploymentConfig.rollingUpdatePolicy.maximumBatchSize.value",
            "allowed: 1 or more",
        ),
        (
            "aws:lambda/alias:Alias",
            {"description": "d" * 257},
            "description",
            "allowed: at most 256 characters",
        ),
        (
            FUNCTION,
            {"vpcConfig": {"subnetIds": ["subnet-1", "vpc-1"]}},
            "vpcConfig.subnetIds[1]",
            "given 'vpc-1', allowed: a text that ^subnet-[0-9a-z]*$ matches",
        ),
    ],
    ids=["enum", "enum of elements", "bounds", "bounds of a text", "bound", "length", "pattern"],
)  # fmt: skip
def test_each_kind_of_rule_refuses(token: str, inputs: dict[str, Any], path: str, says: str) -> None:
    found = reasons(token, inputs)
    assert found.keys() == {path}
    assert says in found[path]


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (FUNCTION, {"memorySize": 1769, "timeout": "30", "packageType": "Image", "description": ""}),
        (FUNCTION, {"architectures": [UNKNOWN], "role": UNKNOWN, "vpcConfig": UNKNOWN}),
        (FUNCTION, {"reservedConcurrentExecutions": -1, "runtime": "python4.0"}),
        (FUNCTION, {"architectures": None, "memorySize": True, "tracingConfig": "of a wrong type"}),
        ("aws:route53/zone:Zone", {"name": "of no rule"}),
    ],
    ids=["right", "unknown", "the provider's own words", "the SDK's matter", "no rules"],
)  # fmt: skip
def test_what_is_no_matter_of_these_rules(token: str, inputs: dict[str, Any]) -> None:
    assert service_rules.check(token, inputs) == ()


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"imageTagMutability": "FIXED"}, "imageTagMutability: given 'FIXED', allowed: "),
        ({"imageTagMutability": Secret("FIXED")}, "imageTagMutability: given"),
        ({"encryptionConfigurations": [{"encryptionType": "ROT13"}]}, "encryptionConfigurations[0].encr"),
    ],
    ids=["text", "secret", "nested"],
)  # fmt: skip
def test_the_stand_in_refuses(inputs: dict[str, Any], says: str) -> None:
    token = "aws:ecr/repository:Repository"
    asked = Request(f"urn:pulumi:dev::shop::{token}::one", token, "one")
    checked = Imitation(StandInSettings()).check(asked, {}, {"name": "iris", **inputs})
    (failure,) = checked.failures
    assert says in failure.reason
    if isinstance(inputs.get("imageTagMutability"), Secret):
        assert "FIXED" not in failure.reason


def test_what_must_be_given_is_what_the_sdk_says() -> None:
    asked = Request(f"urn:pulumi:dev::shop::{ENDPOINT}::one", ENDPOINT, "one")
    checked = Imitation(StandInSettings()).check(asked, {}, {"name": "iris"})
    assert ["endpointConfigName: missing, but required" in one.reason for one in checked.failures] == [True]


def test_the_rules_are_those_of_the_schemas() -> None:
    table = json.loads(input_rules.TABLE.read_text())
    assert input_rules.document()["types"] == table["types"], "stale: .venv/bin/python tools/input_rules.py"
    assert "2026" in table["captured"] + table["source"]
    assert len(table["types"]) >= 45
    assert sum(map(len, table["types"].values())) >= 400


def test_every_rule_is_about_an_input_that_there_is() -> None:
    missing = [
        (token, path)
        for token, rules in service_rules.rules().items()
        for path in rules
        if not has_path(token, path.removesuffix("[]"))
    ]
    assert missing == []


def test_no_form_takes_long_to_be_held_against_a_wrong_text() -> None:
    hostile = [letter * 300 + "!" for letter in ("a", "a-", "a.", "/", "1", "arn:aws:", "_", "-")]
    patterns = {rule.pattern for rules in service_rules.rules().values() for rule in rules.values()} - {""}
    assert len(patterns) >= 40
    for pattern in patterns:
        begun = time.process_time()
        for text in hostile:
            service_rules.Rule(pattern=pattern).allowed(text)
        assert time.process_time() - begun < 0.5, pattern


def test_create_only_properties_are_in_the_table_of_replacements() -> None:
    """Rows by hand win; those that say they agree with the service name all that its schema does."""
    folder = resources.files("modelberth.preview.standins.imitation.tables")
    written = tomllib.loads((folder / "aws_replacements.toml").read_text())["types"]
    modules = frozenset(token.split(":")[1].split("/")[0] for token in input_rules.written())
    declared = tuple(replacement_tables.declared("pulumi_aws", modules))
    service = replacement_tables.from_cloudformation(declared, SCHEMAS)
    judged, missing = 0, []
    for token in input_rules.written():
        row = replacements.of(token)
        if row is None or not service.get(token):
            continue
        judged += 1
        if token in written and "service" not in written[token].get("verified", ()):
            continue
        known = {path.partition(".")[0].rstrip("{}[]") for path in (*row.paths, *row.conditional)}
        missing += [(token, path) for path in service[token] if path not in known]
    assert judged >= 30
    assert missing == []


def test_the_tool_tells_a_stale_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(input_rules, "TABLE", tmp_path / "aws_inputs.json")
    monkeypatch.setattr("sys.argv", ["input_rules.py"])
    assert input_rules.main() == 0
    table = json.loads((tmp_path / "aws_inputs.json").read_text())
    monkeypatch.setattr("sys.argv", ["input_rules.py", "--check"])
    assert input_rules.main() == 0
    del table["types"]["aws:kms/key:Key"]
    (tmp_path / "aws_inputs.json").write_text(json.dumps(table))
    assert input_rules.main() == 1
    assert "aws_inputs.json is stale" in capsys.readouterr().out


def test_a_failure_is_one_of_the_others() -> None:
    (failure,) = service_rules.check("aws:kms/key:Key", {"deletionWindowInDays": 1})
    assert isinstance(failure, InputFailure)
