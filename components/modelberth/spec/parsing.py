"""Read what a person wrote into a model, and say everything that is wrong with it in their own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from modelberth.errors import HIDDEN, Problem, SpecError, is_secret, join, shown

from .shape import item_of, models_in, tag_of
from .wording import bounds_of, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

__all__ = ["parse"]

M = TypeVar("M", bound=BaseModel)

# pydantic's error types (https://docs.pydantic.dev/latest/errors/validation_errors/) in the words of YAML.
_WORDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "string_too_short": "a text of {min_length} characters or more",
    "string_too_long": "a text of at most {max_length} characters",
    "too_short": "{min_length} entries or more",
    "too_long": "at most {max_length} entries",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
}
_BOUNDS = {"greater_than_equal", "greater_than", "less_than_equal", "less_than"}
_NUMBERS = {"int_type", "float_type", "int_parsing", "float_parsing"}


def parse(model: type[M], data: object, path: str = "") -> M:
    """Read `data` (nested mappings, lists and scalars, as YAML gives them) into `model`.

    Raises `SpecError` with every problem that was found; `path` is where `data` stands in the person's
    config, such as `endpoints[0]`.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = problems_in(error, model, path)
    raise SpecError(*problems)


def problems_in(error: ValidationError, model: Any, path: str = "") -> tuple[Problem, ...]:
    """Translate pydantic's errors; `model` is the type that was validated, `path` their prefix."""
    found = (problem for details in error.errors() for problem in _problems(details, model, path))
    return tuple(dict.fromkeys(found))


def _problems(details: ErrorDetails, model: Any, prefix: str) -> list[Problem]:
    path, field, owner = _locate(model, details["loc"])
    path = join(prefix, path)
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, SpecError):
        return [problem.under(path) for problem in cause.problems]
    match kind:
        case "missing":
            return [Problem(path, "nothing", _described(field))]
        case "extra_forbidden":
            return [_unknown_key(path, str(details["loc"][-1]), owner)]
        case "union_tag_not_found" | "union_tag_invalid" | "literal_error":
            return [_not_one_of(path, field, context, given)]
        case "model_type" | "model_attributes_type":
            known = f"a mapping with the keys {', '.join(owner.model_fields)}" if owner else ""
            return [
                Problem(path, shown(given), known or (type_of(field.annotation) if field else "a mapping"))
            ]
        case _ if kind in _BOUNDS:
            return [Problem(path, shown(given), (bounds_of(field) if field else "") or details["msg"])]
        case _:
            words = _WORDS.get(kind)
            hint = "Put it in quotes." if kind == "string_type" and isinstance(given, int | float) else ""
            if kind in _NUMBERS and isinstance(given, str):
                hint = "Without quotes."
            return [
                Problem(
                    path,
                    HIDDEN if is_secret(path) else shown(given),
                    words.format(**context) if words else details["msg"],
                    hint,
                )
            ]


def _locate(
    model: Any, location: tuple[int | str, ...]
) -> tuple[str, FieldInfo | None, type[BaseModel] | None]:
    """Config path of an error, the field there and the model that the last step leads to or stands in.

    A location also holds tags of unions and markers such as `[key]`; they are no part of what a person wrote.
    """
    path, annotation = "", model
    field: FieldInfo | None = None
    for step in location:
        if step == "[key]":
            break
        members = models_in(annotation)
        if len(members) > 1 and (
            chosen := [member for member in members if (tag_of(member) or ("", ""))[1] == step]
        ):
            annotation = chosen[0]
        elif members:
            path = join(path, str(step))
            known = members[0].model_fields
            field = known.get(str(step)) or next((one for one in known.values() if one.alias == step), None)
            if field is None:
                return path, None, members[0]
            annotation = field.annotation
        elif (item := item_of(annotation)) is not None:
            path, annotation = join(path, f"[{step}]" if isinstance(step, int) else step), item
    members = models_in(annotation)
    return path, field, members[0] if len(members) == 1 else None


def _described(field: FieldInfo | None) -> str:
    if field is None:
        return "a value"
    purpose = (field.description or "").partition(". ")[0].rstrip(".")
    return type_of(field.annotation) + (f" ({purpose})" if purpose else "")


def _unknown_key(path: str, key: str, owner: type[BaseModel] | None) -> Problem:
    known = list(owner.model_fields) if owner else []
    near = _nearest(key.replace("-", "_").lower(), known)
    hint = f"Did you mean `{near[0]}`?" if near else ""
    return Problem(path, "an unknown key", ", ".join(known), hint)


def _not_one_of(path: str, field: FieldInfo | None, context: Mapping[str, Any], given: object) -> Problem:
    """A word that is none of a fixed set: the value of a field, or the tag that chooses a part of a union."""
    members = models_in(field.annotation) if field is not None else ()
    tags = [tag for member in members if (tag := tag_of(member))]
    if tags:
        path = join(path, tags[0][0])
        given = given.get(tags[0][0]) if isinstance(given, dict) else None
        words = [value for _, value in tags]
    else:
        words = [
            word.strip("'\"") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")
        ]
    near = _nearest(given.lower(), words) if isinstance(given, str) else []
    return Problem(
        path, shown(given), f"one of {', '.join(words)}", f"Did you mean `{near[0]}`?" if near else ""
    )


def _nearest(word: str, known: Sequence[str]) -> list[str]:
    """The known word that is nearest, if one is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - slow to import, and needed for a typo only

    return get_close_matches(word, known, n=1)
