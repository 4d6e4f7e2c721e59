"""The package schema says what the provider and the program's classes do."""

import json
from dataclasses import fields
from importlib import resources
from typing import Any

from modelberth.local.process import ProcessArgs
from modelberth.provider.local_process import _DEFAULTS

SCHEMA: dict[str, Any] = json.loads(
    resources.files("modelberth.provider").joinpath("schema.json").read_text()
)
PROCESS = SCHEMA["resources"]["modelberth:local:Process"]


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
    assert len(described) == 11
    assert all(described)
