"""What changes of Google Cloud resources mean for the callers of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .effect import Effect, Kind, Severity
from .keys import encrypted
from .lifecycle import behind, holds, needs_gpus, rolling, serves
from .protection import forced, guarded
from .rule import Rules, at, found, known
from .traffic import Shares, mapped, moves, shares_of
from .wording import changes, name, value

__all__ = ["RULES"]


def _revision(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Cloud Run makes a revision of each changed template and sends calls there once it is ready."""
    differences = step.changed("template")
    if step.op is not Op.UPDATE or not differences:
        return
    before, after = _gpus_always(step.before or {}), _gpus_always(step.after or {})
    extra = min(before, after)  # beside those of the larger revision, which stay or were there
    pinned = "" if _gets_calls(step.after or {}) else ", which gets no calls before a share is given to it"
    sentence = (
        f"{name(step)} gets a new revision{pinned}; the old one serves until it is ready"
        f"{needs_gpus(extra, after - before)} ({changes(differences)})."
    )
    yield rolling(step, sentence, differences, gpus=extra)


def _gpus_always(inputs: Mapping[str, Any]) -> int:
    """GPUs of the instances that are always there."""
    least = at(inputs, "template.scaling.minInstanceCount", 0)
    return _gpus(inputs) * least if isinstance(least, int) else 0


def _gpus(inputs: Mapping[str, Any]) -> int:
    counts = (
        str(limits.get("nvidia.com/gpu"))
        for _, limits in found(inputs, "template.containers[].resources.limits")
        if isinstance(limits, Mapping)
    )
    return sum(int(count) for count in counts if count.isdigit())


def _gets_calls(inputs: Mapping[str, Any]) -> bool:
    """Whether the template's revision has a share: as the latest one, or by the name that it is given."""
    traffics = [entry for _, entry in found(inputs, "traffics[]")]
    revision = at(inputs, "template.revision")
    return not traffics or any(
        at(entry, "percent", 0) and (_is_latest(entry) or (revision and at(entry, "revision") == revision))
        for entry in traffics
    )


def _is_latest(entry: Any) -> bool:
    return at(entry, "type") == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" or at(entry, "latestRevision") is True


def _shares(inputs: Mapping[str, Any]) -> Shares:
    entries = [entry for _, entry in found(inputs, "traffics[]")]
    if not entries:
        return {"the newest revision": 100.0}
    return shares_of((_who(entry), at(entry, "percent", 0)) for entry in entries)


def _who(entry: Any) -> str:
    revision = at(entry, "revision") or at(entry, "revisionName")
    if _is_latest(entry) or revision is None:
        return "the newest revision"
    return f"revision {value(revision)}"


def _split(inputs: Mapping[str, Any]) -> Shares:
    return mapped(at(inputs, "trafficSplit"), "deployed model")


def _machines(step: Step, _plan: Plan) -> Iterator[Effect]:
    """What a machine is made with is changed machine by machine (GKE, "Node upgrade strategies")."""
    differences = step.changed("nodeConfig", "version")
    if step.op is Op.UPDATE and differences:
        sentence = (
            f"{name(step)} makes its machines anew, some at a time: pods on them are moved "
            f"({changes(differences)})."
        )
        yield rolling(step, sentence, differences)


def _invoker(step: Step, _plan: Plan) -> Iterator[Effect]:
    """A list of invokers that this resource alone decides: others who had the role lose it."""
    if (
        step.op is Op.CREATE
        and at(step.after, "role") == "roles/run.invoker"
        and known(at(step.after, "members"))
    ):
        sentence = f"{name(step)} sets all invokers: whoever may call now and is not in its list is refused."
        yield Effect(
            kind=Kind.CREATED, severity=Severity.CHANGE, sentence=sentence, urn=step.urn, paths=("members",)
        )


_ACCOUNT: Final = behind("whatever still runs as it loses its permissions")

RULES: Rules = {
    "gcp:cloudrunv2/service:Service": (
        serves("name", "location", "project"),
        _revision,
        moves(_shares, "traffics"),
        encrypted("template.encryptionKey", what="the deployed image"),
        guarded("deletionProtection", default=True),
    ),
    "gcp:cloudrun/service:Service": (
        serves("name", "location", "project"),
        _revision,
        moves(_shares, "traffics"),
    ),
    "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": (_invoker,),
    "gcp:vertex/aiEndpoint:AiEndpoint": (
        serves("name", "location", "project"),
        moves(_split, "trafficSplit"),
        encrypted("encryptionSpec.kmsKeyName", what="its models"),
    ),
    "gcp:vertex/aiEndpointWithModelGardenDeployment:AiEndpointWithModelGardenDeployment": (
        serves(generated=True),
    ),
    "gcp:container/cluster:Cluster": (
        serves(generated=True),
        guarded("deletionProtection", default=True),
        encrypted("databaseEncryption.keyName", what="the cluster's secrets"),
    ),
    "gcp:container/nodePool:NodePool": (
        behind("pods on its nodes are moved or stopped"),
        _machines,
        encrypted("nodeConfig.bootDiskKmsKey", what="its nodes' disks"),
    ),
    "gcp:artifactregistry/repository:Repository": (
        holds("the images in it"),
        encrypted("kmsKeyName", what="its images"),
    ),
    "gcp:storage/bucket:Bucket": (
        holds("the objects in it", "forceDestroy"),
        forced("forceDestroy", "the objects in it"),
        encrypted("encryption.defaultKmsKeyName", what="new objects"),
    ),
    "gcp:kms/cryptoKey:CryptoKey": (holds("the contents of all that only it can decrypt"),),
    "gcp:secretmanager/secret:Secret": (
        holds("the values in it"),
        guarded("deletionProtection"),
        encrypted("replication.auto.customerManagedEncryption.kmsKeyName", what="its values"),
    ),
    "gcp:secretmanager/regionalSecret:RegionalSecret": (
        holds("the values in it"),
        encrypted("customerManagedEncryption.kmsKeyName", what="its values"),
    ),
    "gcp:serviceaccount/account:Account": (_ACCOUNT,),
    "gcp:bigquery/dataset:Dataset": (
        holds("the tables in it", "deleteContentsOnDestroy"),
        forced("deleteContentsOnDestroy", "the tables in it"),
        encrypted("defaultEncryptionConfiguration.kmsKeyName", what="its tables"),
    ),
    "gcp:bigquery/table:Table": (holds("the rows in it"), guarded("deletionProtection", default=True)),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": (
        holds("the log entries in it"),
        encrypted("cmekSettings.kmsKeyName", what="its log entries"),
    ),
    "gcp:compute/disk:Disk": (
        holds("the files on it"),
        encrypted("diskEncryptionKey.kmsKeySelfLink", what="the files on it"),
    ),
    "gcp:pubsub/subscription:Subscription": (holds("the messages that nobody has taken"),),
    "gcp:pubsub/topic:Topic": (behind("messages to it are lost"),),
    "gcp:compute/address:Address": (serves(generated=True),),
    "gcp:compute/globalAddress:GlobalAddress": (serves(generated=True),),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        holds("the databases in it"),
        guarded("deletionProtection", default=True),
        encrypted("encryptionKeyName"),
    ),
    "gcp:filestore/instance:Instance": (
        holds("the files on it"),
        encrypted("kmsKeyName", what="the files on it"),
    ),
}
