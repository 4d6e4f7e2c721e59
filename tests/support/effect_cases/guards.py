"""What keeps something from going: it comes, and it stands in the way."""

from typing import Any

from modelberth.preview.effects import Kind
from modelberth.preview.effects.effect import Calls

from .case import CHANGE, DANGER, Case, silent, tells

SWITCHES = {
    "aws:lb/loadBalancer:LoadBalancer": "enableDeletionProtection",
    "aws:eks/cluster:Cluster": "deletionProtection",
    "aws:dynamodb/table:Table": "deletionProtectionEnabled",
    "aws:rds/instance:Instance": "deletionProtection",
    "aws:rds/cluster:Cluster": "deletionProtection",
    "gcp:cloudrunv2/service:Service": "deletionProtection",
    "gcp:container/cluster:Cluster": "deletionProtection",
    "gcp:sql/databaseInstance:DatabaseInstance": "deletionProtection",
    "gcp:bigquery/table:Table": "deletionProtection",
}

# What changes beside the switch, by its name there.
_LABEL = {
    "gcp:cloudrunv2/service:Service": "labels",
    "gcp:container/cluster:Cluster": "resourceLabels",
    "gcp:sql/databaseInstance:DatabaseInstance": "settings",
    "gcp:bigquery/table:Table": "labels",
}

CASES: list[Case] = []
for token, path in SWITCHES.items():
    label = _LABEL.get(token, "tags")
    on: dict[str, Any] = {path: True, label: "1"}
    off: dict[str, Any] = {path: False, label: "1"}
    CASES += [
        tells(
            f"{token}: removed while guarded",
            token,
            on,
            None,
            Kind.REFUSED,
            DANGER,
            "cannot be removed",
            path,
        ),
        tells(
            f"{token}: replaced while guarded",
            token,
            on,
            {**on, label: "2"},
            Kind.REFUSED,
            DANGER,
            "cannot be replaced",
            replaces=[label],
        ),
        silent(f"{token}: removed unguarded", token, off, None, Kind.REFUSED),
        silent(f"{token}: left behind while guarded", token, on, None, Kind.REFUSED, retain=True),
        silent(f"{token}: changed while guarded", token, on, {**on, label: "2"}, Kind.REFUSED),
        tells(
            f"{token}: guarded from now on",
            token,
            off,
            on,
            Kind.PROTECTED,
            CHANGE,
            "guarded against a deletion",
            facts={"calls": Calls.SAFE},
        ),
    ]

OTHER = "random:index/randomPet:RandomPet"
A: dict[str, Any] = {"a": 1}
CASES += [
    tells(
        "by the engine, from now on", OTHER, A, A, Kind.PROTECTED, CHANGE, "is protected now", protect=True
    ),
    silent("by the engine, new", OTHER, None, A, Kind.PROTECTED, protect=True),
    silent("by the engine, still", OTHER, A, A, Kind.PROTECTED, protect=True, protect_before=True),
    tells(
        "no longer kept by the engine",
        OTHER,
        A,
        A,
        Kind.PROTECTION_LIFTED,
        DANGER,
        "is deleted from now on when it leaves",
        retain_before=True,
    ),
    tells(
        "kept by the engine from now on",
        OTHER,
        A,
        A,
        Kind.PROTECTED,
        CHANGE,
        "stays where it is from now on",
        retain=True,
    ),
    silent(
        "kept by the engine as before", OTHER, A, A, Kind.PROTECTION_LIFTED, retain=True, retain_before=True
    ),
    silent(
        "a purge is no deletion",
        "azure-native:keyvault:Vault",
        {"properties": {"enablePurgeProtection": True}},
        None,
        Kind.REFUSED,
    ),
]
