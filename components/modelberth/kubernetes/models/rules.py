"""What of a spec and a target cannot bring a model to a pod: told before anything is made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown
from modelberth.model_address import artifact, claim_path, delivered
from modelberth.spec.kubernetes import Cache, Download, ImageVolume, InImage

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, KubernetesTarget, ModelSource

__all__ = ["problems"]

_ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".zip")
_SUMS: Final = "SHA256SUMS"
_COMMIT: Final = r"[0-9a-f]{40}"
_CLAIM: Final = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_KINDS: Final = {
    "file": "image",
    "oci": "image_volume, or image",
    "pvc": "nothing: the claim itself is mounted",
}
_FETCHED: Final = "download, cache or image"


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Yield what of the models' addresses, pins and ways does not fit together."""
    models = spec.models
    for path, model in models.items():
        kind = delivered(target, model)
        if not _is_way_of(kind, model):
            yield Problem(
                "target.delivery.kind",
                "nothing" if kind is None else kind.kind,
                f"{_KINDS.get(model.scheme, _FETCHED)}, for {path}.uri {shown(model.uri)}",
            )
            continue
        match kind:
            case InImage():
                continue
            case ImageVolume():
                yield from _of_image_volume(path, model)
            case None:
                yield from _of_claim(path, model)
            case _:
                yield from _of_fetch(path, model, kind)
        yield from _for_engine(path, model, spec)
    yield from _of_images(spec, target, models)
    yield from _of_store(target, models)


def _is_way_of(kind: InImage | Download | Cache | ImageVolume | None, model: ModelSource) -> bool:
    match model.scheme:
        case "file":
            return isinstance(kind, InImage)
        case "oci":
            return isinstance(kind, InImage | ImageVolume)
        case "pvc":
            return kind is None
        case _:
            return isinstance(kind, InImage | Download | Cache)


def _of_image_volume(path: str, model: ModelSource) -> Iterator[Problem]:
    if artifact(model) is None:
        yield Problem(
            f"{path}.uri",
            shown(model.uri),
            "oci://REGISTRY/REPOSITORY@sha256:DIGEST, or `revision` sha256:DIGEST",
            "A tag can be moved to another artifact; `sha256` is that of the model file in it.",
        )
    elif "@" in model.uri and model.revision not in {None, model.uri.partition("@")[2]}:
        yield Problem(f"{path}.revision", shown(model.revision), "nothing beside the uri's own digest")


def _of_claim(path: str, model: ModelSource) -> Iterator[Problem]:
    claim, inside = claim_path(model)
    if re.fullmatch(_CLAIM, claim) is None or ".." in inside.split("/") or not inside:
        yield Problem(
            f"{path}.uri", shown(model.uri), "pvc://CLAIM/PATH, a claim's name and a path within it"
        )
    if inside.lower().endswith(_ARCHIVES):
        yield Problem(f"{path}.uri", shown(model.uri), "a folder or one file", "Unpack the archive there.")
    if model.revision is not None:
        yield Problem(f"{path}.revision", shown(model.revision), "nothing: a claim keeps no revisions")
    if model.sha256 is None:
        allowed = f"64 hexadecimal digits: of the file, of `modelberth.json`, or of the folder's {_SUMS}"
        yield Problem(f"{path}.sha256", "nothing", allowed, "What a claim holds can change.")


def _of_fetch(path: str, model: ModelSource, kind: Download | Cache) -> Iterator[Problem]:
    name = model.uri.lower()
    is_archive = name.endswith(_ARCHIVES)
    is_folder = not is_archive and not name.endswith(".onnx")
    sums = f"64 hexadecimal digits: of the {_SUMS} in the folder"
    if model.scheme == "https":
        if model.revision is not None:
            yield Problem(
                f"{path}.revision", shown(model.revision), "nothing: a web server keeps no revisions"
            )
        if model.sha256 is None:
            yield Problem(f"{path}.sha256", "nothing", "64 hexadecimal digits, for a model from https")
    elif model.scheme == "hf":
        if model.revision is None or (model.sha256 is None and not re.fullmatch(_COMMIT, model.revision)):
            yield Problem(
                f"{path}.revision",
                shown(model.revision),
                "the commit, 40 hexadecimal digits, for a model from hf",
                "A branch or a tag moves; with `sha256` it may be one.",
            )
    elif is_folder:
        if model.revision is not None:
            allowed = (
                f"nothing: objects have revisions, a folder has none; its pin is the sha256 of its {_SUMS}"
            )
            yield Problem(f"{path}.revision", shown(model.revision), allowed)
        if model.sha256 is None:
            yield Problem(f"{path}.sha256", "nothing", sums)
    if model.scheme == "s3" and model.sha256 is None and (kind.endpoint or "").startswith("http:"):
        yield Problem(
            "target.delivery.endpoint",
            shown(kind.endpoint),
            f"an https address, or {path}.sha256",
            "What comes without TLS can be changed on its way.",
        )
    if model.format not in {"onnx", "custom"} and name.endswith(".onnx"):
        yield Problem(f"{path}.uri", shown(model.uri), f"a folder or an archive, for format {model.format}")


def _for_engine(path: str, model: ModelSource, spec: EndpointSpec) -> Iterator[Problem]:
    """What the server would refuse, or not find, once the model is there."""
    engine = spec.runtime.engine
    if engine == "onnxruntime" and model.sha256 is None and model.scheme not in {"https", "pvc"}:
        yield Problem(
            f"{path}.sha256",
            "nothing",
            "64 hexadecimal digits of the .onnx file or of `modelberth.json`",
            "The server loads nothing that is not pinned by it.",
        )
    if engine == "triton" and model.format == "onnx" and model.scheme != "oci":
        name = model.uri.lower()
        if not name.endswith(".onnx"):
            yield Problem(
                f"{path}.uri",
                shown(model.uri),
                "the address of one .onnx file, or a model repository with format triton",
                "Triton knows nothing of packages: it would leave out their preprocessing.",
            )


def _of_images(
    spec: EndpointSpec, target: KubernetesTarget, models: Mapping[str, ModelSource]
) -> Iterator[Problem]:
    engine = spec.runtime.engine
    kinds = {path: delivered(target, model) for path, model in models.items()}
    in_image = [path for path, kind in kinds.items() if isinstance(kind, InImage)]
    if in_image and engine != "onnxruntime" and spec.runtime.image is None:
        allowed = "an image by digest that holds the model, or a model that is fetched"
        yield Problem("runtime.image", "nothing", f"{allowed}, for engine {engine}")
    for path in in_image:
        if path.startswith("variants."):
            yield Problem(
                f"{path}.uri", shown(models[path].uri), "a model that is fetched: the image holds one model"
            )
    has_previous = "rollout.previous" in models
    if "rollout.previous" in in_image and target.previous_image is None:
        yield Problem("target.previous_image", "nothing", "the image by digest that holds rollout.previous")
    if target.previous_image is not None and not has_previous:
        yield Problem(
            "target.previous_image", shown(target.previous_image), "nothing without rollout.previous"
        )
    needs_ours = any(
        isinstance(kind, Download | Cache) or (kind is None and engine != "onnxruntime")
        for kind in kinds.values()
    )
    # Where our own server serves as well, a missing image is told of that.
    if needs_ours and target.image is None and engine != "onnxruntime":
        yield Problem(
            "target.image",
            "nothing",
            "an image by digest, as `make image` builds it",
            "It fetches and verifies the model before the server starts, whatever the engine is.",
        )


def _of_store(target: KubernetesTarget, models: Mapping[str, ModelSource]) -> Iterator[Problem]:
    """Settings of a store that none of the models comes from."""
    if not isinstance(target.delivery, Download | Cache):
        return
    has_claim = isinstance(target.delivery, Cache) and target.delivery.claim is not None
    if has_claim and "size" in target.delivery.model_fields_set:
        allowed = "nothing beside target.delivery.claim, which has a size already"
        yield Problem("target.delivery.size", str(target.delivery.size), allowed)
    schemes = {model.scheme for model in models.values()}
    given = {
        "endpoint": (target.delivery.endpoint, {"s3"}),
        "region": (target.delivery.region, {"s3"}),
        "private_hosts": (", ".join(target.delivery.private_hosts) or None, {"https"}),
    }
    for name, (value, wanted) in given.items():
        if value is not None and not schemes & wanted:
            allowed = f"nothing: no model comes from {' or '.join(sorted(wanted))}"
            yield Problem(f"target.delivery.{name}", shown(value), allowed)
