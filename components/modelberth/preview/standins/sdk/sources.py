"""Reads the classes of a generated Pulumi SDK from their source text, without importing them.

Importing is out of the question for a preview: on two cores `pulumi_aws.sagemaker` takes 1.3 s,
`pulumi_gcp.compute` 5 s and `pulumi_kubernetes.core.v1` 1.2 s, because a module brings all its types. Cut out
of the text, without the bodies of its methods, one class takes less than a millisecond. That is sound because
one code generator writes all SDKs in one form; `tests/preview/test_types.py` compares what is read here with
what an import says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Final

__all__ = ["Definition", "MissingPackage", "MissingType", "Source", "UnknownType", "parsed", "source"]

_ONE_AT_A_TIME: Final = Lock()

_END: Final = re.compile(r"\n(?=@|class |if |else:)")
_BASES: Final = re.compile(r"\n?class \w+\(([^)]*)\):")
_METHOD: Final = re.compile(r"\n    (?=@|def )")
_GETTER: Final = re.compile(
    r'\n    @pulumi\.getter(?:\(name="(\w+)"\))?\n(?:(?!    def ).*\n)*?    def (\w+)\(self\) -> (.+):\n'
)
_CONSTANT: Final = re.compile(r"""pulumi\.set\(__self__, "(\w+)", ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\)""")


class UnknownType(LookupError):  # noqa: N818 - the two below name what is missing
    """No installed SDK describes the type; the message says which and what to do."""


class MissingPackage(UnknownType):
    """The package's SDK is not installed."""


class MissingType(UnknownType):
    """The SDK is installed and has no such type."""


def parsed(text: str) -> ast.Module:
    """Read Python, one thread at a time: two at once fail before 3.11.8 (CPython gh-106905)."""
    with _ONE_AT_A_TIME:
        return ast.parse(text)


@cache
def source(path: Path) -> Source:
    """The source file at a path, read once."""
    return Source(path)


@dataclass(frozen=True)
class Source:
    """One Python file of an SDK, or the `__init__.py` of one of its folders."""

    path: Path

    @cached_property
    def text(self) -> str:
        """The file's text."""
        return self.path.read_text(encoding="utf-8")

    def definition(self, name: str) -> Definition | None:
        """The class of that name that this file itself defines."""
        start = max(self.text.find(f"\nclass {name}:"), self.text.find(f"\nclass {name}("))
        if start < 0:
            return None
        end = _END.search(self.text, start + 1)
        return Definition(self, name, self.text[start : end.start() if end else None])

    def resolve(self, name: str) -> Definition | None:
        """The class that a name such as `_meta.v1.ObjectMetaArgs` means in this file's annotations."""
        *parents, class_name = name.split(".")
        if not parents:
            return self.definition(class_name) or self._imported(class_name)
        folder = self._names.get(parents[0])
        for parent in parents[1:]:
            folder = folder and folder / parent
        return _in_module(folder, class_name) if folder else None

    def _imported(self, class_name: str) -> Definition | None:
        found = (_in_module(module, class_name) for module in self._stars)
        return next((definition for definition in found if definition), None)

    @cached_property
    def _imports(self) -> tuple[ast.ImportFrom, ...]:
        end = min((at for mark in ("\n@", "\nclass ") if (at := self.text.find(mark)) >= 0), default=None)
        # Without the names that it offers, which are many.
        head = parsed("\n".join(line for line in self.text[:end].splitlines() if line.startswith("from .")))
        return tuple(node for node in head.body if isinstance(node, ast.ImportFrom) and node.level)

    def _module(self, node: ast.ImportFrom) -> Path:
        folder = self.path.parents[node.level - 1]
        return folder.joinpath(*node.module.split(".")) if node.module else folder

    @cached_property
    def _names(self) -> Mapping[str, Path]:
        return {
            alias.asname or alias.name: self._module(node) / alias.name
            for node in self._imports
            for alias in node.names
            if alias.name != "*"
        }

    @cached_property
    def _stars(self) -> tuple[Path, ...]:
        return tuple(self._module(node) for node in self._imports if node.names[0].name == "*")


@dataclass(frozen=True)
class Definition:
    """A class, its text, and the file in which its annotations are to be understood."""

    source: Source
    name: str
    text: str = field(repr=False)

    @cached_property
    def node(self) -> ast.ClassDef:
        """The class as Python reads it."""
        node = parsed(self.text).body[0]
        assert isinstance(node, ast.ClassDef)
        return node

    @property
    def bases(self) -> tuple[str, ...]:
        """The base classes as written: `pulumi.CustomResource`, `_builtins.str`."""
        written = _BASES.match(self.text)
        return tuple(base.strip() for base in written[1].split(",")) if written else ()

    @property
    def values(self) -> tuple[str | int | float | bool, ...]:
        """The values of an enum's members, in their order."""
        assigned = (node.value for node in self.node.body if isinstance(node, ast.Assign))
        return tuple(ast.literal_eval(value) for value in assigned)

    @property
    def parameters(self) -> Iterator[tuple[str, ast.expr, bool]]:
        """The constructor's keyword parameters: name, annotation, and whether it must be given."""
        signature, _ = self._constructor
        if not signature:
            return
        init = parsed(f"{signature} pass").body[0]
        assert isinstance(init, ast.FunctionDef)
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
            if argument.annotation is not None:
                yield argument.arg, argument.annotation, default is None

    @cached_property
    def getters(self) -> Mapping[str, tuple[str, ast.expr]]:
        """The properties by their Python name: the name on the wire and the annotation."""
        written = _GETTER.findall(self.text)
        annotated = parsed("\n".join(f"{name}: {annotation}" for _, name, annotation in written)).body
        found: dict[str, tuple[str, ast.expr]] = {}
        for (wire, name, _), node in zip(written, annotated, strict=True):
            assert isinstance(node, ast.AnnAssign)
            found[name] = (wire or name, node.annotation)
        return found

    @property
    def constants(self) -> Mapping[str, str]:
        """The string constants that the constructor fills in by itself, by their Python name."""
        _, body = self._constructor
        return {name: ast.literal_eval(value) for name, value in _CONSTANT.findall(body)}

    @cached_property
    def _constructor(self) -> tuple[str, str]:
        """The constructor's signature and its body; empty where there is none."""
        start = self.text.find("    def __init__(")
        if start < 0:
            return "", ""
        end = self.text.index("):\n", start) + len("):")
        after = _METHOD.search(self.text, end)
        return self.text[start:end].lstrip(), self.text[end : after.start() if after else None]


def _in_module(module: Path, class_name: str) -> Definition | None:
    """The class in a module: a file, or a folder whose input types and enums come first."""
    file = module.with_suffix(".py")
    if file.is_file():
        return source(file).definition(class_name)
    for file in (module / "_inputs.py", module / "_enums.py"):
        if file.is_file() and (found := source(file).definition(class_name)):
            return found
    return None
