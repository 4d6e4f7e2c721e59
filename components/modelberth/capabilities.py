"""The refusal of what a target cannot do.

A spec is flattened to its leaves; a leaf that is not at its default needs a row of the table that allows it,
so a field that nobody taught a target is refused and never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel

from modelberth import model_mirrors
from modelberth.capability_table import FEATURES, TargetTable, load
from modelberth.errors import HIDDEN, Problem, SpecError, is_secret, shown
from modelberth.kinds import KINDS
from modelberth.spec.quantities import Quantity
from modelberth.spec.shape import Setting, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelberth.spec import EndpointSpec, Target

__all__ = ["check", "require"]

# What to write where a feature is refused.
_INSTEAD: Final = {"scale_to_zero": "1 or more", "autoscaling": "the same as scaling.min"}
_ALTERNATIVES: Final = {"model.scheme": "a uri with the scheme "}


class _Refusal(NamedTuple):
    setting: Setting
    allowed: str


def check(
    spec: EndpointSpec, target: Target, path: str = "", *, has_image: bool = False
) -> tuple[Problem, ...]:
    """Name everything in `spec` that `target` cannot honour, with the nearest target that can.

    Args:
        spec: of the endpoint
        target: its place
        path: where they stand in the person's config, such as `endpoints[0]`
        has_image: the program gives the serving image, so neither of them has to

    """
    tables = load()
    own = tables[target.kind]
    problems = []
    if own.status == "planned":
        available = ", ".join(table.kind for table in tables.values() if table.status == "available")
        hint = f"`{own.kind}` cannot be deployed with this version."
        problems.append(Problem("target.kind", shown(own.kind), available, hint))
    problems += model_mirrors.problems(spec, target)
    spec = model_mirrors.mirrored(spec, target)
    refusals = list(_refusals(spec, own))
    if refusals:
        others = [(table, list(_refusals(spec, table))) for table in tables.values() if table is not own]
        problems += [
            Problem(
                setting.path,
                HIDDEN if is_secret(setting.path) else _text(setting.value),
                allowed,
                _nearest(setting, others),
            )
            for setting, allowed in refusals
        ]
    else:
        try:
            problems += _together(spec, target, has_image=has_image)
        except ModuleNotFoundError as error:
            problems.append(_not_installed(own, error))
    return tuple(problem.under(path) for problem in problems)


def require(spec: EndpointSpec, target: Target, path: str = "", *, has_image: bool = False) -> None:
    """Raise `SpecError` with everything that `target` cannot honour; arguments as `check` has them."""
    problems = check(spec, target, path, has_image=has_image)
    if problems:
        raise SpecError(*problems)


def _together(spec: EndpointSpec, target: Target, *, has_image: bool) -> tuple[Problem, ...]:
    """Ask the target's own rooms for what cannot be had together."""
    kind = KINDS.get(target.kind)
    return kind.check()(spec, target, has_image=has_image) if kind is not None and kind.is_checked else ()


def _not_installed(table: TargetTable, error: ModuleNotFoundError) -> Problem:
    """Say how a cloud's SDK, which weighs hundreds of megabytes, comes to those who need it."""
    if not (error.name or "").startswith("pulumi_"):
        raise error
    hint = f"pip install 'modelberth[{','.join(table.extras)}]'"
    return Problem(
        "target.kind", shown(table.kind), f"a target whose SDK is there: {error.name} is not", hint
    )


def _refusals(spec: EndpointSpec, table: TargetTable) -> Iterator[_Refusal]:
    covered: tuple[str, ...] = ()
    for setting in _demands(spec):
        allowed = "" if setting.path.startswith(covered) else _allowed(setting, table)
        if allowed:
            covered += (setting.covers,) if setting.covers else ()
            yield _Refusal(setting, allowed)


def _demands(spec: EndpointSpec) -> Iterator[Setting]:
    """Every setting that has an effect, each followed by the feature that it decides, under the same path."""
    scaling = spec.scaling
    off = {"scale_to_zero": scaling.min > 0, "autoscaling": scaling.max <= max(scaling.min, 1)}
    for setting in settings(spec):
        if setting.leaf == "scaling.metric" and scaling.min == scaling.max:
            continue
        yield setting
        feature = FEATURES.get(setting.leaf.removeprefix("variants.*."))
        if feature:
            # without autoscaling there is nothing for the settings of it to act on
            covers = "scaling." if feature == "autoscaling" else ""
            yield replace(setting, leaf=feature, is_default=off.get(feature, False), covers=covers)


def _allowed(setting: Setting, table: TargetTable) -> str:
    """Name what the target would accept instead, or nothing if it honours the setting."""
    row, value = table.row(setting.leaf), setting.value
    if row is None or row.is_refused:
        if setting.is_default:
            return ""
        instead = _INSTEAD.get(setting.leaf) or f"only the default, {_text(setting.default)},"
    elif row.values and _word(setting) not in row.values:
        instead = _ALTERNATIVES.get(setting.leaf, "") + ", ".join(row.values)
    elif row.at_most is not None and _exceeds(value, row.at_most):
        instead = f"at most {row.at_most}"
    else:
        return ""
    reason = row.reason if row else "it does not honour this field yet"
    return f"{instead} on target `{table.kind}`" + (f": {reason}" if reason else "")


def _word(setting: Setting) -> str:
    text = str(setting.value)
    return text.partition(":")[0] if setting.leaf == "model.scheme" else text


def _exceeds(value: Any, at_most: str | int) -> bool:
    if value is None:
        return False
    return bool(value > (type(value).parse(at_most) if isinstance(value, Quantity) else at_most))


def _nearest(setting: Setting, others: Iterable[tuple[TargetTable, list[_Refusal]]]) -> str:
    """Name the target that honours this setting and refuses least of the rest, available ones first."""
    able = [
        (table.status == "planned", len(refusals), table)
        for table, refusals in others
        if not any(_concerns(setting, refusal.setting) for refusal in refusals)
    ]
    if not able:
        return "No target can."
    is_planned, _, table = min(able, key=itemgetter(0, 1))
    return f"The nearest target that can is `{table.kind}`{' (planned)' if is_planned else ''}."


def _concerns(setting: Setting, refused: Setting) -> bool:
    """Tell whether a refusal concerns the setting: same field, a part around it or below it."""
    return (
        setting.path == refused.path
        or (refused.covers != "" and setting.path.startswith(refused.covers))
        or (setting.covers != "" and refused.path.startswith(setting.covers))
    )


def _text(value: object) -> str:
    match value:
        case None:
            return "unset"
        case Quantity():
            return str(value)
        case BaseModel():
            return "a mapping"
        case tuple() | Mapping() if not value:
            return "empty"
        case _:
            return shown(value)
