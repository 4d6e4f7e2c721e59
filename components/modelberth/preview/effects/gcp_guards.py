"""Guards of resources of Google Cloud that are taken away: what they guard goes on running, less safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Marker, Op, Plan, Step

from .directions import magnitude
from .effect import Calls, Effect, Kind, Severity
from .protection import lifted
from .rule import Rule, Rules, at, entries
from .wording import changes, code, name, value

__all__ = ["RULES"]

_DAY: Final = 86_400
_LOGS: Final = "loggingConfig.enableComponents"
_METADATA: Final = "nodeConfig.workloadMetadataConfig.mode"
_POOL: Final = "workloadIdentityConfig.workloadPool"


def _lost(path: str, says: str, *, on: object = True, default: object = None) -> Rule:
    """Rule for a switch that keeps something safe while it stands at `on`.

    Args:
        path: the switch
        says: what is so once it does not
        on: its value while it guards
        default: what the service takes where nothing is given

    """

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.before is None or step.after is None:
            return
        before, after = at(step.before, path, default), at(step.after, path, default)
        if before == on and after != on and after is not Marker.UNKNOWN:
            yield lifted(step, f"{name(step)} {says} ({_change(path, before, after)}).", path)

    return rule


def _gone(path: str, says: str) -> Rule:
    """Rule for a part that guards while it is there, whatever it holds."""

    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        stays = step.before is not None and step.after is not None
        if stays and at(step.before, path) and not at(step.after, path):
            yield lifted(step, f"{name(step)} {says} ({code(path)} goes).", path)

    return rule


def _sooner(path: str, says: str, *, default: float) -> Rule:
    """Rule for a time that protects the longer the more.

    Args:
        path: the time in seconds, as a number or as Google writes one, such as `2592000s`
        says: what is so with less of it, with `{before}` and `{after}` in days
        default: what the service takes where nothing is given, in seconds

    """
    return _measured(path, says, lambda before, after: after < before, default)


def _later(path: str, says: str) -> Rule:
    """Rule for a time that protects the shorter the more; that it goes is told by another."""
    return _measured(path, says, lambda before, after: after > before > 0, 0.0)


def _measured(path: str, says: str, is_less_safe: Callable[[float, float], bool], default: float) -> Rule:
    def rule(step: Step, _plan: Plan) -> Iterator[Effect]:
        if step.before is None or step.after is None or at(step.after, path) is Marker.UNKNOWN:
            return
        before, after = (_seconds(side, path, default) for side in (step.before, step.after))
        if is_less_safe(before, after):
            told = says.format(before=f"{before / _DAY:g}", after=f"{after / _DAY:g}")
            yield lifted(step, f"{name(step)} {told}.", path)

    return rule


def _seconds(inputs: Mapping[str, Any], path: str, default: float) -> float:
    given = magnitude(at(inputs, path))
    return default if given is None else given


def _one_zone(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Of a service that had a GPU: capacity for it in more than one zone, or not."""
    path = "template.gpuZonalRedundancyDisabled"
    if step.before is None or step.after is None or not at(step.before, "template.nodeSelector.accelerator"):
        return
    if at(step.before, path, default=False) is not True and at(step.after, path) is True:
        sentence = f"{name(step)} has capacity for its GPU in one zone, and may be without when that fails"
        yield lifted(step, f"{sentence} ({changes(step.changed(path))}).", path)


def _less_written(step: Step, _plan: Plan) -> Iterator[Effect]:
    before, after = (set(entries(at(side, _LOGS))) for side in (step.before, step.after))
    if step.op is Op.UPDATE and (gone := sorted(before - after, key=str)):
        yield lifted(step, f"{name(step)} no longer writes its log of {', '.join(map(str, gone))}.", _LOGS)


def _abac(step: Step, _plan: Plan) -> Iterator[Effect]:
    path = "enableLegacyAbac"
    if step.op is Op.UPDATE and at(step.before, path) is not True and at(step.after, path) is True:
        said = f"{name(step)} lets every service account in it do what it likes with it"
        yield _wider(step, said, path)


def _metadata(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A pod that reaches the machine's metadata takes on the machine's service account."""
    before, after = at(step.before, _METADATA), at(step.after, _METADATA)
    if step.op is Op.UPDATE and before == "GKE_METADATA" and after != "GKE_METADATA":
        said = f"{name(step)} lets what runs on its machines take on their service account"
        yield _wider(step, said, _METADATA)


def _pods(step: Step, _plan: Plan) -> Iterator[Effect]:
    if step.op is Op.UPDATE and at(step.before, _POOL) and not at(step.after, _POOL):
        said = f"{name(step)} no longer gives pods an identity of their own: they act as their machine"
        yield _wider(step, said, _POOL)


def _wider(step: Step, said: str, path: str) -> Effect:
    return Effect(
        kind=Kind.PERMISSIONS_WIDENED,
        severity=Severity.DANGER,
        sentence=f"{said} ({changes(step.changed(path)) or code(path)}).",
        urn=step.urn,
        paths=(path,),
        calls=Calls.SAFE,
    )


def _change(path: str, before: object, after: object) -> str:
    sides = [Marker.ABSENT if side is None else side for side in (before, after)]
    return f"{code(path)} {' → '.join(value(side, path) for side in sides)}"


def _images(inputs: Mapping[str, Any] | None) -> object:
    """The policy that says which images may run; None: any may."""
    return at(inputs, "binaryAuthorization.policy") or at(inputs, "binaryAuthorization.useDefault") or None


def _any_image(step: Step, _plan: Plan) -> Iterator[Effect]:
    path = "binaryAuthorization"
    if step.after is not None and _images(step.before) and not _images(step.after):
        yield lifted(step, f"{name(step)} may run any image: no policy is asked ({code(path)} goes).", path)


def _unwatched(step: Step, _plan: Plan) -> Iterator[Effect]:
    """An alert that nobody is told of any more."""
    path = "notificationChannels"
    if step.op is Op.UPDATE and entries(at(step.before, path)) and at(step.after, path) in (None, [], ()):
        yield lifted(step, f"{name(step)} tells nobody any more ({code(path)} goes).", path)


_PRIVATE: Final = "gives its machines addresses on the internet"
_UNVERIFIED: Final = "no longer checks what its machines start with"

RULES: Rules = {
    "gcp:cloudrunv2/service:Service": (
        _any_image,
        _one_zone,
        _lost("template.vpcAccess.egress", "connects to the internet past its network", on="ALL_TRAFFIC"),
    ),
    "gcp:container/cluster:Cluster": (
        _abac,
        _pods,
        _less_written,
        _lost("enableShieldedNodes", _UNVERIFIED, default=True),
        _lost("privateClusterConfig.enablePrivateNodes", _PRIVATE),
        _lost(
            "binaryAuthorization.evaluationMode",
            "may run any image: no policy is asked",
            on="PROJECT_SINGLETON_POLICY_ENFORCE",
        ),
        _gone("releaseChannel.channel", "no longer gets releases of Kubernetes by itself"),
    ),
    "gcp:container/nodePool:NodePool": (
        _metadata,
        _lost("networkConfig.enablePrivateNodes", _PRIVATE),
        _lost("nodeConfig.shieldedInstanceConfig.enableSecureBoot", _UNVERIFIED),
        _lost("nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring", _UNVERIFIED, default=True),
        _lost("management.autoRepair", "no longer replaces machines that fail"),
        _lost("management.autoUpgrade", "no longer gets releases of Kubernetes by itself"),
    ),
    "gcp:kms/cryptoKey:CryptoKey": (
        _gone("rotationPeriod", "is no longer rotated"),
        _later("rotationPeriod", "is rotated every {after} days, not every {before}"),
        _sooner(
            "destroyScheduledDuration",
            "can be taken back for {after} days once it is destroyed, not {before}",
            default=30 * _DAY,
        ),
    ),
    "gcp:artifactregistry/repository:Repository": (
        _lost("dockerConfig.immutableTags", "lets a tag be moved to another image"),
        _lost(
            "vulnerabilityScanningConfig.enablementConfig", "no longer has its images scanned", on="INHERITED"
        ),
    ),
    "gcp:storage/bucket:Bucket": (
        _sooner(
            "retentionPolicy.retentionPeriod",
            "keeps its objects from deletion for {after} days, not {before}",
            default=0,
        ),
        _lost("uniformBucketLevelAccess", "lets an access list of each object decide who reads it"),
        _sooner(
            "softDeletePolicy.retentionDurationSeconds",
            "gives back what was deleted for {after} days, not {before}",
            default=7 * _DAY,
        ),
        _gone("logging.logBucket", "no longer has written down who reads and writes it"),
    ),
    "gcp:monitoring/alertPolicy:AlertPolicy": (
        _unwatched,
        _lost("enabled", "no longer alerts", default=True),
    ),
}
