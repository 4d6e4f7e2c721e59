"""AWS's own resource schemas, as cfn-lint carries them, held against a graph."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.rules import Rules
from cfnlint.runner import Runner
from cfnlint.runner.template.runner import run_template_by_data

__all__ = ["REGIONS", "Finding", "lint"]

REGIONS: Final = ("us-east-1", "eu-central-1", "ap-southeast-1")


@dataclass(frozen=True, slots=True)
class Finding:
    """An error of a template.

    Attributes:
        rule: of cfn-lint, such as E3030 for a value that an enum does not have
        path: where in the template
        says: what is wrong

    """

    rule: str
    path: str
    says: str


def lint(document: Mapping[str, Any], regions: Sequence[str]) -> list[Finding]:
    """Return every error of a template in the regions; warnings are a matter of taste and left out.

    Raises:
        ValueError: the template is empty, of which cfn-lint would find nothing wrong.

    """
    if not document.get("Resources") or not regions:
        raise ValueError("a template without resources, or no region: nothing would be checked")
    read, unreadable = decode_str(json.dumps(document))
    assert read is not None, unreadable
    found = run_template_by_data(read, ConfigMixIn(regions=list(regions)), _rules())
    errors = [
        Finding(one.rule.id, "/".join(map(str, one.path or ())), one.message)
        for one in found
        if one.rule.id.startswith("E")
    ]
    return [*errors, *(one for region in regions for one in _instances(document["Resources"], region))]


def _instances(declared: Mapping[str, Any], region: str) -> Iterator[Finding]:
    """Kinds of instances that the region has none of.

    cfn-lint 1.58 carries the list and holds it against inference experiments only (its E3642).
    """
    known = _hosting()[region]["enum"]
    for name, one in declared.items():
        if one["Type"] != "AWS::SageMaker::EndpointConfig":
            continue
        for key in ("ProductionVariants", "ShadowProductionVariants"):
            for index, variant in enumerate(one["Properties"].get(key, ())):
                kind = variant.get("InstanceType")
                if kind and kind not in known:
                    path = f"Resources/{name}/Properties/{key}/{index}/InstanceType"
                    yield Finding("E3642", path, f"{kind!r} is no instance for hosting in {region}")


@cache
def _rules() -> Rules:
    """Every rule, read once: reading them takes longer than a template does."""
    return Runner(ConfigMixIn([])).rules


@cache
def _hosting() -> Mapping[str, Any]:
    file = resources.files("cfnlint.data.schemas.extensions.aws_sagemaker_hosting") / "instancetype_enum.json"
    kinds: Mapping[str, Any] = json.loads(file.read_text())
    return kinds
