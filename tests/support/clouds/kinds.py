"""Kinds of endpoint, with one change for each field of their specs and targets, and what the changes do.

A field that a kind honours and that has no change fails the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from modelberth.capability_table import load
from modelberth.spec import EndpointSpec, KubernetesTarget
from modelberth.spec.kubernetes import ClusterTarget
from modelberth.spec.shape import leaves
from support.clouds.change import Change, Config, merged

__all__ = ["AROUND_PODS", "Kind", "named", "surprising"]

AROUND_PODS: Final = ("name", "model.uri", "security.identity", "labels", "protect")
"""What of the spec is more than pods; the rest is a change of Kubernetes' objects, as in any cluster.

`security.key` is not: a cluster that is made here is encrypted with it, so another is made.
"""


@dataclass(frozen=True)
class Kind:
    """A kind of endpoint.

    Attributes:
        name: of it, as in `target.kind`
        smallest: its smallest config
        target: the class of its target
        spec: a change for each field of the spec, as its cloud has it
        changes: one for each field of the target, and those of the spec that are other than elsewhere
        unchanged: fields that have no change of their own
        completed: adds what this kind needs beside the fields of the spec
        only: fields of the spec that are changed; None: all that the kind honours

    """

    name: str
    smallest: Config
    target: type[BaseModel]
    spec: Mapping[str, Change]
    changes: Mapping[str, Change]
    unchanged: Collection[str]
    completed: Callable[[Config], dict[str, Any]] = dict
    only: tuple[str, ...] | None = None

    def configs(self, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The config before and after the change of a field."""
        change = self.changes.get(path) or self.spec[path]
        before = merged(self.smallest, change.before)
        return self.completed(before), self.completed(merged(before, change.after))

    def fields(self) -> Iterator[str]:
        """Every field that can be changed, in the order of the spec."""
        table = load()[self.name]
        for leaf in leaves(EndpointSpec):
            row = table.row(leaf.path)
            if leaf.path in self.unchanged or (self.only is not None and leaf.path not in self.only):
                continue
            if row is not None and not row.is_refused and len(row.values) != 1:
                yield leaf.path
        # What pods in any cluster have is no part of a target in a cloud.
        of_pods = issubclass(self.target, ClusterTarget)
        shared = {leaf.path for leaf in leaves(KubernetesTarget, "target.")} if of_pods else set()
        skipped = {*self.unchanged, *shared}
        every = [leaf.path for leaf in leaves(self.target, "target.") if leaf.path not in skipped]
        yield from dict.fromkeys([*every, *(path for path in self.changes if path.startswith("target."))])


def surprising(table: Mapping[str, list[str]], usual: Collection[str]) -> set[str]:
    """Fields whose change replaces or deletes something beside what is usual, or does nothing."""
    return {
        path
        for path, lines in table.items()
        if not lines
        or any(line.startswith(("replaced", "gone")) and named(line) not in usual for line in lines)
    }


def named(line: str) -> str:
    """A line of a table without the inputs that changed."""
    return line.partition(":")[0]
