"""The picture of a stack: a tree of components and resources, each marked with what happens to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from modelberth.preview.plan import Op, Plan, Step

from .plain import one_line

__all__ = ["CLASSES", "MOST_NODES", "Node", "mermaid", "tree"]

MOST_NODES: Final = 60
"""Nodes beyond which a picture is no longer read at a glance."""

CLASSES: Final = {Op.CREATE: "created", Op.UPDATE: "changed", Op.REPLACE: "replaced", Op.DELETE: "removed"}
_GRAVITY: Final = (Op.REPLACE, Op.DELETE, Op.UPDATE, Op.CREATE)
_LONGEST: Final = 40
_STYLES: Final = (
    "classDef created fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    "classDef changed fill:#fff8c5,stroke:#9a6700,color:#1f2328",
    "classDef replaced fill:#ffebe9,stroke:#cf222e,color:#1f2328",
    "classDef removed fill:#eaeef2,stroke:#6e7781,color:#57606a,stroke-dasharray:4 3",
)


@dataclass(frozen=True)
class Node:
    """A resource, a component with what is in it, or several of them folded into one."""

    label: str
    type: str = ""
    """Last part of its type; empty where it stands for several."""
    op: Op = Op.SAME
    """What happens to it, or the gravest that happens to what is folded into it."""
    inside: str = ""
    """What happens to what is folded into it."""
    children: tuple[Node, ...] = ()

    @property
    def size(self) -> int:
        """Nodes of the tree."""
        return 1 + sum(child.size for child in self.children)

    @property
    def ops(self) -> Counter[Op]:
        """What happens below it, counted by kind, without what stays."""
        found = Counter([self.op] if self.op in CLASSES else [])
        for child in self.children:
            found += child.ops
        return found


def tree(plan: Plan, most: int | None = None) -> Node:
    """The stack as a tree of at most `most` nodes; what does not change is folded into a count."""
    below: dict[str, list[Step]] = {}
    for step in plan.steps:
        # A provider is plumbing, and is shown only where it changes.
        if step is not plan.stack_step and (step.changes or not step.type.startswith("pulumi:providers:")):
            parent = step.parent if step.parent in plan.by_urn else ""
            below.setdefault("" if _is_stack(plan, parent) else parent, []).append(step)
    root = Node(f"{plan.project}/{plan.stack}", children=_unchanged_folded(_nodes(below, "")))
    return root if most is None else _fitted(root, max(most, 3))


def mermaid(plan: Plan, most: int = MOST_NODES) -> str:
    """The picture as a Mermaid flowchart; no text of the program can leave its label."""
    lines = ["flowchart LR"]
    numbers = count()

    def draw(node: Node) -> str:
        me = f"n{next(numbers)}"
        mark = f":::{CLASSES[node.op]}" if node.op in CLASSES else ""
        lines.append(f'  {me}["{"<br/>".join(map(_escaped, _said(node)))}"]{mark}')
        lines.extend(f"  {me} --> {draw(child)}" for child in node.children)
        return me

    draw(tree(plan, most))
    return "\n".join([*lines, *(f"  {style}" for style in _STYLES)]) + "\n"


def _is_stack(plan: Plan, urn: str) -> bool:
    return plan.stack_step is not None and plan.stack_step.urn == urn


def _nodes(below: dict[str, list[Step]], parent: str) -> Iterator[Node]:
    for step in below.get(parent, ()):
        children = _unchanged_folded(_nodes(below, step.urn))
        yield Node(
            step.name, step.type.rpartition(":")[2], step.op if step.changes else Op.SAME, children=children
        )


def _unchanged_folded(nodes: Iterator[Node]) -> tuple[Node, ...]:
    """Nodes in which nothing happens become one, unless there is only one."""
    found = list(nodes)
    still = [node for node in found if not node.ops]
    if len(still) < 2:
        return tuple(replace(node, children=()) if node in still else node for node in found)
    return (*(node for node in found if node.ops), Node(f"{len(still):,} unchanged"))


def _fitted(root: Node, most: int) -> Node:
    """Fold the insides of nodes, the least grave first, then leave out whole ones."""
    children = list(root.children)
    gravest_first = sorted(range(len(children)), key=lambda number: _urgency(children[number]))
    size = root.size
    for number in reversed(gravest_first):
        if size <= most:
            break
        folded = _folded(children[number])
        size -= children[number].size - folded.size
        children[number] = folded
    if size <= most:
        return replace(root, children=tuple(children))
    shown = sorted(gravest_first[: most - 2])
    left_out = Node("", children=tuple(children[number] for number in gravest_first[most - 2 :]))
    more = replace(_folded(left_out), label=f"{len(left_out.children):,} more")
    return replace(root, children=(*(children[number] for number in shown), more))


def _folded(node: Node) -> Node:
    """One node in place of a tree, with what happens in it."""
    if not node.children:
        return node
    gravest = next((op for op in _GRAVITY if node.ops[op]), Op.SAME)
    told = ", ".join(f"{node.ops[op]:,} {CLASSES[op]}" for op in _GRAVITY if node.ops[op])
    return replace(node, inside=told, op=gravest, children=())


def _urgency(node: Node) -> tuple[int, ...]:
    return tuple(-node.ops[op] for op in _GRAVITY)


def _said(node: Node) -> Sequence[str]:
    """Lines of a label: the name, then the type and what happens; colour alone tells nothing to some."""
    happens = CLASSES.get(node.op, "") if not node.inside else node.inside
    return [line for line in (_cut(node.label), ", ".join(filter(None, (_cut(node.type), happens)))) if line]


def _cut(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _escaped(text: str) -> str:
    """Everything but letters, digits and a few harmless signs as Mermaid's numbered entity."""
    return re.sub(r"[^A-Za-z0-9 ,_/-]", lambda match: f"#{ord(match[0])};", text)
