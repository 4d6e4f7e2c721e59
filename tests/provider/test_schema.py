"""The package schema says what the provider and the program's classes do."""

import json
from dataclasses import MISSING, Field, fields
from importlib import resources
from typing import Any

import pytest

from modelberth.kubernetes.api_key import ApiKeyArgs
from modelberth.kubernetes.preflight import requirements
from modelberth.kubernetes.preflight.requirements import RequirementsArgs
from modelberth.local.process import ProcessArgs
from modelberth.provider.local_process import _DEFAULTS

SCHEMA: dict[str, Any] = json.loads(
    resources.files("modelberth.provider").joinpath("schema.json").read_text()
)
PROCESS = SCHEMA["resources"]["modelberth:local:Process"]
KUBERNETES = {
    name: SCHEMA["resources"][f"modelberth:kubernetes:{name}"] for name in ("ApiKey", "Requirements")
}
TYPES = {token.rpartition(":")[2]: declared for token, declared in SCHEMA["types"].items()}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def test_the_inputs_are_those_of_the_class() -> None:
    assert {camel(field.name) for field in fields(ProcessArgs)} == set(PROCESS["inputProperties"])
    assert len(PROCESS["inputProperties"]) == 9


def test_every_input_is_an_output_and_every_output_but_the_config_path_is_required() -> None:
    assert set(PROCESS["inputProperties"]) <= set(PROCESS["properties"])
    assert set(PROCESS["properties"]) == {*PROCESS["required"], "configPath"}


def test_the_defaults_are_those_of_the_provider() -> None:
    declared = {name: p["default"] for name, p in PROCESS["inputProperties"].items() if "default" in p}
    assert declared == {name: value for name, value in _DEFAULTS.items() if name != "environment"}


def test_everything_that_a_person_gives_is_described() -> None:
    described = [p["description"] for p in PROCESS["inputProperties"].values()]
    described += [p["description"] for p in SCHEMA["provider"]["inputProperties"].values()]
    described += [p["description"] for one in KUBERNETES.values() for p in one["inputProperties"].values()]
    assert len(described) == 11 + 8 + 19
    assert all(described)


@pytest.mark.parametrize(("name", "args"), [("ApiKey", ApiKeyArgs), ("Requirements", RequirementsArgs)])
def test_the_inputs_in_a_cluster_are_those_of_the_classes(name: str, args: type) -> None:
    declared = KUBERNETES[name]
    assert {camel(field.name) for field in fields(args)} == set(declared["inputProperties"])
    assert set(declared["inputProperties"]) <= set(declared["properties"])
    assert set(declared["requiredInputs"]) == {field.name for field in fields(args) if _is_required(field)}
    assert set(declared["required"]) >= set(declared["requiredInputs"])


def test_the_parts_of_the_requirements_are_those_of_the_classes() -> None:
    assert set(TYPES) == set(requirements.__all__) - {"Requirements", "RequirementsArgs"}
    assert len(TYPES) == 15
    for name, declared in TYPES.items():
        parts = fields(getattr(requirements, name))
        assert {camel(field.name) for field in parts} == set(declared["properties"])
        assert {camel(field.name) for field in parts if _is_required(field)} == set(declared["required"])


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
