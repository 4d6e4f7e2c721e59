"""Secrets from a store by the Secrets Store CSI driver, for whoever has that in place of External Secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.pods.part import PodPart
from modelberth.kubernetes.preflight.requirements import RequiredObject

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Plan, Revision

__all__ = ["needed_classes", "secret_provider"]

_DRIVER: Final = "secrets-store.csi.k8s.io"
_FOLDER: Final = "/var/run/secrets/modelberth/provided"


def secret_provider(plan: Plan, _: Revision) -> PodPart:
    """Return the volumes of the classes that the target names.

    The driver makes the Secrets of a class (`secretObjects`) when a pod mounts it, and they go with its last
    pod. What mounts such a Secret waits until it is there. The kubelet leaves a volume alone that no
    container mounts, so the server has what the class fetches as files too, and reads none of them.
    Source: https://secrets-store-csi-driver.sigs.k8s.io/topics/sync-as-kubernetes-secret
    """
    classes = plan.target.secret_provider_classes
    return PodPart(
        volumes=tuple(
            {
                "name": f"provided-{place}",
                "csi": {
                    "driver": _DRIVER,
                    "readOnly": True,
                    "volumeAttributes": {"secretProviderClass": name},
                },
            }
            for place, name in enumerate(classes)
        ),
        mounts=tuple(
            {"name": f"provided-{place}", "mountPath": f"{_FOLDER}/{name}", "readOnly": True}
            for place, name in enumerate(classes)
        ),
    )


def needed_classes(plan: Plan) -> Iterator[RequiredObject]:
    """Yield each class, which somebody else has made in the namespace."""
    kind = "SecretProviderClass"
    for place, name in enumerate(plan.target.secret_provider_classes):
        path = f"target.secret_provider_classes[{place}]"
        yield RequiredObject(api_version(kind), kind, path, name=name)
