"""What the stand-in of a cluster refuses by itself, and what the API server refuses, in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelberth.kubernetes.api.connection import RefusedError
from modelberth.preview.standins.cluster import manifest
from modelberth.preview.standins.cluster.manifest import Identity
from modelberth.preview.standins.values import scrubbed
from modelberth.provider.resource import CheckFailure, ResourceError

__all__ = [
    "FORCE",
    "PROPAGATION",
    "SKIP_AWAIT",
    "TIMEOUT",
    "in_words",
    "lingering",
    "unsupported",
    "unsupported_config",
]

FORCE: Final = "pulumi.com/patchForce"
PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
TIMEOUT: Final = "pulumi.com/timeoutSeconds"
_WAIT_FOR: Final = "pulumi.com/waitFor"
_PROPAGATIONS: Final = ("background", "foreground", "orphan")
_NO_OBJECTS: Final = ("helm.sh/", "kustomize", "yaml")
_WAY_OUT: Final = (
    "Take it out, or leave the package to its plugin: StandIns(packages=[...]) without kubernetes"
)
_OWNER: Final = re.compile(r'conflict with "([^"]+)"')


def unsupported(token: str, news: Mapping[str, Any]) -> Sequence[CheckFailure]:
    """What is not to be had here, and what could not be read later."""
    module, kind = token.split(":")[1:]
    if module.startswith(_NO_OBJECTS) or not (news.get("apiVersion") and news.get("kind")):
        reason = f"{token}: no object of the API server, which is all that a stand-in for a cluster makes"
        return [CheckFailure("", reason)]
    if kind.endswith("Patch"):
        reason = "patches of objects that others own are not supported; declare the object itself"
        return [CheckFailure("kind", reason)]
    if kind.endswith("List"):
        return [CheckFailure("items", f"{kind} is no object of its own; declare each item as a resource")]
    if manifest.annotation(news, _WAIT_FOR):
        reason = f"not supported by the stand-in; allowed: {SKIP_AWAIT}, {TIMEOUT}"
        return [CheckFailure(f'metadata.annotations["{_WAIT_FOR}"]', reason)]
    seconds = manifest.annotation(news, TIMEOUT)
    if seconds and not (seconds.isdecimal() and int(seconds)):
        reason = f"given {seconds!r}, allowed: a whole number of seconds from 1"
        return [CheckFailure(f'metadata.annotations["{TIMEOUT}"]', reason)]
    propagation = manifest.annotation(news, PROPAGATION)
    if propagation and propagation not in _PROPAGATIONS:
        reason = f"given {propagation!r}, allowed: {', '.join(_PROPAGATIONS)}"
        return [CheckFailure(f'metadata.annotations["{PROPAGATION}"]', reason)]
    return ()


def unsupported_config(config: Mapping[str, Any]) -> Sequence[CheckFailure]:
    """What a provider's configuration asks for that is not to be had here; values are JSON in texts."""
    failures = []
    if config.get("renderYamlToDirectory"):
        reason = f"the stand-in for a cluster applies objects and renders none. {_WAY_OUT}"
        failures.append(CheckFailure("", f"renderYamlToDirectory: {reason}"))
    if str(config.get("enableServerSideApply", "")).lower() == "false":
        reason = f"given false, allowed: true: the stand-in for a cluster has no other way. {_WAY_OUT}"
        failures.append(CheckFailure("", f"enableServerSideApply: {reason}"))
    return failures


def in_words(identity: Identity, error: RefusedError, hidden: frozenset[str]) -> ResourceError:
    """The refusal, told about the object; a conflict with who owns what."""
    told = str(error)
    owned = [(cause.field, owner[1]) for cause in error.causes if (owner := _OWNER.search(cause.message))]
    if error.status == 409 and owned:
        fields = ", ".join(f'{field} belongs to "{manager}"' for field, manager in owned)
        told = (
            f"{fields}, which set it since. To take it over, give the resource the annotation "
            f'{FORCE}: "true"; to leave it to that manager, take it out of the program'
        )
    return ResourceError(f"{identity}: {scrubbed(told, hidden)}")


def lingering(live: Mapping[str, Any]) -> str:
    """What keeps an object that was told to go."""
    finalizers = (live.get("metadata") or {}).get("finalizers") or ()
    conditions = (live.get("status") or {}).get("conditions") or ()
    told = [f"finalizer {name} is not done" for name in finalizers]
    told += [one["message"] for one in conditions if one.get("status") == "True" and one.get("message")]
    return f": {'; '.join(told)}" if told else ""
