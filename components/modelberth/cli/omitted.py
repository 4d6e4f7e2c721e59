"""What a resource owes to each setting: the program is planned without one setting after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from modelberth.capabilities import check
from modelberth.cli.config import config_of, with_config
from modelberth.cli.engine import Engine
from modelberth.cli.planning import planned
from modelberth.cli.stack import Stack
from modelberth.errors import SpecError
from modelberth.preview.plan import Plan, Step
from modelberth.preview.provenance import Influence, Keys, Omission, influence, omissions, without
from modelberth.spec import EndpointDeployment, parse

__all__ = ["MOST_RUNS", "Experiment", "candidates", "experiment"]

MOST_RUNS: Final = 24
"""Plans of one experiment; each takes some seconds."""
_AT_ONCE: Final = 2

Config = Mapping[str, Any]
Progress = Callable[[int, int], object]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What came out, by path in the config."""

    influences: tuple[Influence, ...]
    without_influence: tuple[str, ...] = ()
    needed: Mapping[str, str] = field(default_factory=dict)
    """Why the program fails without it."""
    not_tried: Mapping[str, str] = field(default_factory=dict)
    """Why it was not tried."""
    endpoint: Keys = ()
    """The entry of the resource's endpoint; empty where it belongs to none of the config's."""

    @property
    def tried(self) -> bool:
        """Whether any plan was made."""
        return bool(self.influences or self.without_influence or self.needed)


def experiment(engine: Engine, stack: Stack, plan: Plan, step: Step, *, seen: Progress) -> Experiment:
    """Plan the program without each setting that may matter to the resource.

    `seen` is told how many plans are done and how many there will be.
    """
    config: Config = config_of(stack)
    owner = plan.owner(step)
    endpoint = _entry(config, stack.project, owner.name if owner else "")
    wanted, not_tried = candidates(config, stack.project, endpoint, owner.name if owner else "")
    seen(0, len(wanted))

    def run(omission: Omission) -> Plan:
        with with_config(stack, without(config, omission.keys)) as file:
            return planned(engine, stack, offline=True, config=file)

    influences, none, needed = [], [], {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done, (omission, other) in enumerate(zip(wanted, pool.map(run, wanted), strict=True), 1):
            seen(done, len(wanted))
            errors = [d.message.strip() for d in other.diagnostics if d.severity == "error"]
            if errors:
                needed[omission.path] = _last_line(errors[0])
            elif found := influence(omission, step, other):
                influences.append(found)
            else:
                none.append(omission.path)
    return Experiment(
        influences=tuple(influences),
        without_influence=tuple(none),
        needed=needed,
        not_tried=not_tried,
        endpoint=endpoint,
    )


def candidates(
    config: Config, project: str, endpoint: Keys, owner: str
) -> tuple[tuple[Omission, ...], Mapping[str, str]]:
    """The parts of the config to leave out, and those not to, with why.

    Of an endpoint's resource only the endpoint's own entry counts. What the spec requires gives way to the
    part around it; what is the default already would change nothing.
    """
    usual = _deployments(config, project)
    if usual is None:  # the config has a shape of the program's own
        found = list(omissions(config))
        found.sort(key=lambda omission: not _names(omission, owner))
    else:
        found = list(omissions(config, endpoint, lambda other: _deployments(other, project) is not None))
        found.sort(key=lambda omission: omission.keys != endpoint)
    not_tried = {
        omission.path: "it is the default"
        for omission in found
        # what the program does with the rest of the config is not known before it is tried
        if usual is not None
        and omission.keys[0] == f"{project}:endpoints"
        and _deployments(without(config, omission.keys), project) == usual
    }
    wanted = [omission for omission in found if omission.path not in not_tried]
    parts = {omission.keys for omission in found} - {endpoint}
    not_tried |= {
        leaf.path: "it is required"
        for leaf in omissions(config, endpoint)
        if not any(leaf.keys[:length] in parts for length in range(len(leaf.keys) + 1))
    }
    not_tried |= {omission.path: f"only {MOST_RUNS} are" for omission in wanted[MOST_RUNS:]}
    return tuple(wanted[:MOST_RUNS]), not_tried


def _entry(config: Config, project: str, name: str) -> Keys:
    """Where an endpoint stands in a config of the standard shape."""
    key = f"{project}:endpoints"
    deployments = _deployments(config, project) or ()
    return next(((key, i) for i, deployment in enumerate(deployments) if deployment.name == name), ())


def _names(omission: Omission, owner: str) -> bool:
    return any(isinstance(key, str) and key.rpartition(":")[2] == owner for key in omission.keys)


def _deployments(config: Config, project: str) -> tuple[EndpointDeployment, ...] | None:
    """The endpoints of a config; None where it has none, or one that is refused."""
    entries = config.get(f"{project}:endpoints")
    if not isinstance(entries, list) or not entries:
        return None
    try:
        found = tuple(parse(EndpointDeployment, entry) for entry in entries)
    except SpecError:
        return None
    return None if any(check(deployment.spec, deployment.target) for deployment in found) else found


def _last_line(text: str) -> str:
    return text.splitlines()[-1].strip()
