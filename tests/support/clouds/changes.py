"""What an update does to a program's resources: in place or replaced, as the tables of the stand-ins say.

The engine's part in it is small, and is done here: inputs that are ignored stay, a replaced resource is made
anew before what depends on it is looked at. `tests/engine` holds some of that against the engine. What is
not done here: other settings of a provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelberth.preview.standins import StandInSettings
from modelberth.preview.standins.backend import Request
from modelberth.provider.resource import Observed, Properties
from support.clouds.graph import CapturingMonitor, Graph, Options, capture

__all__ = ["Update", "updated"]

Program = Callable[[], Any]


@dataclass
class Update:
    """What became of resources, by their names in the program; of those that changed, which inputs did."""

    in_place: dict[str, tuple[str, ...]] = field(default_factory=dict)
    replaced: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """One line for each resource."""
        return [
            *(f"replaced {name}: {', '.join(inputs)}" for name, inputs in sorted(self.replaced.items())),
            *(f"in place {name}: {', '.join(inputs)}" for name, inputs in sorted(self.in_place.items())),
            *(f"new {name}" for name in sorted(self.made)),
            *(f"gone {name}" for name in sorted(self.deleted)),
        ]


def updated(before: Graph, after: Program, settings: StandInSettings, *, own: tuple[str, ...] = ()) -> Update:
    """Deploy a program over what another one has left, as `captured` was told to.

    Raises:
        RefusedError: a stand-in refuses inputs.

    """
    monitor = _Updating(before, settings, own)
    capture(monitor, after)
    urns = {one.urn for one in monitor.made}
    monitor.update.made += [one.name for one in monitor.made if one.urn not in monitor.before]
    monitor.update.deleted += [one.name for urn, one in monitor.before.items() if urn not in urns]
    return monitor.update


class _Updating(CapturingMonitor):
    """Finds what an earlier program has left."""

    def __init__(self, before: Graph, settings: StandInSettings, own: tuple[str, ...]) -> None:
        super().__init__(settings, own)
        self.before = {one.urn: one for one in before.resources}
        self.update = Update()

    def observe(self, asked: Request, inputs: Properties, options: Options) -> tuple[Properties, Observed]:
        old = self.before.get(asked.urn)
        if old is None:
            return super().observe(asked, inputs, options)
        checked = self.check(asked, old.inputs, _kept(old.inputs, inputs, options.ignored))
        if checked is None:
            return inputs, Observed(old.id, inputs, old.outputs)
        changes = self.backend(asked.type).diff(asked, old.id, old.inputs, old.outputs, checked).changes
        is_triggered = old.trigger != options.trigger
        if not changes and not is_triggered:
            return checked, Observed(old.id, checked, old.outputs)
        # Sorted: the wire does not keep the order of properties.
        first = tuple(sorted({one.path.partition(".")[0].partition("[")[0] for one in changes}))
        if is_triggered or any(one.replaces for one in changes):
            self.update.replaced[asked.name] = first
            return super().observe(asked, inputs, options)
        self.update.in_place[asked.name] = first
        outputs = self.backend(asked.type).update(asked, old.id, old.inputs, old.outputs, checked)
        return checked, Observed(old.id, checked, outputs)


def _kept(olds: Mapping[str, Any], inputs: Properties, ignored: Sequence[str]) -> Properties:
    """The inputs with what is ignored as it was: whole inputs, or keys of one."""
    kept = {**inputs}
    for path in ignored:
        name, _, key = path.partition(".")
        if key:
            assert not key.count("."), path
            kept[name] = {**kept[name], key: olds[name][key]}
        elif name in olds:
            kept[name] = olds[name]
        else:
            kept.pop(name, None)
    return kept
