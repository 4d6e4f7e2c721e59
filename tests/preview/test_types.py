"""What is read of resource types: the same as an import would say, for every type that an endpoint needs."""

import collections.abc
import enum
import importlib
import inspect
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import _types as sdk_types

from modelberth.preview.standins.sdk.packages import installed
from modelberth.preview.standins.sdk.shapes import (
    AnyValue,
    Asset,
    Choice,
    ListOf,
    MapOf,
    ObjectOf,
    OneOf,
    Property,
    Scalar,
    Shape,
)
from modelberth.preview.standins.sdk.types import (
    MissingPackage,
    MissingType,
    ResourceType,
    UnknownType,
    find,
    lookup,
)
from modelberth.preview.standins.sdk.types import _classes as sdk_table

RECORDED = Path(__file__).with_name("recorded") / "resource_types.json"
REGENERATE = f"python {Path(__file__).relative_to(Path(__file__).parents[2])}"
DEPTH = 3

COMPARED = {
    "aws": ("pulumi_aws.ecr", 10),
    "azure-native": ("pulumi_azure_native.keyvault", 7),
    "gcp": ("pulumi_gcp.artifactregistry", 7),
    "kubernetes": ("pulumi_kubernetes.policy.v1", 3),
}
"""Small modules, because importing one takes seconds; of all their types, nested ones too."""

SCALARS = {
    Scalar.STRING: "str",
    Scalar.INTEGER: "int",
    Scalar.NUMBER: "float",
    Scalar.BOOLEAN: "bool",
}


def summary(token: str) -> dict[str, Any]:
    """What the recorded file holds of a type."""
    read = lookup(token)
    required = [name for name, wanted in read.inputs.items() if wanted.is_required]
    return {"inputs": len(read.inputs), "required": required, "outputs": len(read.outputs)}


def recorded() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def test_types_of_endpoints_are_read() -> None:
    expected = recorded()
    assert len(expected) == 67
    read = {token: summary(token) for token in expected}
    assert read == expected, f"if an SDK was updated, regenerate: {REGENERATE}"
    assert all(row["inputs"] > 0 for row in read.values())
    assert {token.split(":")[0] for token in read} == {*COMPARED, "pulumi"}


@pytest.mark.parametrize("package", COMPARED)
def test_the_text_says_what_an_import_says(package: str) -> None:
    module_name, count = COMPARED[package]
    module = importlib.import_module(module_name)
    places = sdk_table(installed()[package]).items()
    read = [lookup(token) for token, (place, _) in places if place == module_name]
    for one in read:
        resource = getattr(module, one.resource.name)
        arguments = getattr(sys.modules[resource.__module__], one.arguments.name)
        assert of_properties(one.inputs, DEPTH) == of_class(arguments, DEPTH), one.token
        assert optional_outputs(one) == optional_hints(resource), one.token
    assert len(read) == count


def of_properties(properties: typing.Mapping[str, Property], depth: int) -> Any:
    """A type as plain data: the properties, a required one marked."""
    if depth == 0:
        return sorted(properties)
    return {
        name + "!" * wanted.is_required: of_shape(wanted.shape, depth) for name, wanted in properties.items()
    }


def of_shape(shape: Shape, depth: int) -> Any:
    match shape:
        case Scalar():
            return SCALARS[shape]
        case Choice(values=values, is_open=is_open):
            return either([list(values), "str"] if is_open else [list(values)])
        case ListOf(element):
            return ["list", of_shape(element, depth)]
        case MapOf(element):
            return ["map", of_shape(element, depth)]
        case Asset(may_be_asset, may_be_archive):
            return either(["asset"] * may_be_asset + ["archive"] * may_be_archive)
        case OneOf(options):
            return either([of_shape(option, depth) for option in options])
        case ObjectOf():
            return of_properties(shape.properties, depth - 1)
        case AnyValue():
            return "any"


def of_class(declared: Any, depth: int) -> Any:
    """The same of an imported class, by Pulumi's own reading of its annotations."""
    hints = sdk_types._raw_return_hints(declared)
    if depth == 0:
        return sorted(hints)
    wire = {python: name for python, name, _ in sdk_types._py_properties(declared)}
    parameters = inspect.signature(declared.__init__).parameters.items()
    required = {wire[name] for name, one in parameters if name in wire and one.default is one.empty}
    return {name + "!" * (name in required): of_hint(hint, depth) for name, hint in hints.items()}


def of_hint(hint: Any, depth: int) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        plumbing = (collections.abc.Awaitable, pulumi.Output)
        own = [one for one in arguments if typing.get_origin(one) not in plumbing]
        return either([of_hint(one, depth) for one in own if one is not type(None)])
    if origin is collections.abc.Sequence:
        return ["list", of_hint(arguments[0], depth)]
    if origin is collections.abc.Mapping:
        return ["map", of_hint(arguments[1], depth)]
    if origin is typing.Literal:
        return list(arguments)
    if hint is Any:
        return "any"
    if issubclass(hint, enum.Enum):
        return [member.value for member in hint]
    if sdk_types.is_input_type(hint):
        return of_class(hint, depth - 1)
    names = {pulumi.Asset: "asset", pulumi.Archive: "archive"}
    return names.get(hint) or ("str" if issubclass(hint, pulumi.Resource) else hint.__name__)


def either(options: list[Any]) -> Any:
    flat = [
        part
        for one in options
        for part in (one["either"] if isinstance(one, dict) and "either" in one else [one])
    ]
    texts = sorted({json.dumps(one, sort_keys=True) for one in flat})
    return json.loads(texts[0]) if len(texts) == 1 else {"either": [json.loads(text) for text in texts]}


def optional_outputs(read: ResourceType) -> dict[str, bool]:
    return {name: wanted.is_optional for name, wanted in read.outputs.items()}


def optional_hints(resource: type) -> dict[str, bool]:
    hints = {
        name: hint
        for name, hint in sdk_types._raw_return_hints(resource).items()
        if name not in ("id", "urn")
    }
    return {name: type(None) in typing.get_args(typing.get_args(hint)[0]) for name, hint in hints.items()}


def test_nested_types_are_followed_into_other_modules() -> None:
    shape: Shape = lookup("kubernetes:apps/v1:Deployment").inputs["spec"].shape
    for step in ("template", "spec", "containers", "resources"):
        shape = shape.element if isinstance(shape, ListOf) else shape
        assert isinstance(shape, ObjectOf)
        shape = shape.properties[step].shape
    assert isinstance(shape, ObjectOf)
    assert (shape.name, shape.properties["limits"].shape) == ("ResourceRequirements", MapOf(Scalar.STRING))


def test_shapes_of_every_kind() -> None:
    function = lookup("aws:lambda/function:Function").inputs
    assert function["code"].shape == Asset(may_be_asset=False)
    assert isinstance(function["runtime"].shape, Choice)
    assert function["runtime"].shape.is_open
    assert lookup("aws:s3/bucketObject:BucketObject").inputs["source"].shape == Asset()
    service = lookup("kubernetes:core/v1:Service").inputs
    assert service["kind"].shape == Choice("", ("Service",))
    assert service["apiVersion"].shape == Choice("", ("v1",))
    budget = lookup("kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"].shape
    assert isinstance(budget, ObjectOf)
    assert budget.properties["minAvailable"].shape == OneOf((Scalar.INTEGER, Scalar.STRING))
    deployment = lookup("azure-native:machinelearningservices:OnlineDeployment").inputs["properties"].shape
    assert isinstance(deployment, OneOf)
    constants = {
        option.properties["endpointComputeType"].shape
        for option in deployment.options
        if isinstance(option, ObjectOf)
    }
    assert constants == {Choice("", ("Managed",)), Choice("", ("Kubernetes",))}
    assert lookup("aws:iam/rolePolicy:RolePolicy").inputs["role"].shape == Scalar.STRING


def test_outputs_say_what_may_be_absent() -> None:
    outputs = lookup("aws:ecr/repository:Repository").outputs
    assert (outputs["repositoryUrl"].is_optional, outputs["repositoryUrl"].shape) == (False, Scalar.STRING)
    assert outputs["forceDelete"].is_optional
    assert "id" not in outputs
    app = lookup("azure-native:app:ContainerApp").outputs["configuration"]
    assert isinstance(app.shape, ObjectOf)
    assert app.is_optional
    assert "ingress" in app.shape.properties


def test_which_providers_are_bridged_from_terraform() -> None:
    bridged = {name: lookup(f"pulumi:providers:{name}").is_bridged for name in COMPARED}
    assert bridged == {"aws": True, "gcp": True, "azure-native": False, "kubernetes": False}


def test_an_unknown_kind_of_kubernetes_is_a_custom_resource() -> None:
    custom = lookup("kubernetes:serving.kserve.io/v1beta1:InferenceService")
    assert (custom.is_open, sorted(custom.inputs)) == (True, ["apiVersion", "kind", "metadata", "spec"])
    assert not lookup("kubernetes:apps/v1:Deployment").is_open


@pytest.mark.parametrize(
    ("token", "kind", "said"),
    [
        (
            "nonesuch:index:Thing",
            MissingPackage,
            "the Pulumi SDK of 'nonesuch' is not installed, installed: aws, ",
        ),
        ("pulumi:providers:nonesuch", MissingPackage, "the Pulumi SDK of 'nonesuch' is not installed"),
        ("aws:ecr/repo:Repo", MissingType, "pulumi-aws 7.51.1 has no such type"),
        ("kubernetes:Deployment", MissingType, "pulumi-kubernetes 4.34.2 has no such type"),
        ("", MissingPackage, "the Pulumi SDK of '' is not installed"),
    ],
)
def test_what_no_sdk_describes_is_said(token: str, kind: type[UnknownType], said: str) -> None:
    with pytest.raises(kind) as raised:
        lookup(token)
    assert str(raised.value).startswith(f"{token}: ")
    assert said in str(raised.value)
    assert find(token) is None


def test_a_type_is_read_once() -> None:
    assert lookup("aws:ecr/repository:Repository") is find("aws:ecr/repository:Repository")


def test_a_class_that_is_not_where_the_table_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = [{"fqn": "pulumi_odd.here", "classes": {"odd:here:Thing": "Thing"}}]
    module = tmp_path / "pulumi_odd"
    (module / "here").mkdir(parents=True)
    (module / "here" / "other.py").write_text(
        "\nclass Other(pulumi.CustomResource):\n    pass\n", encoding="utf-8"
    )
    (module / "__init__.py").write_text(f'resource_modules="""\n{json.dumps(table)}"""', encoding="utf-8")
    (module / "pulumi-plugin.json").write_text('{"resource": true, "version": "1.0.0"}', encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    installed.cache_clear()
    try:
        with pytest.raises(
            MissingType, match=r"^odd:here:Thing: pulumi-odd 1.0.0 registers it without its class$"
        ):
            lookup("odd:here:Thing")
    finally:
        installed.cache_clear()


if __name__ == "__main__":
    RECORDED.write_text(
        json.dumps({token: summary(token) for token in recorded()}, indent=1) + "\n", encoding="utf-8"
    )
