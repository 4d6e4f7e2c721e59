"""checkov over a graph as a Terraform plan, with exceptions that need a reason and end on a day."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from support.clouds.terraform import Plan

__all__ = ["Exemption", "Scan", "exemptions", "scan", "unexplained"]

_LONGEST: Final = dt.timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that a resource fails, with the type's token and the resource's name in the program."""

    check: str
    token: str
    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What checkov did.

    Attributes:
        resources: how many it looked at
        passed: checks that passed, by id, of each resource
        failures: what failed

    """

    resources: int
    passed: Sequence[tuple[str, str]]
    failures: Sequence[Failure]


@dataclass(frozen=True, slots=True)
class Exemption:
    """A check that resources of a type may fail until a day.

    Attributes:
        check: checkov's id
        type: token of the type
        name: pattern of the resource's name in the program
        reason: why it is right here
        expires: the last day; a year ahead at the most

    """

    check: str
    type: str
    reason: str
    expires: dt.date
    name: str = "*"

    def covers(self, failure: Failure) -> bool:
        return (self.check, self.type) == (failure.check, failure.token) and fnmatchcase(
            failure.name, self.name
        )


def exemptions(file: Path, today: dt.date) -> tuple[Exemption, ...]:
    """Read a file of exemptions.

    Raises:
        ValueError: one has no reason, is over, or ends later than in a year.

    """
    found = tuple(Exemption(**row) for row in tomllib.loads(file.read_text()).get("exemptions", ()))
    for one in found:
        where = f"{file.name}: {one.check} of {one.type}"
        if len(one.reason.split()) < 4:
            raise ValueError(f"{where}: reason: given {one.reason!r}, allowed: a sentence")
        if one.expires < today:
            raise ValueError(
                f"{where}: expires: given {one.expires}, which is over; meet the check or look again"
            )
        if one.expires - today > _LONGEST:
            raise ValueError(f"{where}: expires: given {one.expires}, allowed: within a year")
    return found


def unexplained(failures: Sequence[Failure], known: Sequence[Exemption]) -> list[Failure]:
    """Failures that no exemption covers."""
    return [failure for failure in failures if not any(one.covers(failure) for one in known)]


def scan(plan: Plan, folder: Path, checkov: Path) -> Scan:
    """Scan a plan.

    Args:
        plan: what to scan
        folder: an empty one, for the plan's file
        checkov: the program, of an environment that holds it

    Raises:
        ValueError: the plan is empty, or checkov saw another number of resources than the plan has.

    """
    if not plan.addresses:
        raise ValueError("a plan without resources: nothing would be checked")
    file = folder / "plan.json"
    file.write_text(json.dumps(plan.document))
    arguments = ["--framework", "terraform_plan", "--skip-download", "--compact", "--output", "json"]
    done = subprocess.run(
        [checkov, "--file", file, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    if done.returncode not in {0, 1}:
        raise ValueError(f"checkov ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    return _read(json.loads(done.stdout), plan)


def _read(report: Mapping[str, Any], plan: Plan) -> Scan:
    summary = report.get("summary", report)  # where it found nothing to look at, the summary is all
    if summary["parsing_errors"] or summary["resource_count"] != len(plan.addresses):
        raise ValueError(f"checkov saw {summary}, and the plan has {len(plan.addresses)} resources")
    results = report["results"]
    failures = [
        Failure(
            one["check_id"],
            plan.addresses[one["resource"]].token,
            plan.addresses[one["resource"]].name,
            one["check_name"],
        )
        for one in results["failed_checks"]
    ]
    passed = [(one["check_id"], plan.addresses[one["resource"]].name) for one in results["passed_checks"]]
    return Scan(summary["resource_count"], passed, failures)
