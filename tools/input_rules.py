"""Write the table of what AWS itself asks of inputs that an SDK takes as any text or number.

    .venv/bin/python tools/input_rules.py            the installed pulumi-aws and cfn-lint
    .venv/bin/python tools/input_rules.py --check    exit code 1 where the table is stale

CloudFormation's resource schemas, which the PyPI package cfn-lint carries, say which values, lengths, bounds
and form each property may have. Which ones must be given is left to the SDK: the provider fills in some that
AWS asks for. How a type of pulumi-aws is written there is what `tests/support/aws/cloudformation.toml` says,
whose rows the tests hold against those schemas: the types that endpoints are made of. Catalogues that grow
(runtimes, kinds of instances, versions) are left out: a schema may lag behind the service.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from modelberth.preview.standins.imitation.names import rules as names
from modelberth.preview.standins.sdk import types
from modelberth.preview.standins.sdk.shapes import ListOf, ObjectOf, OneOf, Property, Scalar, Shape

ROOT: Final = Path(__file__).resolve().parents[1]
TABLE: Final = ROOT / "components/modelberth/preview/standins/imitation/tables/aws_inputs.json"
_WRITTEN: Final = ROOT / "tests/support/aws/cloudformation.toml"
_LIMITS: Final = ("minLength", "maxLength", "minimum", "maximum")
_CATALOGUE: Final = re.compile(
    r"runtime|version|instance_?type|amiType|region|namespace|dimension|metricType|signingBehavior",
    re.IGNORECASE,
)
_MOST_VALUES: Final = 30
# What the provider takes beside what AWS does, and forms that take too long to be held against a wrong text.
_OTHERWISE: Final = {
    ("aws:lambda/function:Function", "reservedConcurrentExecutions"): "the provider calls none -1",
    ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyName"): "the form takes exponential time",
}
_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True)
class Written:
    """How a type is written in CloudFormation, as far as one input is one property there."""

    type: str
    beginning: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    """Paths of inputs whose form there is another: documents, pairs, what is left out."""

    def place(self, path: str) -> tuple[str, ...] | None:
        """Where an input stands there, such as `("Code", "ImageUri")`; None: nowhere of its own."""
        found, keys = [*self.beginning], path.split(".")
        for number, key in enumerate(keys):
            prefix = ".".join(keys[: number + 1])
            if prefix in self.apart:
                return None
            renamed = self.rename.get(prefix, key[:1].upper() + key[1:])
            found += renamed.split(".") if renamed else []
        return tuple(found)


def written() -> dict[str, Written]:
    """Every type that has a row, by token."""
    rows = tomllib.loads(_WRITTEN.read_text(encoding="utf-8"))["types"]
    found = {}
    for token, row in rows.items():
        into = row.get("into", {})
        apart = {"region", "tags", *([into["by"], *into.get("same", ())] if into else ())}
        for rule in ("left_out", "documents", "pairs", "keyed", "each"):
            apart |= {*row.get(rule, ())}
        owner = rows[into["type"]]["type"] if into else row["type"]
        beginning = tuple(into.get("at", "").split(".")) if into.get("at") else ()
        found[token] = Written(owner, beginning, row.get("rename", {}), frozenset(apart))
    return found


@dataclass(frozen=True, slots=True)
class Schema:
    """A resource schema of AWS."""

    whole: Mapping[str, Any]

    def at(self, place: tuple[str, ...]) -> Mapping[str, Any] | None:
        """What it says of a property; of a list, of its elements. None where it has no such property."""
        node = self.whole
        for name in place:
            properties = self.element(node).get("properties", {})
            if name not in properties:
                return None
            node = properties[name]
        return self.element(node)

    def element(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """The node itself; what it refers to, or what a list consists of."""
        while True:
            if "$ref" in node:
                node = self.whole["definitions"][node["$ref"].rpartition("/")[2]]
            elif node.get("type") == "array" and isinstance(node.get("items"), Mapping):
                node = node["items"]
            else:
                return node


def rules(token: str, how: Written, schema: Schema) -> dict[str, dict[str, Any]]:
    """What AWS asks of each input: path of the input → its limits."""
    found: dict[str, dict[str, Any]] = {}
    named = names().get(token)
    for path, wanted in _walk(types.lookup(token).inputs, "", 0):
        if (token, path) in _OTHERWISE or (named and path == named.property):
            continue
        place = how.place(path.replace("[]", ""))
        node = schema.at(place) if place else None
        if node is not None and (limits := _limits(path, wanted, node)):
            found[path] = limits
    return found


def _limits(path: str, wanted: Property, node: Mapping[str, Any]) -> dict[str, Any]:
    limits = {key: node[key] for key in _LIMITS if isinstance(node.get(key), int | float)}
    if not limits.get("minLength"):
        limits.pop("minLength", None)
    values = node.get("enum", ())
    if (
        0 < len(values) <= _MOST_VALUES
        and not _CATALOGUE.search(path)
        and all(isinstance(v, str) for v in values)
    ):
        limits["enum"] = sorted(values)
    elif isinstance(node.get("pattern"), str) and _is_text(wanted.shape) and _says(node["pattern"]):
        limits["pattern"] = node["pattern"]
    if not _is_text(wanted.shape):
        limits = {key: value for key, value in limits.items() if key in {"minimum", "maximum"}}
    return limits


def _walk(properties: Mapping[str, Property], prefix: str, depth: int) -> Iterator[tuple[str, Property]]:
    for name, wanted in properties.items():
        shape, path = wanted.shape, f"{prefix}{name}"
        if isinstance(shape, ListOf):
            shape, path = shape.element, f"{path}[]"
        inside = _object(shape)
        if inside is None:
            yield path, Property(name, shape, wanted.is_required)
        elif depth < _DEEPEST:
            yield from _walk(inside.properties, f"{path}.", depth + 1)


def _object(shape: Shape) -> ObjectOf | None:
    if isinstance(shape, OneOf):
        return next((found for option in shape.options if (found := _object(option))), None)
    return shape if isinstance(shape, ObjectOf) else None


def _is_text(shape: Shape) -> bool:
    if isinstance(shape, OneOf):
        return any(_is_text(option) for option in shape.options)
    return shape is Scalar.STRING


def _says(pattern: str) -> bool:
    """Whether Python can read the form, and it is more than any text."""
    if pattern in {".*", "^.*$", "[\\s\\S]*"}:
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def document() -> dict[str, Any]:
    """The whole table, with where it is from."""
    spec = find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("cfn-lint is not installed here: pip install cfn-lint")
    schemas = Path(next(iter(spec.submodule_search_locations))) / "data" / "schemas"
    catalogue = json.loads((schemas / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    released = json.loads((schemas / "version.json").read_text(encoding="utf-8"))["schema_date"][:10]
    made = {}
    for token, how in sorted(written().items()):
        file = schemas / "resources" / f"{catalogue[how.type]}.json"
        found = rules(token, how, Schema(json.loads(file.read_text(encoding="utf-8"))))
        if found:
            made[token] = dict(sorted(found.items()))
    carried = f"as cfn-lint {version('cfn-lint')} has them"
    return {
        "source": f"CloudFormation's resource schemas, {released}, {carried}",
        "captured": datetime.now(UTC).date().isoformat(),
        "types": made,
    }


def text(table: Mapping[str, Any]) -> str:
    """One input a line, so that a changed rule is one changed line."""
    head = "".join(f"  {json.dumps(key)}: {json.dumps(table[key])},\n" for key in table if key != "types")
    blocks = []
    for token, found in table["types"].items():
        lines = ",\n".join(f"      {json.dumps(path)}: {json.dumps(rule)}" for path, rule in found.items())
        blocks.append(f"    {json.dumps(token)}: {{\n{lines}\n    }}")
    joined = ",\n".join(blocks)
    return f'{{\n{head}  "types": {{\n{joined}\n  }}\n}}\n'


def main() -> int:
    """Write or check the table; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where the table is stale")
    table = document()
    if parser.parse_args().check:
        stale = json.loads(TABLE.read_text(encoding="utf-8"))["types"] != table["types"]
        sys.stdout.write(f"{TABLE.name} is {'stale: run this without --check' if stale else 'up to date'}\n")
        return int(stale)
    TABLE.write_text(text(table), encoding="utf-8")
    sys.stdout.write(
        f"{TABLE}: {sum(map(len, table['types'].values()))} inputs of {len(table['types'])} types\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
