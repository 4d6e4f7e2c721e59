"""What changes of Azure resources mean for the callers of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelberth.preview.plan import Op, Plan, Step

from .durations import usual
from .effect import Calls, Effect, Kind, Severity
from .keys import encrypted
from .lifecycle import behind, holds, needs_gpus, rolling, serves
from .protection import guarded
from .rule import Rules, at, found
from .traffic import Shares, mapped, moves, shares_of
from .wording import changes, name, span, value

__all__ = ["RULES"]

_RESERVE: Final = 5
"""Of five instances one more is kept for upgrades (Azure ML, how-to-manage-quotas, 2026-01-27)."""


def _revision(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Container Apps makes a revision of each changed template."""
    differences = step.changed("template")
    if step.op is not Op.UPDATE or not differences:
        return
    before, after = _gpus_always(step.before or {}), _gpus_always(step.after or {})
    extra = min(before, after)  # beside those of the larger revision, which stay or were there
    mode = str(at(step.after, "configuration.activeRevisionsMode", "Single"))
    if mode == "Single":
        how = "the old one serves until it is ready"
    elif any(
        at(entry, "latestRevision") is True
        for _, entry in found(step.after, "configuration.ingress.traffic[]")
    ):
        how = "it gets its share of the calls once it is ready"
    else:
        how = "it gets no calls before a share is given to it"
    needs = needs_gpus(extra, after - before)
    sentence = f"{name(step)} gets a new revision; {how}{needs} ({changes(differences)})."
    yield rolling(step, sentence, differences, gpus=extra)


def _gpus_always(inputs: Mapping[str, Any]) -> int:
    """GPUs of the replicas that are always there."""
    counts = [count for _, count in found(inputs, "template.containers[].resources.gpu")]
    gpus = sum(int(count) for count in counts if isinstance(count, int | float))
    least = at(inputs, "template.scale.minReplicas", 0)
    return gpus * least if isinstance(least, int) else 0


def _app_shares(inputs: Mapping[str, Any]) -> Shares:
    entries = [entry for _, entry in found(inputs, "configuration.ingress.traffic[]")]
    if not entries:
        return {"the newest revision": 100.0}
    return shares_of((_who(entry), at(entry, "weight", 0)) for entry in entries)


def _who(entry: Any) -> str:
    if (revision := at(entry, "revisionName")) is not None:
        return f"revision {value(revision)}"
    if at(entry, "latestRevision") is not True and (label := at(entry, "label")) is not None:
        return f"label {value(label)}"
    return "the newest revision"


def _endpoint_shares(inputs: Mapping[str, Any]) -> Shares:
    return mapped(at(inputs, "properties.traffic"), "deployment")


def _unserved(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Shares that were given to deployments and are given to none now."""
    before, after = at(step.before, "properties.traffic"), at(step.after, "properties.traffic")
    if step.op is not Op.UPDATE or not mapped(before, "deployment") or not step.changed("properties.traffic"):
        return
    if after is None or (isinstance(after, Mapping) and not any(after.values())):
        yield Effect(
            kind=Kind.TRAFFIC_MOVED,
            severity=Severity.DANGER,
            sentence=f"No deployment of {name(step)} gets calls any more: those that name none fail.",
            urn=step.urn,
            paths=tuple(difference.path for difference in step.changed("properties.traffic")),
            calls=Calls.MAY_FAIL,
        )


def _deployment(step: Step, _plan: Plan) -> Iterator[Effect]:
    """Azure ML updates a managed deployment instance by instance, with a reserve."""
    differences = step.changed("properties")
    if step.op is not Op.UPDATE or not differences:
        return
    count, machine = at(step.after, "sku.capacity"), at(step.after, "properties.instanceType")
    reserve = ""
    if isinstance(count, int) and count > 0:
        reserve = f", which needs the quota for {-(-count // _RESERVE)} more of {value(machine)}"
    time = usual(step.type)
    each = f"; each takes {span(time)}" if time else ""
    sentence = f"{name(step)} rolls to new instances before old ones stop{reserve}{each}"
    yield rolling(step, f"{sentence} ({changes(differences)}).", differences)


_IDENTITY: Final = behind("whatever still runs as it loses its permissions")

RULES: Rules = {
    "azure-native:app:ContainerApp": (
        serves("containerAppName", "managedEnvironmentId", "location"),
        _revision,
        moves(_app_shares, "configuration.ingress.traffic"),
    ),
    "azure-native:app:ManagedEnvironment": (serves(generated=True),),
    "azure-native:machinelearningservices:OnlineEndpoint": (
        serves("endpointName", "location", "workspaceName"),
        moves(_endpoint_shares, "properties.traffic"),
        _unserved,
    ),
    "azure-native:machinelearningservices:OnlineDeployment": (serves(), _deployment),
    "azure-native:machinelearningservices:Workspace": (
        behind("its endpoints, models and data sets go with it"),
        encrypted("encryption.keyVaultProperties.keyIdentifier", what="its metadata"),
    ),
    "azure-native:cognitiveservices:Account": (
        serves("accountName", "location"),
        encrypted("properties.encryption.keyVaultProperties.keyName"),
    ),
    "azure-native:containerservice:ManagedCluster": (
        serves(generated=True),
        encrypted("diskEncryptionSetID", what="its nodes' disks"),
    ),
    "azure-native:containerservice:AgentPool": (behind("pods on its nodes are moved or stopped"),),
    "azure-native:containerregistry:Registry": (
        holds("the images in it"),
        encrypted("encryption.keyVaultProperties.keyIdentifier", what="its images"),
    ),
    "azure-native:keyvault:Vault": (
        holds("the keys and secrets in it"),
        guarded("properties.enablePurgeProtection", refuses=False),
    ),
    "azure-native:keyvault:Key": (holds("the contents of all that only it can decrypt"),),
    "azure-native:keyvault:Secret": (holds("the values in it"),),
    "azure-native:storage:StorageAccount": (
        holds("the blobs and files in it"),
        encrypted("encryption.keyVaultProperties.keyName"),
    ),
    "azure-native:storage:BlobContainer": (holds("the blobs in it"),),
    "azure-native:storage:FileShare": (holds("the files in it"),),
    "azure-native:operationalinsights:Workspace": (holds("the log entries in it"),),
    "azure-native:cosmosdb:DatabaseAccount": (
        holds("the databases in it"),
        encrypted("keyVaultKeyUri", what="its databases"),
    ),
    "azure-native:resources:ResourceGroup": (holds("all resources in it"),),
    "azure-native:managedidentity:UserAssignedIdentity": (_IDENTITY,),
    "azure-native:monitor:AutoscaleSetting": (behind("the number of replicas no longer follows the load"),),
}
