"""What a field accepts, in the words of YAML; the same words in error messages and in the reference."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from .quantities import Amount, Bytes, Cpu, Duration
from .rules import Between, Matching
from .shape import item_of, models_in, tag_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["bounds_of", "type_of"]

_SCALARS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Bytes: "a size",
    Cpu: "cores",
    Duration: "a duration",
    Amount: "a count or a percentage",
}


def type_of(annotation: Any) -> str:
    """Name the type: `a whole number`, `one of a, b`, `a list, each a text`."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_of(args[0])
    if origin is Literal:
        return f"one of {', '.join(str(value) for value in args)}" if len(args) > 1 else str(args[0])
    models = models_in(annotation)
    tags = [tag for model in models if (tag := tag_of(model))] if len(models) > 1 else []
    if tags:
        return f"a mapping with {tags[0][0]}: {', '.join(value for _, value in tags)}"
    if models:
        return "a mapping"
    if origin in {Union, types.UnionType}:
        return " or ".join(type_of(member) for member in args if member is not type(None))
    item = item_of(annotation)
    if item is not None:
        kind = "a mapping of names to" if len(args) > 1 and args[1] is not ... else "a list, each"
        return f"{kind} {type_of(item)}"
    return _SCALARS.get(annotation, "a value")


def bounds_of(field: FieldInfo) -> str:
    """Name the bounds of a field: `between 1 and 16`, `above 0`, or nothing."""
    marks = [*field.metadata, *_marks(field.annotation)]
    said = [str(mark) for mark in marks if isinstance(mark, Between | Matching)]
    least, above = _bound(marks, "ge"), _bound(marks, "gt")
    most, below = _bound(marks, "le"), _bound(marks, "lt")
    if least is not None and most is not None:
        said.append(f"between {least} and {most}")
    else:
        ends = {"{} or more": least, "above {}": above, "at most {}": most, "below {}": below}
        said.append(" and ".join(text.format(end) for text, end in ends.items() if end is not None))
    entries = " to ".join(
        str(end) for name in ("min_length", "max_length") if (end := _bound(marks, name)) is not None
    )
    if entries:
        unit = "entries" if item_of(field.annotation) is not None else "characters"
        said.append(f"{entries} {unit}" if " to " in entries else f"at most {entries} {unit}")
    return "; ".join(text for text in said if text)


def _bound(marks: list[Any], name: str) -> Any:
    return next((value for mark in marks if (value := getattr(mark, name, None)) is not None), None)


def _marks(annotation: Any) -> Iterator[Any]:
    """Metadata of an annotation, also inside an optional one; not that of the items of a list."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        for mark in args[1:]:
            yield from getattr(mark, "metadata", (mark,))
        yield from _marks(args[0])
    elif origin in {Union, types.UnionType}:
        for member in args:
            yield from _marks(member)
