"""Reads the classes of a generated Pulumi SDK from their source text, without importing them.

Importing is out of the question for a preview: on two cores `pulumi_aws.sagemaker` takes 1.3 s,
`pulumi_gcp.compute` 5 s and `pulumi_kubernetes.core.v1` 1.2 s, because a module brings all its types. Cut out
of the text, one class takes about a millisecond. That is sound because one code generator writes all SDKs in
one form; `tests/preview/test_types.py` compares what is read here with what an import says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Final

__all__ = ["Definition", "MissingPackage", "MissingType", "Source", "UnknownType", "source"]

_END: Final = re.compile(r"\n(?=@|class |if |else:)")


class UnknownType(LookupError):  # noqa: N818 - the two below name what is missing
    """No installed SDK describes the type; the message says which and what to do."""


class MissingPackage(UnknownType):
    """The package's SDK is not installed."""


class MissingType(UnknownType):
    """The SDK is installed and has no such type."""


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
        head = ast.parse(self.text[:end])
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
        node = ast.parse(self.text).body[0]
        assert isinstance(node, ast.ClassDef)
        return node

    @property
    def bases(self) -> tuple[str, ...]:
        """The base classes as written: `pulumi.CustomResource`, `_builtins.str`."""
        return tuple(ast.unparse(base) for base in self.node.bases)

    @property
    def values(self) -> tuple[str | int | float | bool, ...]:
        """The values of an enum's members, in their order."""
        assigned = (node.value for node in self.node.body if isinstance(node, ast.Assign))
        return tuple(ast.literal_eval(value) for value in assigned)

    @property
    def parameters(self) -> Iterator[tuple[str, ast.expr, bool]]:
        """The constructor's keyword parameters: name, annotation, and whether it must be given."""
        init = self._method("__init__")
        if init is None:
            return
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
            if argument.annotation is not None:
                yield argument.arg, argument.annotation, default is None

    @cached_property
    def getters(self) -> Mapping[str, tuple[str, ast.expr]]:
        """The properties by their Python name: the name on the wire and the annotation."""
        found: dict[str, tuple[str, ast.expr]] = {}
        for node in self.node.body:
            if not isinstance(node, ast.FunctionDef) or node.returns is None:
                continue
            for decorator in node.decorator_list:
                call = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(call, ast.Attribute) and call.attr == "getter":
                    found[node.name] = (_wire_name(decorator) or node.name, node.returns)
        return found

    @property
    def constants(self) -> Mapping[str, str]:
        """The string constants that the constructor fills in by itself, by their Python name."""
        init = self._method("__init__")
        found = {}
        for statement in init.body if init else ():
            match statement:
                case ast.Expr(
                    ast.Call(
                        ast.Attribute(attr="set"), [_, ast.Constant(str(name)), ast.Constant(str(value))]
                    )
                ):
                    found[name] = value
        return found

    def _method(self, name: str) -> ast.FunctionDef | None:
        methods = (node for node in self.node.body if isinstance(node, ast.FunctionDef))
        return next((node for node in methods if node.name == name), None)


def _wire_name(decorator: ast.expr) -> str | None:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    names = (word.value for word in keywords if word.arg == "name")
    return next((str(name.value) for name in names if isinstance(name, ast.Constant)), None)


def _in_module(module: Path, class_name: str) -> Definition | None:
    """The class in a module: a file, or a folder whose input types and enums come first."""
    file = module.with_suffix(".py")
    if file.is_file():
        return source(file).definition(class_name)
    for file in (module / "_inputs.py", module / "_enums.py"):
        if file.is_file() and (found := source(file).definition(class_name)):
            return found
    return None
