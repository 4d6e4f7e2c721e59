"""The package schema says what the provider and the program's classes do."""

import json
from dataclasses import MISSING, Field, fields
from importlib import resources
from typing import Any

import pytest

from modelberth.gcp.vertex import deployed_model, model
from modelberth.gcp.vertex.deployed_model import DeployedModelArgs
from modelberth.gcp.vertex.model import ModelArgs
from modelberth.kubernetes.api_key import ApiKeyArgs
from modelberth.kubernetes.preflight import requirements
from modelberth.kubernetes.preflight.requirements import RequirementsArgs
from modelberth.local.process import ProcessArgs
from modelberth.provider.local_process import _DEFAULTS
from modelberth.provider.vertex.version import MUTABLE
from modelberth.wire import camel_case

SCHEMA: dict[str, Any] = json.loads(
    resources.files("modelberth.provider").joinpath("schema.json").read_text()
)
PROCESS = SCHEMA["resources"]["modelberth:local:Process"]
ARGUMENTS = {
    "modelberth:kubernetes:ApiKey": ApiKeyArgs,
    "modelberth:kubernetes:Requirements": RequirementsArgs,
    "modelberth:vertex:DeployedModel": DeployedModelArgs,
    "modelberth:vertex:Model": ModelArgs,
}
TYPES: dict[str, type] = {
    **{
        f"modelberth:kubernetes:{name}": getattr(requirements, name)
        for name in requirements.__all__
        if name not in ("Requirements", "RequirementsArgs")
    },
    "modelberth:vertex:Probe": model.Probe,
    "modelberth:vertex:Share": deployed_model.Share,
}


def test_the_inputs_are_those_of_the_class() -> None:
    assert {camel_case(field.name) for field in fields(ProcessArgs)} == set(PROCESS["inputProperties"])
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
    for token in ARGUMENTS:
        described += [p["description"] for p in SCHEMA["resources"][token]["inputProperties"].values()]
    for name in ("Probe", "Share"):
        described += [
            p["description"] for p in SCHEMA["types"][f"modelberth:vertex:{name}"]["properties"].values()
        ]
    assert len(described) == 9 + 3 + 8 + 19 + 4 + 22 + 8 + 10
    assert all(described)


@pytest.mark.parametrize(("token", "args"), ARGUMENTS.items())
def test_the_inputs_are_those_of_the_classes(token: str, args: type) -> None:
    declared = SCHEMA["resources"][token]
    assert {camel_case(field.name) for field in fields(args)} == set(declared["inputProperties"])
    assert set(declared["inputProperties"]) <= set(declared["properties"])
    required = {camel_case(field.name) for field in fields(args) if _is_required(field)}
    assert set(declared["requiredInputs"]) == required
    assert set(declared["required"]) >= set(declared["requiredInputs"])


def test_the_parts_of_the_inputs_are_those_of_the_classes() -> None:
    assert set(TYPES) == set(SCHEMA["types"])
    assert len(TYPES) == 15 + 2
    for token, part in TYPES.items():
        declared = SCHEMA["types"][token]
        assert {camel_case(field.name) for field in fields(part)} == set(declared["properties"])
        required = {camel_case(field.name) for field in fields(part) if _is_required(field)}
        assert required == set(declared.get("required", ()))


def test_what_replaces_a_version_is_what_cannot_be_written_of_it() -> None:
    declared = SCHEMA["resources"]["modelberth:vertex:Model"]["inputProperties"]
    replaces = {name for name, one in declared.items() if one.get("replaceOnChanges")}
    assert replaces == set(declared) - MUTABLE - {"configPath"}
    assert len(replaces) == 17


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
