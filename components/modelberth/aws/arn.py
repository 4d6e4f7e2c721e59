"""ARNs that a person writes: taken apart, and refused where they lead to another account or region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelberth.aws.place import Place
from modelberth.errors import Problem, shown

__all__ = ["Arn", "key_problems", "policy_problems", "role_problems"]

_PARTS: Final = 5
_KEY: Final = r"key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_PATH_AND_NAME: Final = r"([!-~]*/)?[A-Za-z0-9+=,.@_-]{1,128}"
_AWS_MANAGED: Final = "aws"


@dataclass(frozen=True, slots=True)
class Arn:
    """An Amazon resource name; region and account are empty where the service's names have none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """Take a name apart; None where it is no ARN."""
        prefix, *parts = text.split(":", 5)
        return cls(*parts) if prefix == "arn" and len(parts) == _PARTS else None


def key_problems(arn: str, place: Place, path: str) -> Iterator[Problem]:
    """Yield why a KMS key cannot encrypt what lies in a place.

    An alias is refused: the policies that name the key would not apply to it (AWS, "Controlling access to
    aliases": a resource in an IAM policy is the key).
    """
    found = _named(arn, "kms", _KEY)
    if found is None:
        shape = place.arn("kms", "key/ID")
        yield Problem(path, shown(arn), f"the ARN of a KMS key, {shape}", "Aliases and bare ids are refused.")
        return
    yield from _elsewhere(arn, found, place, path, "a KMS key", "A key encrypts in its own region only.")


def role_problems(arn: str, place: Place, path: str) -> Iterator[Problem]:
    """Yield why something in a place cannot run as an IAM role: a service gets none of another account."""
    found = _named(arn, "iam", f"role/{_PATH_AND_NAME}")
    if found is None:
        yield Problem(path, shown(arn), f"the ARN of an IAM role, {place.arn('iam', 'role/NAME')}")
        return
    hint = "A role cannot be passed to a service of another account."
    yield from _elsewhere(arn, found, place, path, "an IAM role", hint)


def policy_problems(arn: str, place: Place, path: str) -> Iterator[Problem]:
    """Yield why a managed policy cannot bound a role of the account; AWS's own policies can."""
    found = _named(arn, "iam", f"policy/{_PATH_AND_NAME}")
    if found is None:
        yield Problem(path, shown(arn), f"the ARN of a managed policy, {place.arn('iam', 'policy/NAME')}")
        return
    if found.account != _AWS_MANAGED:
        yield from _elsewhere(arn, found, place, path, "a managed policy", "")
    elif found.partition != place.partition:
        yield Problem(path, shown(arn), f"a policy in partition {place.partition}")


def _named(arn: str, service: str, resource: str) -> Arn | None:
    """Return the ARN of such a resource; None for anything else."""
    found = Arn.parse(arn)
    if found is None or found.service != service or re.fullmatch(resource, found.resource) is None:
        return None
    return found


def _elsewhere(arn: str, found: Arn, place: Place, path: str, what: str, hint: str) -> Iterator[Problem]:
    if found.partition != place.partition:
        yield Problem(
            path, shown(arn), f"{what} in partition {place.partition}, that of {place.region}", hint
        )
    elif found.account != place.account:
        yield Problem(path, shown(arn), f"{what} of account {place.account}", hint)
    elif found.region not in {"", place.region}:
        yield Problem(path, shown(arn), f"{what} in region {place.region}", hint)
