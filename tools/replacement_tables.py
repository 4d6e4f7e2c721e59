"""Write the tables of what replaces a resource: which inputs the provider cannot change in place.

    python tools/replacement_tables.py aws --cloudformation FOLDER    the installed pulumi-aws and cfn-lint
    python tools/replacement_tables.py gcp --schema FILE              the provider's own schema, as written by
                                                                      pulumi package get-schema gcp@9.35.0
    ... --check                                                       exit code 1 where the table is stale

A schema marks each such input (`willReplaceOnChanges`), nested ones too, and gives whole rows, for AWS as
well. The Python SDK does not carry that mark. For AWS, where no schema is at hand, its docstrings say it in
words for some inputs, and AWS's own CloudFormation schemas (`createOnlyProperties`), which the PyPI package
cfn-lint carries in `cfnlint/data/schemas`, say what the service itself cannot change. Rows from these are
partial: the provider may replace for more. What is known better stands in the hand-written TOML tables.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

TABLES: Final = (
    Path(__file__).resolve().parents[1] / "components/modelberth/preview/standins/imitation/tables"
)
_DEEPEST: Final = 8

# "Forces new resource" and its kin; the last form is "Changing this creates a new resource".
_FORCES: Final = re.compile(
    r"forc(?:es?|ing) (?:a |the )?(?:new resources?\b|re-?creation|(?:resource )?replacement)"
    r"|\b(?:chang|modif|updat)\w+\b[^.]*\b(?:requires creating|(?:re-?)?creates?)"
    r" (?:a |the )?(?:new )?resource"
    r"|\bchang\w+\b[^.]*\b(?:triggers?|force terraform)\b[^.]*\b(?:replacement|new resource)",
    re.IGNORECASE,
)
# A sentence with one of these speaks of some changes only, or of another input: it is no rule for this one.
_CONDITION: Final = re.compile(
    r"\b(?:if|when|whenever|unless|once|where|between|from|to (?:an?|the) |lower|higher|smaller|decreas\w+|"
    r"downgrad\w+|remov\w+|disabl\w+|enabl\w+|add(?:ing|ed)|without|will not|does not|conditions?|only|"
    r"switching)\b",
    re.IGNORECASE,
)
# CloudFormation's service where the SDK's module has another name.
_SERVICES: Final = {
    "acm": ("certificatemanager",),
    "alb": ("elasticloadbalancingv2",),
    "appautoscaling": ("applicationautoscaling",),
    "cloudwatch": ("logs", "events"),
    "lb": ("elasticloadbalancingv2",),
    "opensearch": ("opensearchservice",),
    "sfn": ("stepfunctions",),
}


@dataclass(frozen=True, slots=True)
class Input:
    """One input as the SDK declares it: its wire name, its words, and the class of a nested object."""

    name: str
    words: str
    nested: str
    is_list: bool


Classes = Mapping[str, tuple[Input, ...]]


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource type as the SDK declares it; `classes` are the argument classes that it may nest."""

    token: str
    module: str
    name: str
    classes: Classes

    def inputs(self) -> tuple[Input, ...]:
        """The inputs at the top level."""
        # a nested class of the same name has taken `…Args` in some modules
        return self.classes.get(f"{self.name}InitArgs") or self.classes.get(f"{self.name}Args", ())

    def walk(self) -> Iterator[tuple[str, Input]]:
        """Each input with its path, nested ones after what holds them: `a`, `a.b`, `c[].d`."""
        yield from self._walk(self.inputs(), "", ())

    def _walk(
        self, inputs: Iterable[Input], prefix: str, seen: tuple[str, ...]
    ) -> Iterator[tuple[str, Input]]:
        for entry in inputs:
            path = f"{prefix}{entry.name}"
            yield path, entry
            if entry.nested and entry.nested not in seen and len(seen) < _DEEPEST:
                below = f"{path}{'[]' if entry.is_list else ''}."
                yield from self._walk(self.classes.get(entry.nested, ()), below, (*seen, entry.nested))


def declared(package: str, modules: frozenset[str] = frozenset()) -> Iterator[Declared]:
    """Every resource type of an installed SDK (of the modules named, if any), read without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed here: pip install {package.replace('_', '-')}")
    root = Path(next(iter(spec.submodule_search_locations)))
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        module = folder.name.rstrip("_")
        if modules and module not in modules:
            continue
        nested = folder / "_inputs.py"
        shared = dict(_classes(nested.read_text(encoding="utf-8"))) if nested.exists() else {}
        for file in sorted(folder.glob("[!_]*.py")):
            source = file.read_text(encoding="utf-8")
            found = re.search(r'^@pulumi\.type_token\("([^"]+)"\)\nclass (\w+)\(', source, re.MULTILINE)
            if found:
                yield Declared(found[1], module, found[2], {**shared, **dict(_classes(source))})


def _classes(source: str) -> Iterator[tuple[str, tuple[Input, ...]]]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Args"):
            yield node.name, tuple(_inputs(node))


def _inputs(node: ast.ClassDef) -> Iterator[Input]:
    for method in node.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        for decorator in method.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(called) != "pulumi.getter":
                continue
            given = [word.value for word in getattr(decorator, "keywords", []) if word.arg == "name"]
            name = ast.literal_eval(given[0]) if given else method.name
            shape = ast.unparse(method.returns) if method.returns else ""
            nested = re.search(r"'(?:\w+\.)*(\w+Args)'", shape)
            words = ast.get_docstring(method) or ""
            yield Input(name, words, nested[1] if nested else "", "Sequence[" in shape)


def replaces(words: str) -> bool:
    """Tell whether a docstring says, without a condition, that a change of the input makes a new resource."""
    sentences = re.split(r"(?<=[.!;)])\s+|\n{2,}", words.strip())
    return any(_FORCES.search(sentence) and not _CONDITION.search(sentence) for sentence in sentences)


def from_words(types: Iterable[Declared]) -> dict[str, set[str]]:
    """The inputs of each type that the SDK's docstrings say replace."""
    return {one.token: {path for path, entry in one.walk() if replaces(entry.words)} for one in types}


def from_cloudformation(
    types: Iterable[Declared], schemas: Path, region: str = "us-east-1"
) -> dict[str, set[str]]:
    """The inputs of each type that AWS's own schemas call create-only, where the SDK has the same names."""
    catalogue = json.loads((schemas / "providers" / f"{region}.json").read_text(encoding="utf-8"))
    known = {_plain(name.removeprefix("AWS::")): file for name, file in catalogue.items()}
    table = {}
    for one in types:
        services = (one.module, *_SERVICES.get(one.module, ()))
        found = next(
            (known[name] for name in (_plain(f"{s}{one.name}") for s in services) if name in known), None
        )
        if found is None:
            continue
        schema = json.loads((schemas / "resources" / f"{found}.json").read_text(encoding="utf-8"))
        names = {_plain(entry.name): entry.name for entry in one.inputs()}
        table[one.token] = {
            names[name]
            for pointer in schema.get("createOnlyProperties", [])
            for name in _sdk_names(pointer.removeprefix("/properties/"), one.name)
            if name in names
        }
    return table


def _sdk_names(property_name: str, resource: str) -> Iterator[str]:
    """What the SDK may call it: the same, in the plural, or `name` for the resource's own name."""
    name = _plain(property_name)
    yield from (name, f"{name}s")
    if name == _plain(f"{resource}Name"):
        yield "name"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9/]", "", name.lower())


def from_schema(schema: Mapping[str, Any]) -> dict[str, set[str]]:
    """The inputs of each type that the provider's own schema marks; a type without any is an empty row."""
    types = schema.get("types", {})

    def walk(properties: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
        for name, entry in properties.items():
            path = f"{prefix}{name}"
            if entry.get("willReplaceOnChanges") or entry.get("replaceOnChanges"):
                yield path
            element, suffix = entry, ""
            while "items" in element:
                element, suffix = element["items"], f"{suffix}[]"
            nested = types.get(element.get("$ref", "").removeprefix("#/types/"), {}).get("properties", {})
            if depth < _DEEPEST:
                yield from walk(nested, f"{path}{suffix}.", depth + 1)

    return {
        token: set(walk(resource.get("inputProperties", {}), "", 0))
        for token, resource in schema["resources"].items()
    }


def fitted(table: Mapping[str, set[str]], types: Iterable[Declared]) -> dict[str, list[str]]:
    """The rows that the installed SDK has, with a `{}` behind each block.

    A provider marks a block (a nested object, or a list of them) for being given or not, and what stands in
    it one by one: `nodeConfig{}` replaces when the block appears, `nodeConfig.machineType` need not.
    """
    rows = {}
    for one in types:
        if one.token in table:
            known = {path: f"{path}{{}}" if entry.nested else path for path, entry in one.walk()}
            rows[one.token] = sorted(known[path] for path in table[one.token] if path in known)
    return rows


def document(source: str, rows: Mapping[str, Iterable[str]], *, complete: bool) -> dict[str, Any]:
    """The file of a table: where it is from, when it was read, whether a row lists all that replaces."""
    return {
        "source": source,
        "captured": datetime.now(UTC).date().isoformat(),
        "complete": complete,
        "types": {token: sorted(rows[token]) for token in sorted(rows)},
    }


def text(table: Mapping[str, Any]) -> str:
    """One row a line, so that a changed row is one changed line."""
    rows = ",\n".join(
        f"    {json.dumps(token)}: {json.dumps(paths)}" for token, paths in table["types"].items()
    )
    head = "".join(f"  {json.dumps(key)}: {json.dumps(table[key])},\n" for key in table if key != "types")
    return f'{{\n{head}  "types": {{\n{rows}\n  }}\n}}\n'


def aws(schemas: Path) -> dict[str, Any]:
    """What the words of the SDK and the schemas of the service say together, where either says any."""
    types = tuple(declared("pulumi_aws"))
    words, service = from_words(types), from_cloudformation(types, schemas)
    rows = {one.token: words[one.token] | service.get(one.token, set()) for one in types}
    released = json.loads((schemas / "version.json").read_text(encoding="utf-8"))["schema_date"][:10]
    words_of = f"docstrings of pulumi-aws {version('pulumi-aws')}"
    source = f"{words_of}; createOnlyProperties of CloudFormation, {released}"
    return document(source, {token: row for token, row in rows.items() if row}, complete=False)


def main() -> int:
    """Write or check one table; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", choices=["aws", "gcp"])
    parser.add_argument("--cloudformation", type=Path, metavar="FOLDER", help="cfnlint/data/schemas")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="the provider's own schema, as JSON")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where the table is stale")
    asked = parser.parse_args()
    target = TABLES / f"{asked.package}_replacements.json"
    if asked.schema:
        schema = json.loads(asked.schema.read_text(encoding="utf-8"))
        rows = fitted(from_schema(schema), declared(f"pulumi_{asked.package}"))
        table = document(f"schema of pulumi-{asked.package} {schema['version']}", rows, complete=True)
    elif asked.package == "aws" and asked.cloudformation:
        table = aws(asked.cloudformation)
    else:
        parser.error("aws needs --cloudformation or --schema, gcp needs --schema")
    if asked.check:
        stale = json.loads(target.read_text(encoding="utf-8"))["types"] != table["types"]
        sys.stdout.write(f"{target.name} is {'stale: run this without --check' if stale else 'up to date'}\n")
        return int(stale)
    target.write_text(text(table), encoding="utf-8")
    sys.stdout.write(f"{target}: {len(table['types'])} types\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
