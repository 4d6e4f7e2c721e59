"""What the address of a model means: a file or a folder, the way it comes to a pod, what it names there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from modelberth.spec.kubernetes import Cache, Download, ImageVolume, InImage

if TYPE_CHECKING:
    from modelberth.spec import KubernetesTarget, ModelSource

__all__ = ["address", "artifact", "claim_path", "delivered", "is_archive", "is_file"]

# A uri that ends in one of these names a file; every other one the folder of a package.
_ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".zip")
_FILES: Final = (".onnx", *_ARCHIVES)


def is_file(uri: str) -> bool:
    """Tell whether a uri names a file, not a folder."""
    return unquote(uri).lower().endswith(_FILES)


def is_archive(uri: str) -> bool:
    """Tell whether a uri names a file that holds others."""
    return unquote(uri).lower().endswith(_ARCHIVES)


def delivered(
    target: KubernetesTarget, model: ModelSource
) -> InImage | Download | Cache | ImageVolume | None:
    """Return how a model comes to its pods; None: it lies in the claim that its uri names."""
    if target.delivery is not None:
        return target.delivery
    match model.scheme:
        case "file":
            return InImage()
        case "oci":
            return ImageVolume()
        case "pvc":
            return None
        case _:
            return Download()


def address(model: ModelSource) -> str:
    """Return the uri with its revision, as the server reads it."""
    if model.revision is None:
        return model.uri
    pinned = f"@{quote(model.revision, safe='')}"
    if model.scheme != "hf":
        return f"{model.uri}{pinned}"
    organisation, name, *path = model.path.removeprefix("//").split("/", 2)
    return "/".join([f"hf://{organisation}/{name}{pinned}", *filter(None, path)])


def artifact(model: ModelSource) -> str | None:
    """Return the reference of an oci model by digest, from its uri or its revision; None without one."""
    reference = model.uri.removeprefix("oci://")
    if "@" not in reference and model.revision is not None:
        reference = f"{reference}@{model.revision}"
    return reference if re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", reference) else None


def claim_path(model: ModelSource) -> tuple[str, str]:
    """Return the claim of a pvc model, and the path in it."""
    claim, _, path = model.path.removeprefix("//").partition("/")
    return claim, unquote(path).strip("/")
