"""What a planned change means to the people who call an endpoint, pay for it or answer for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

__all__ = ["Calls", "Effect", "Kind", "Severity"]


class Severity(IntEnum):
    """How much care a change asks for."""

    NONE = 0
    CHANGE = 1
    DANGER = 2
    """Calls may fail, data may be lost, or somebody may do what they could not do before."""


class Calls(StrEnum):
    """How the calls to an endpoint fare."""

    SAFE = "safe"
    """A rule or a table knows that the change alone lets none of them fail."""
    MAY_FAIL = "may_fail"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What happens."""

    UNCHANGED = "unchanged"
    CREATED = "created"
    IN_PLACE = "in_place"
    """Changed where it stands."""
    ROLLING = "rolling"
    """New replicas take over from old ones."""
    REPLACED = "replaced"
    """The old one goes and a new one comes."""
    REMOVED = "removed"
    TRAFFIC_MOVED = "traffic_moved"
    """Another share of the calls goes to another revision or variant."""
    COUNT_RESET = "count_reset"
    """The number of replicas that an autoscaler had set is set back."""
    NEWLY_PUBLIC = "newly_public"
    PERMISSIONS_WIDENED = "permissions_widened"
    PERMISSIONS_NARROWED = "permissions_narrowed"
    KEY_CHANGED = "key_changed"
    REGION_CHANGED = "region_changed"
    DATA_DELETED = "data_deleted"
    PROTECTION_LIFTED = "protection_lifted"
    """What kept somebody from deleting it by mistake is off."""
    PROTECTED = "protected"
    """Something keeps it from being deleted from now on."""
    REFUSED = "refused"
    """The engine, the service or the cluster will not do it: the update stops there."""
    ADDRESS_CHANGED = "address_changed"
    """Callers must call another URL."""
    UNKNOWN = "unknown"
    """The tables do not say whether this change replaces: the real preview does."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One thing that happens, as a sentence and as data."""

    kind: Kind
    severity: Severity
    sentence: str
    """A whole sentence for a reviewer, with the property and its values where that helps."""
    urn: str = ""
    """Resource that causes it; empty where the endpoint as a whole is meant."""
    paths: tuple[str, ...] = ()
    """The properties that cause it."""
    downtime_seconds: tuple[int, int] | None = None
    """For how long calls fail, shortest and longest usual time; None where no such time is known."""
    calls: Calls = Calls.UNKNOWN
    of_callers: bool = False
    """Of a permission: whether it is about who may call, not about what the endpoint itself may do."""
    extra_gpus: int = 0
    """GPUs that are needed for the time of the change, on top of those in use."""
