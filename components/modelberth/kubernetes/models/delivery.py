"""How a model comes to a pod: in its image, fetched into a volume, as an image's volume, or from a claim.

Whatever the way, the serving container sees the files read-only where its engine looks for them, and nothing
that was not pinned.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from modelberth.kubernetes.models.rules import problems
from modelberth.kubernetes.pods import hardening
from modelberth.kubernetes.pods.part import PodPart
from modelberth.kubernetes.registry.pull import rewritten
from modelberth.model_address import address, artifact, claim_path, delivered
from modelberth.spec.kubernetes import Cache, Download, ImageVolume, InImage
from modelberth.spec.rollout import Recreate

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.runtimes import Container
    from modelberth.spec import ModelSource

__all__ = ["FETCH", "claims", "delivery", "fetching_image", "problems"]

FETCH: Final = "fetch-model"
"""Name of the init container."""

_MODEL: Final = "model"
_CREDENTIALS: Final = "model-credentials"
# Many storage classes make the volume for the first pod, which comes after the claim: a wait for the claim
# would not end where the class may not be read (pulumi/pulumi-kubernetes#3130).
_UNAWAITED: Final = {"pulumi.com/skipAwait": "true"}
_VOLUME_FOLDER: Final = "/mnt/delivery"
_CREDENTIALS_FOLDER: Final = "/etc/modelberth/model-credentials"
_FILE: Final = "model.onnx"
# Read by the fetching process alone; a group may read, since the volume belongs to the pod's group.
_SECRET_MODE: Final = 0o440
# It streams: a download needs little, however large the model is.
_REQUESTS: Final = {"cpu": "100m", "memory": "128Mi"}
_LIMITS: Final = {"memory": "512Mi"}


def delivery(plan: Plan, revision: Revision) -> PodPart:
    """Return the volumes, mounts, variables and the init container that bring a revision's model."""
    model, container = revision.model, plan.container(revision)
    match delivered(plan.target, model):
        case InImage():
            # Where it lies is the image's own to say; a pin of another model than the image's is refused.
            return PodPart(env=_pin(container, model))
        case ImageVolume():
            reference = rewritten(artifact(model) or "", plan.target.registry)
            image = {"reference": reference, "pullPolicy": "IfNotPresent"}
            return _mounted(container, model, {"name": _MODEL, "image": image})
        case Download() as download:
            volume = {"name": _MODEL, "emptyDir": {"sizeLimit": str(download.size)}}
            return _fetched(plan, revision, download, volume)
        case Cache() as cache:
            claim = cache.claim or _cache_name(plan)
            volume = {"name": _MODEL, "persistentVolumeClaim": {"claimName": claim}}
            return _fetched(plan, revision, cache, volume)
        case None:
            return _claimed(plan, container, model)


def claims(plan: Plan) -> dict[str, Manifest]:
    """Return the claim of a cache that is made; one for all revisions, so that a way back finds its model."""
    cache = plan.target.delivery
    if not isinstance(cache, Cache) or cache.claim is not None:
        return {}
    # The new pod of a rolling update may come to another node while the old one still holds the volume.
    is_alone = plan.spec.scaling.max == 1 and not plan.is_split and isinstance(plan.spec.rollout, Recreate)
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce" if is_alone else "ReadWriteMany"],
        "resources": {"requests": {"storage": str(cache.size)}},
    }
    if cache.storage_class is not None:
        claim["storageClassName"] = cache.storage_class
    return {
        "model-cache": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": plan.metadata(_cache_name(plan), annotations=dict(_UNAWAITED)),
            "spec": claim,
        }
    }


def fetching_image(plan: Plan) -> str:
    """Return the image of the init container: our own server's, whatever engine serves."""
    spec, target = plan.spec, plan.target
    own = spec.runtime.image if spec.runtime.engine == "onnxruntime" else None
    image = own or target.image
    if image is None:
        raise ValueError("no image of Modelberth's server is known; `problems` tells it")
    return rewritten(image, target.registry)


def _fetched(plan: Plan, revision: Revision, store: Download | Cache, volume: Manifest) -> PodPart:
    """An init container fills a folder of the volume, named after what it holds."""
    model = revision.model
    source = address(model)
    folder = hashlib.sha256(f"{source} {model.sha256} {model.format}".encode()).hexdigest()[:32]
    arguments = [source, "--to", f"{_VOLUME_FOLDER}/{folder}"]
    mounts: list[dict[str, Any]] = [{"name": _MODEL, "mountPath": _VOLUME_FOLDER}]
    volumes = [volume]
    if store.credentials is not None:
        arguments += ["--credentials", _CREDENTIALS_FOLDER]
        mounts.append({"name": _CREDENTIALS, "mountPath": _CREDENTIALS_FOLDER, "readOnly": True})
        secret = {"secretName": store.credentials, "defaultMode": _SECRET_MODE}
        volumes.append({"name": _CREDENTIALS, "secret": secret})
    container = _init_container(plan, model, arguments, mounts, _environment(store))
    part = _mounted(plan.container(revision), model, *volumes, folder=folder)
    return PodPart(part.env, part.volumes, part.mounts, (container,))


def _claimed(plan: Plan, container: Container, model: ModelSource) -> PodPart:
    """A claim that exists: our own server verifies what it reads, for another one it is done before."""
    claim, path = claim_path(model)
    source = {"claimName": claim, "readOnly": True}
    volume = {"name": _MODEL, "persistentVolumeClaim": source}
    part = _mounted(container, model, volume, folder=path, is_file=path.lower().endswith(".onnx"))
    if container.engine == "onnxruntime":
        return part
    arguments = [f"file:{quote(part.mounts[0]['mountPath'])}"]
    verifying = _init_container(plan, model, arguments, [*part.mounts], {})
    return PodPart(part.env, part.volumes, part.mounts, (verifying,))


def _mounted(
    container: Container, model: ModelSource, *volumes: Manifest, folder: str = "", is_file: bool = False
) -> PodPart:
    path = f"{container.model_mount}/{_FILE}" if is_file else container.model_mount
    mount: dict[str, Any] = {"name": _MODEL, "mountPath": path, "readOnly": True}
    if folder:
        mount["subPath"] = folder
    is_told = container.engine in {"onnxruntime", "custom"}
    env = {"MODELBERTH_MODEL_PATH": path, **_pin(container, model)} if is_told else {}
    return PodPart(env=env, volumes=volumes, mounts=(mount,))


def _pin(container: Container, model: ModelSource) -> dict[str, str]:
    if container.engine not in {"onnxruntime", "custom"} or model.sha256 is None or model.format != "onnx":
        return {}
    return {"MODELBERTH_MODEL_SHA256": model.sha256}


def _init_container(
    plan: Plan,
    model: ModelSource,
    arguments: list[str],
    mounts: list[Any],
    environment: dict[str, str],
) -> Manifest:
    """Our own server's image, which fetches and verifies, prints a line and ends."""
    pin = [] if model.sha256 is None else ["--sha256", model.sha256]
    arguments = ["fetch", *arguments, *pin, "--format", model.format]
    container: dict[str, Any] = {
        "name": FETCH,
        "image": fetching_image(plan),
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "modelberth_server"],
        # The kubelet replaces $(NAME) in them.
        "args": [argument.replace("$", "$$") for argument in arguments],
    }
    if environment:
        container["env"] = [
            {"name": name, "value": value.replace("$", "$$")} for name, value in sorted(environment.items())
        ]
    return {
        **container,
        "volumeMounts": mounts,
        "resources": {"requests": dict(_REQUESTS), "limits": dict(_LIMITS)},
        "securityContext": hardening.of_container(),
        # Why a model is refused is then the pod's own status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _environment(store: Download | Cache) -> dict[str, str]:
    """Where the store is; who asks it is told by files."""
    environment: dict[str, str] = {}
    if store.endpoint is not None:
        environment["AWS_ENDPOINT_URL"] = store.endpoint
        if store.endpoint.startswith("http:"):
            environment["AWS_ALLOW_HTTP"] = "true"
    if store.region is not None:
        environment["AWS_REGION"] = store.region
    if store.private_hosts:
        environment["MODELBERTH_ALLOW_PRIVATE_HOSTS"] = ",".join(store.private_hosts)
    return environment


def _cache_name(plan: Plan) -> str:
    return f"{plan.name}-model-cache"
