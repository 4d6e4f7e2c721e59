"""The building blocks of Google Cloud on their own, as a team that runs no endpoint yet has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pulumi

from modelberth.gcp.encryption import EncryptionKey, GcpEncryptionKey, GcpEncryptionKeyArgs
from modelberth.gcp.grants import Grant
from modelberth.gcp.identity import GcpIdentity, GcpIdentityArgs
from modelberth.gcp.model_store import GcpModelStore, GcpModelStoreArgs, Retention
from modelberth.gcp.needs import Needs, Pods
from modelberth.gcp.registry import GcpRegistry, GcpRegistryArgs
from modelberth.gcp.services import GcpServices, GcpServicesArgs
from modelberth.gcp.serving_image import GcpServingImage, GcpServingImageArgs
from modelberth.gcp.vertex.garden import GcpModelGarden, GcpModelGardenArgs
from modelberth.spec.resources import Gpu
from support.gcp_blocks import BUILD, IMAGE, PLACE, spec

__all__ = ["BLOCKS"]

_LABELS: Final = {"team": "plants"}
_PULLERS: Final = {"deploy": f"serviceAccount:{PLACE.service_account('deploy')}"}
_RUNS: Final = {"run": PLACE.service_agent("serverless-robot-prod")}
_LOGS: Final = {"logs": "serviceAccount:cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com"}
_AGENTS: Final = ("artifactregistry", "storage")
_TRACED: Final = {"monitoring": {"tracing": {"percent": 5}}}
_SECRET: Final = f"projects/{PLACE.project}/secrets/api-keys"
_FEATURES: Final = Grant("features", "roles/bigquery.dataEditor", "project", PLACE.project)


def _key(name: str, services: tuple[str, ...] = _AGENTS, **more: Any) -> EncryptionKey:
    args = GcpEncryptionKeyArgs(PLACE, f"{name}-ring", f"{name}-key", services, **more)
    return GcpEncryptionKey(f"{name}-key", args).key


def _minimal(name: str) -> None:
    key = _key(name)
    GcpRegistry(f"{name}-registry", GcpRegistryArgs(PLACE, f"{name}-models", key))
    GcpModelStore(f"{name}-store", GcpModelStoreArgs(PLACE, f"{PLACE.project}-{name}", key))
    GcpIdentity(f"{name}-identity", GcpIdentityArgs(name, Needs(spec(), PLACE, "run")))


def _everything(name: str) -> None:
    apis = GcpServices(f"{name}-apis", GcpServicesArgs(PLACE, "vertex", ["billingbudgets.googleapis.com"]))
    more = {"rotation_days": 30, "destroy_after_days": 120, "labels": _LABELS, "protect": True}
    key = _key(name, (*_AGENTS, "run", "aiplatform"), others=_LOGS, after=apis.services, **more)
    GcpRegistry(
        f"{name}-registry",
        GcpRegistryArgs(
            PLACE,
            f"{name}-models",
            key,
            {**_RUNS, **_PULLERS},
            kept_tags=["live*", "canary*"],
            kept=20,
            untagged_days=30,
            labels=_LABELS,
            protect=True,
        ),
    )
    GcpModelStore(
        f"{name}-store",
        GcpModelStoreArgs(
            PLACE,
            f"{PLACE.project}-{name}",
            key,
            access_log_days=400,
            noncurrent_days=30,
            noncurrent_versions=5,
            soft_delete_days=30,
            retention=Retention(30),
            labels=_LABELS,
            protect=True,
        ),
    )
    needs = Needs(spec(**_TRACED), PLACE, "run", None, True, "gs://samples/iris", (_SECRET,), (_FEATURES,))
    GcpIdentity(f"{name}-identity", GcpIdentityArgs(name, needs))


def _existing(name: str) -> None:
    """A key, a ring and a bucket for records that somebody else made."""
    made = EncryptionKey(f"{PLACE.parent}/keyRings/theirs/cryptoKeys/theirs")
    _key(name, existing_ring=True)
    GcpRegistry(f"{name}-registry", GcpRegistryArgs(PLACE, f"{name}-models", made))
    store = GcpModelStoreArgs(PLACE, f"{PLACE.project}-{name}", made, access_logs=f"{PLACE.project}-records")
    GcpModelStore(f"{name}-store", store)


def _pods(name: str) -> None:
    """An identity that pods of a cluster act as."""
    needs = Needs(spec(), PLACE, "gke", pods=Pods("models", "iris"))
    GcpIdentity(f"{name}-identity", GcpIdentityArgs(name, needs))


def _prod(name: str) -> None:
    apis = GcpServices(f"{name}-apis", GcpServicesArgs(PLACE, "cloud_run"))
    after: list[pulumi.Resource] = [*apis.services]
    key = _key(name, (*_AGENTS, "run"), labels=_LABELS, protect=True, after=after)
    registry = GcpRegistryArgs(PLACE, f"{name}-models", key, _RUNS, labels=_LABELS, protect=True)
    GcpRegistry(f"{name}-registry", registry)
    store = GcpModelStoreArgs(PLACE, f"{PLACE.project}-{name}", key, labels=_LABELS, protect=True)
    GcpModelStore(f"{name}-store", store)
    GcpIdentity(f"{name}-identity", GcpIdentityArgs(name, Needs(spec(**_TRACED), PLACE, "run")))


def _image(name: str) -> None:
    """An image that is built, and one that is there."""
    key = EncryptionKey(f"{PLACE.parent}/keyRings/theirs/cryptoKeys/theirs")
    registry = GcpRegistry(f"{name}-registry", GcpRegistryArgs(PLACE, f"{name}-models", key))
    built = GcpServingImageArgs(PLACE, BUILD, registry.url, kind="cloud_run")
    GcpServingImage(f"{name}-built", built)
    GcpServingImage(f"{name}-there", GcpServingImageArgs(PLACE, existing=IMAGE))


def _garden(name: str) -> None:
    """Models of Google's Model Garden, in private and on the internet."""
    model = "publishers/google/models/gemma3@gemma-3-1b-it"
    args = GcpModelGardenArgs(PLACE, name, model, accept_eula=True, protect=True)
    GcpModelGarden(f"{name}-private", args)
    hub = GcpModelGardenArgs(
        PLACE,
        name,
        "google/gemma-3-1b-it",
        "g2-standard-12",
        Gpu(kind="l4"),
        max_replicas=2,
        token="hf_0",
        public=True,
    )
    GcpModelGarden(f"{name}-public", hub)


BLOCKS: Final[Mapping[str, Callable[[str], Any]]] = {
    "minimal": _minimal,
    "everything": _everything,
    "existing": _existing,
    "pods": _pods,
    "prod": _prod,
    "image": _image,
    "garden": _garden,
}
"""Each registers its blocks under a name."""
