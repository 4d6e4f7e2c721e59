"""The engine's stream of events (`pulumi preview --json`, one event a line), read into a `Plan`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from .concealment import concealed_entries
from .plan import Diagnostic, Difference, Marker, Op, Plan, Step, Violation, differences

__all__ = ["read_plan"]

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's mark of one
_HIDDEN: Final = "[secret]"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
# The engine's sentinels for an unknown value of each kind (its sdk/go/common/resource/plugin/rpc.go).
_UNKNOWN: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_COLOUR: Final = re.compile(r"<\{%[^%]*%\}>")
_OPS: Final = {
    "same": Op.SAME,
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "read": Op.READ,
    "import": Op.CREATE,
    "read-replacement": Op.READ,
    "replace": Op.REPLACE,
    "create-replacement": Op.REPLACE,
    "delete-replaced": Op.REPLACE,
    "import-replacement": Op.REPLACE,
    "discard-replaced": Op.REPLACE,
    "discard": Op.READ,
    "remove-pending-replace": Op.SAME,
    "refresh": Op.SAME,
}


def read_plan(
    lines: Iterable[str], *, project: str, stack: str, seen: Callable[[Step], object] | None = None
) -> Plan:
    """Read events; `seen` is told each step when it is complete, for progress.

    A line that is not an event (a program may print to the same stream) is passed over.
    """
    steps: dict[str, Step] = {}
    order: dict[str, list[str]] = {}
    renamed: dict[str, str] = {}
    diagnostics: list[Diagnostic] = []
    violations: list[Violation] = []
    config: dict[str, str] = {}
    for line in lines:
        match _event(line):
            case {"preludeEvent": {"config": said}}:
                config = {key: value for key, value in said.items() if value != _HIDDEN}
            case {"resourcePreEvent": {"metadata": metadata}} | {"resOutputsEvent": {"metadata": metadata}}:
                metadata = _of_its_successor(metadata, renamed)
                urn = metadata["urn"]
                _adopt(metadata, steps, order, renamed)
                first = urn not in steps
                order.setdefault(urn, []).append(metadata["op"])
                steps[urn] = _merged(steps.get(urn), _step(metadata), order[urn])
                if first and seen:
                    seen(steps[urn])
            case {"diagnosticEvent": {"severity": severity, "message": message} as said}:
                if severity in {"error", "warning", "info", "info#err"} and not said.get("ephemeral"):
                    text = _COLOUR.sub("", message).strip()
                    diagnostics.append(Diagnostic(severity.partition("#")[0], text, said.get("urn", "")))
            case {"policyEvent": said}:
                violations.append(_violation(said))
    return Plan(
        project=project,
        stack=stack,
        steps=_in_order(steps),
        diagnostics=tuple(diagnostic for diagnostic in diagnostics if diagnostic.message),
        violations=tuple(violations),
        config=config,
    )


def _in_order(steps: Mapping[str, Step]) -> tuple[Step, ...]:
    """Each below its parent and beside its siblings by name: the engine tells them as they happen to come."""

    def place(step: Step) -> tuple[str, ...]:
        above = steps.get(step.parent)
        return (*(place(above) if above else ()), step.name, step.type)

    return tuple(sorted(steps.values(), key=place))


def _of_its_successor(metadata: Mapping[str, Any], renamed: Mapping[str, str]) -> Mapping[str, Any]:
    """The removal of what an alias replaces is told under the old URN: it belongs to the new one."""
    if metadata["op"] == "delete-replaced" and metadata["urn"] in renamed:
        return {**metadata, "urn": renamed[metadata["urn"]]}
    return metadata


def _adopt(
    metadata: Mapping[str, Any], steps: dict[str, Step], order: dict[str, list[str]], renamed: dict[str, str]
) -> None:
    """Learn that a URN is the new one of another, whose removal may have been told before."""
    urn, was = metadata["urn"], (metadata.get("old") or {}).get("urn") or metadata["urn"]
    if urn == was or metadata["op"] == "delete-replaced":
        return
    renamed[was] = urn
    if urn not in steps and set(order.get(was, ())) == {"delete-replaced"}:
        steps[urn], order[urn] = steps.pop(was), order.pop(was)


def _event(line: str) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _step(metadata: Mapping[str, Any]) -> Step:
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    op = _OPS.get(metadata["op"], Op.UPDATE)
    before = _plain(old["inputs"]) if old else None
    after = _plain(new["inputs"]) if new and op is not Op.DELETE else None
    side = new or old
    outputs = _plain(new.get("outputs") or {}) if op is not Op.DELETE else {}
    return Step(
        urn=metadata["urn"],
        op=op,
        parent=side.get("parent") or "",
        custom=bool(side.get("custom")),
        before=_discreet(before),
        after=_discreet(after),
        outputs_before=_discreet(_plain(old.get("outputs") or {})),
        outputs_after=_discreet(outputs),
        differences=tuple(_differences(op, before, after, metadata)),
        protect=bool(side.get("protect")),
        protect_before=bool(old.get("protect")),
        provider=(side.get("provider") or "").rpartition("::")[0],
        retain=bool(side.get("retainOnDelete")),
        retain_before=bool(old.get("retainOnDelete")),
    )


def _differences(
    op: Op, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, metadata: Mapping[str, Any]
) -> Iterable[Difference]:
    if op not in {Op.UPDATE, Op.REPLACE} or metadata["op"] == "delete-replaced":
        return
    told = metadata.get("detailedDiff") or {}
    replacing = {path for path, diff in told.items() if "replace" in diff["diffKind"]}
    replacing |= set(metadata.get("keys") or ())
    found = list(differences(before or {}, after or {}))
    before, after = _discreet(before), _discreet(after)
    for difference in found:
        causes = any(_touches(difference.path, path) for path in replacing)
        path = difference.path
        yield Difference(path, _at(before, path), _at(after, path), replaces=causes)
    # A secret that changed, and what drifted, show in the engine's own diff only.
    for path in told:
        if not any(_touches(difference.path, path) for difference in found):
            yield Difference(path, _at(before, path), _at(after, path), path in replacing)


def _merged(known: Step | None, step: Step, ops: list[str]) -> Step:
    """A replacement is told as two or three steps of one URN; outputs follow in an event of their own."""
    if known is None:
        return step
    if Op.REPLACE in {known.op, step.op}:
        # Deleted first, where the engine says so before it says that it creates.
        made = next((i for i, op in enumerate(ops) if op == "create-replacement"), len(ops))
        gone = next((i for i, op in enumerate(ops) if op == "delete-replaced"), len(ops))
        full = step if step.after is not None else known
        return replace(
            full,
            op=Op.REPLACE,
            before=known.before if known.before is not None else step.before,
            differences=full.differences or known.differences,
            delete_first=gone < made,
        )
    return replace(step, differences=step.differences or known.differences)


def _violation(said: Mapping[str, Any]) -> Violation:
    return Violation(
        policy=f"{said.get('policyPackName', '')}/{said.get('policyName', '')}",
        message=_COLOUR.sub("", said.get("message", "")).strip(),
        mandatory=said.get("enforcementLevel") == "mandatory",
        urn=said.get("resourceUrn", ""),
    )


def _plain(value: Any) -> Any:
    match value:
        case dict() if value.get(_SIGNATURE) == _SECRET:
            return Marker.SECRET
        case dict() if value.get(_SIGNATURE) == _OUTPUT:
            return _plain(value["value"]) if "value" in value else Marker.UNKNOWN
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case str() if value == _HIDDEN:
            return Marker.SECRET
        case str() if value in _UNKNOWN:
            return Marker.UNKNOWN
    return value


def _discreet(values: Any) -> Any:
    """The values without what their neighbours tell to be a secret; a field's own path tells the rest."""
    return concealed_entries(values, Marker.SECRET)


_PART: Final = re.compile(r'\["(?P<quoted>[^"]*)"\]|\[(?P<index>\d+)\]|(?P<key>[^.\[\]]+)')


def _parts(path: str) -> list[str | int]:
    return [
        int(match["index"]) if match["index"] else match["quoted"] or match["key"]
        for match in _PART.finditer(path)
    ]


def _touches(one: str, other: str) -> bool:
    """Whether one path is the other, or leads to it."""
    a, b = _parts(one), _parts(other)
    shorter = min(len(a), len(b))
    return a[:shorter] == b[:shorter]


def _at(inputs: Mapping[str, Any] | None, path: str) -> Any:
    value: Any = inputs or {}
    for part in _parts(path):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return Marker.SECRET if value is Marker.SECRET else Marker.ABSENT
    return value
