"""Where compiled code would insist on what a type checker believes.

After `if self.error is not None: return` mypy takes `self.error` for None until something is assigned to it
in the same function, whatever the methods do that are called meanwhile. Python does not care; what mypyc made
of it raises a TypeError where the attribute is read and is something by then.
"""

import ast
from collections.abc import Iterator, Sequence

Place = tuple[int, int]


def believed_to_be_none(source: str) -> list[int]:
    """Return the lines that read an attribute of `self` which is None by belief, after a call."""
    lines: set[int] = set()
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for name, region in _regions(function):
                lines.update(_read_after_a_call(name, region))
    return sorted(lines)


def _regions(function: ast.AST) -> Iterator[tuple[str, Sequence[ast.stmt]]]:
    """Yield each attribute that is narrowed to None, and the statements for which it is."""
    for node in ast.walk(function):
        for block in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
            if not isinstance(block, list):
                continue
            for index, statement in enumerate(block):
                if isinstance(statement, ast.If):
                    for name in _compared(statement.test, ast.Is, ast.And):
                        yield name, statement.body
                    if isinstance(statement.body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break):
                        for name in _compared(statement.test, ast.IsNot, ast.Or):
                            yield name, block[index + 1 :]


def _compared(test: ast.expr, operator: type[ast.cmpop], joined: type[ast.boolop]) -> Iterator[str]:
    """Yield the attributes of `self` that a condition compares with None, alone or joined with others."""
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, joined) else [test]
    for part in parts:
        match part:
            case ast.Compare(
                left=ast.Attribute(value=ast.Name(id="self"), attr=name),
                ops=[found],
                comparators=[ast.Constant(value=None)],
            ) if isinstance(found, operator):
                yield name


def _read_after_a_call(name: str, region: Sequence[ast.stmt]) -> Iterator[int]:
    nodes = [node for statement in region for node in ast.walk(statement)]
    calls = [_end(node) for node in nodes if isinstance(node, ast.Call)]
    found = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == name]
    stores = [_end(node) for node in found if isinstance(node.ctx, ast.Store)]
    for node in found:
        place = (node.lineno, node.col_offset)
        if (
            isinstance(node.ctx, ast.Load)
            and any(call <= place for call in calls)
            and not any(store <= place for store in stores)
        ):
            yield node.lineno


def _end(node: ast.expr) -> Place:
    return (node.end_lineno or 0, node.end_col_offset or 0)
