"""Physical names: which input is one, whether a service takes it, and what a provider makes of none.

The rules are data, `tables/names.toml`, for the types that an AI endpoint uses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pulumi.runtime import rpc

from modelberth.errors import shown
from modelberth.preview.standins.imitation import replacements, tables
from modelberth.preview.standins.sdk.inputs import InputFailure
from modelberth.preview.standins.sdk.shapes import Scalar
from modelberth.preview.standins.sdk.types import ResourceType, find

__all__ = ["Rule", "autoname", "check", "name_property", "rules"]

_DIGITS: Final = {"-hex7": 7, "-hex8": 8, "hex8": 8}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one service takes as the name of a resource; lengths in characters.

    `property` is the input that holds it (`metadata.name`), `says` the pattern in words, `refused` what else
    is not taken and how to call it. `autoname` is the way in which the provider makes a name, `prefix` what
    that one begins with, `is_lowered` whether it is in lowercase.
    """

    property: str
    shortest: int = 1
    longest: int = 255
    pattern: str = ".*"
    says: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    autoname: str = "-hex7"
    prefix: str = ""
    is_lowered: bool = False

    def reason(self, name: object) -> str:
        """Why the service refuses this name; empty where it takes it."""
        if not isinstance(name, str):
            return ""  # a wrong type is the SDK's matter
        length = f"{self.shortest} to {self.longest} characters"
        allowed = f"{length}: {self.says}" if self.says else length
        if not self.shortest <= len(name) <= self.longest:
            return f"given {shown(name)} with {len(name)} characters, allowed: {allowed}"
        if not re.fullmatch(self.pattern, name, re.DOTALL):
            return f"given {shown(name)}, allowed: {allowed}"
        for pattern, says in self.refused:
            if re.search(pattern, name):
                return f"given {shown(name)}, allowed: {allowed}, but not {says}"
        return ""


def check(token: str, inputs: Mapping[str, Any]) -> tuple[InputFailure, ...]:
    """What the service would refuse of the physical name; nothing for a type without a rule."""
    rule = _rule(token)
    name = _at(inputs, rule.property) if rule else None
    if rule is None or name is None or name == rpc.UNKNOWN:
        return ()
    reason = rule.reason(name)
    return (InputFailure(rule.property, reason),) if reason else ()


def name_property(token: str) -> str | None:
    """Which input is the physical name (`name`, `metadata.name`); None where none is, or that is not known.

    A provider that is bridged from a Terraform one names every resource that may be given a `name`; one that
    must be given is the name of something else. aws-native also names by the type's own name, or by the end
    of it (`functionName` of a Function, `policyName` of a ScalingPolicy).
    """
    rule = _rule(token)
    if rule:
        return rule.property
    type_ = find(token)
    if type_ is None or type_.is_provider:
        return None
    if type_.package.name == "aws-native":
        return _of_aws_native(type_)
    if not type_.is_bridged or "name" not in type_.inputs:
        return None
    return None if type_.inputs["name"].is_required else "name"


def autoname(token: str, resource_name: str, seed: bytes | str) -> str | None:
    """The name that the provider would make for a resource of this name in the program.

    The same for the same seed. None where the provider makes none: the program must give it, or the type has
    no name. Nothing is shortened or mended that the provider would send as it is, so that `check` refuses
    here what the service would refuse there.
    """
    named = name_property(token)
    rule = _rule(token) or Rule(named or "")
    if named is None or not rule.autoname or _is_required(token, named):
        return None
    digest = hashlib.sha256(seed.encode() if isinstance(seed, str) else seed).hexdigest()
    if rule.autoname == "uuid":
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    end = digest[: _DIGITS[rule.autoname]]
    separator = "-" if rule.autoname.startswith("-") else ""
    start = resource_name.lower() if rule.is_lowered else resource_name
    return f"{rule.prefix}{start}{separator}{end}"


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by type."""
    return {token: _read(**row) for token, row in tables.read("names")["types"].items()}


def _read(*, length: Sequence[int], refused: Sequence[Sequence[str]] = (), **more: Any) -> Rule:
    shortest, longest = length
    pairs = tuple((pattern, says) for pattern, says in refused)
    return Rule(shortest=shortest, longest=longest, refused=pairs, **more)


def _rule(token: str) -> Rule | None:
    found = rules().get(replacements.unversioned(token))
    if found or not token.startswith("kubernetes:"):
        return found
    is_object = replacements.of(token) is not None and find(token) is not None
    return rules()["kubernetes:*"] if is_object else None


def _of_aws_native(type_: ResourceType) -> str | None:
    """As `CreateAutoNamingSpec` of pulumi-aws-native looks for it."""
    kind = type_.token.rpartition(":")[2].lower()
    texts = [name for name, declared in type_.inputs.items() if declared.shape is Scalar.STRING]
    for wanted in ("name", f"{kind}name"):
        for name in texts:
            if name.lower() == wanted:
                return name
    ends = [name for name in texts if name.endswith("Name") and kind.endswith(name[:-4].lower())]
    return ends[0] if len(ends) == 1 else None


def _at(inputs: Mapping[str, Any], path: str) -> Any:
    value: Any = inputs
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _is_required(token: str, named: str) -> bool:
    type_ = find(token)
    declared = type_.inputs.get(named) if type_ else None
    return bool(declared and declared.is_required)
