"""aws-native, whose SDK says what others leave to tables: the form of its classes, with none of its 110 MB.

Held against pulumi-aws-native 1.84.0 by hand: 327 of its types, with all that lies in them.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelberth.preview.standins import StandInSettings
from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.imitation import names, outputs, replacements
from modelberth.preview.standins.imitation.autonaming import is_chosen, named
from modelberth.preview.standins.imitation.backend import Imitation
from modelberth.preview.standins.sdk import types
from modelberth.preview.standins.sdk.packages import installed

WIDGET = "aws-native:lambda:Widget"
POLICY = "aws-native:iam:ScalingPolicy"
PLAIN = "aws-native:iam:Plain"

RESOURCE = """
class {name}(pulumi.CustomResource):
    def __init__(__self__, resource_name, *args, **kwargs):
        ...

    def _internal_init(__self__):
        __props__ = {name}Args.__new__({name}Args)
        {replaces}
        super({name}, __self__).__init__()

    @_builtins.property
    @pulumi.getter
    def arn(self) -> pulumi.Output[_builtins.str]:
        ...

    @_builtins.property
    @pulumi.getter(name="{camel}")
    def {snake}(self) -> pulumi.Output[Optional[_builtins.str]]:
        ...


class {name}Args:
    def __init__(__self__, *,
                 {snake}: Optional[pulumi.Input[_builtins.str]] = None,
                 layers: Optional[pulumi.Input[Sequence[pulumi.Input[_builtins.str]]]] = None):
        ...

    @_builtins.property
    @pulumi.getter(name="{camel}")
    def {snake}(self) -> Optional[pulumi.Input[_builtins.str]]:
        ...
"""
REPLACES = "replace_on_changes = pulumi.ResourceOptions(replace_on_changes=[{}])"
TYPES = {
    ("lambda", "Widget"): (
        "widgetName",
        "widget_name",
        ["layers[*]", "parts[*].code", "spec.tags.*", "widgetName"],
    ),
    ("iam", "ScalingPolicy"): ("policyName", "policy_name", ["policyName"]),
    ("iam", "Plain"): ("description", "description", []),
}


@pytest.fixture(autouse=True)
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = tmp_path / "pulumi_aws_native"
    table = []
    for (module, name), (camel, snake, paths) in TYPES.items():
        folder = root / module
        folder.mkdir(parents=True, exist_ok=True)
        said = REPLACES.format(", ".join(f'"{path}"' for path in paths)) if paths else ""
        text = RESOURCE.format(name=name, camel=camel, snake=snake, replaces=said)
        (folder / f"{snake}.py").write_text(text, encoding="utf-8")
        table.append({"fqn": f"pulumi_aws_native.{module}", "classes": {f"aws-native:{module}:{name}": name}})
    (root / "__init__.py").write_text(f'resource_modules="""\n{json.dumps(table)}"""', encoding="utf-8")
    (root / "pulumi-plugin.json").write_text(
        json.dumps({"resource": True, "name": "aws-native", "version": "1.84.0"}), encoding="utf-8"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    installed.cache_clear()
    yield
    for cached in (installed, types.lookup, replacements.of_sdk):
        cached.cache_clear()


def test_what_replaces_is_read_from_the_sdk() -> None:
    row = replacements.of(WIDGET)
    assert row is not None
    assert row.paths == ("layers", "parts[].code", "spec.tags", "widgetName")
    assert (row.source, row.is_complete) == ("replace_on_changes in pulumi-aws-native 1.84.0", True)
    assert row.replaces("parts[3].code")
    assert row.replaces("layers[0]")
    assert not row.replaces("parts[3].name")
    none = replacements.of(PLAIN)
    assert none is not None
    assert (none.paths, none.is_complete) == ((), True)
    assert replacements.of("aws-native:iam:Nope") is None


def test_its_provider_always_deletes_first() -> None:
    request = Request(f"urn:pulumi:dev::shop::{WIDGET}::it", WIDGET, "it")
    found = Imitation(StandInSettings()).diff(
        request, "it-1", {"widgetName": "it-1"}, {}, {"widgetName": "it-2"}
    )
    assert [(change.path, change.replaces) for change in found.changes] == [("widgetName", True)]
    assert found.delete_first


@pytest.mark.parametrize(
    ("token", "place"),
    [(WIDGET, "widgetName"), (POLICY, "policyName"), (PLAIN, None), ("pulumi:providers:aws-native", None)],
)
def test_names_by_the_type_or_by_its_end(token: str, place: str | None) -> None:
    assert names.name_property(token) == place


def test_a_name_is_made_up_kept_and_noted_nowhere() -> None:
    request = Request(f"urn:pulumi:dev::shop::{WIDGET}::it", WIDGET, "it")
    inputs = named(request, {}, {})
    assert inputs.keys() == {"widgetName"}
    assert inputs["widgetName"].startswith("it-")
    assert not is_chosen(WIDGET, inputs)
    assert named(request, {"widgetName": "old"}, {}) == {"widgetName": "old"}


def test_its_arns_are_those_of_the_service() -> None:
    arns = []
    for token in (WIDGET, POLICY):
        known = types.lookup(token)
        name = {names.name_property(token): "iris"}
        arns.append(
            outputs.computed(known, "urn", "it", name, StandInSettings(aws_region="eu-west-1"))["arn"]
        )
    assert arns == [
        "arn:aws:lambda:eu-west-1:000000000000:widget:iris",
        "arn:aws:iam::000000000000:scalingPolicy/iris",
    ]
