"""Rule for what a bucket deletes by itself after some days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from typing import Any, TypeAlias

from modelberth.preview.plan import Op, Plan, Step

from .directions import magnitude
from .effect import Calls, Effect, Kind, Severity
from .rule import Rule, Rules, at, found
from .wording import name

__all__ = ["RULES"]

_Days: TypeAlias = Callable[[Mapping[str, Any]], Iterable[Any]]


def _expires(days: _Days, where: str) -> Rule:
    """Rule for a resource whose objects are deleted at the least of these ages."""

    def least(inputs: Mapping[str, Any] | None) -> float:
        ages = [magnitude(age) for age in days(inputs or {})]
        return min((age for age in ages if age is not None), default=inf)

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        before, after = least(step.before), least(step.after)
        if step.op in {Op.UPDATE, Op.REPLACE} and after < before:
            instead = "" if before == inf else f" instead of after {before:g}"
            yield Effect(
                kind=Kind.DATA_DELETED,
                severity=Severity.DANGER,
                sentence=f"{name(step)} deletes objects after {after:g} days{instead}: older ones go soon "
                "after the update.",
                urn=step.urn,
                paths=tuple(difference.path for difference in step.changed(where)),
                calls=Calls.UNKNOWN,
            )

    return rule


def _google(inputs: Mapping[str, Any]) -> Iterator[Any]:
    for _, rule in found(inputs, "lifecycleRules[]"):
        if at(rule, "action.type") == "Delete":
            yield at(rule, "condition.age")


def _amazon(inputs: Mapping[str, Any]) -> Iterator[Any]:
    for _, rule in found(inputs, "rules[]"):
        if at(rule, "status", "Enabled") == "Enabled":
            yield at(rule, "expiration.days")


RULES: Rules = {
    "gcp:storage/bucket:Bucket": (_expires(_google, "lifecycleRules"),),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (_expires(_amazon, "rules"),),
}
