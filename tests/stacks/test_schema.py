"""What an editor completes and checks a stack's config with."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/reference/stack.schema.json").read_text())
STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))
DEV: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())


def test_every_stack_of_the_repository_holds() -> None:
    assert [file.name for file in STACKS] == ["Pulumi.dev.yaml", "Pulumi.onprem.yaml", "Pulumi.prod.yaml"]
    for file in STACKS:
        jsonschema.validate(yaml.safe_load(file.read_text()), SCHEMA)
        assert "$schema=docs/reference/stack.schema.json" in file.read_text()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("scalin",), {}),
        (("scaling",), {"max": 0}),
        (("target",), {"kind": "moon"}),
        (("limits",), {"timeout": "soon"}),
        (("model",), {}),
    ],
)
def test_what_is_wrong_is_marked(path: tuple[str], value: object) -> None:
    config = deepcopy(DEV)
    config["config"]["modelberth:endpoints"][0][path[0]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, SCHEMA)
