"""Find the model where platforms put it, if nothing says where it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from modelberth_server.errors import ModelError
from modelberth_server.model.manifest import MANIFEST

__all__ = ["discover", "model_in"]

# Baked into the image; KServe and volumes; SageMaker. Azure Machine Learning names its own folder:
# https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container.
FOLDERS: Final = ("model", "mnt/models", "opt/ml/model")
AZUREML: Final = "AZUREML_MODEL_DIR"


def discover(environ: Mapping[str, str], root: Path = Path("/")) -> Path:
    """Return the package folder or ONNX file in the first platform folder that has one.

    Raises:
        ModelError: none has, or one has several.

    """
    folders = [root / name for name in FOLDERS]
    if azureml := environ.get(AZUREML):
        folders.append(root / azureml.lstrip("/"))
    looked = []
    for folder in folders:
        if not folder.is_dir():
            looked.append(f"{folder} (does not exist)")
        elif (found := model_in(folder)) is not None:
            return found
        else:
            looked.append(f"{folder} (no {MANIFEST} and no .onnx file)")
    raise ModelError(
        "no model found: MODELBERTH_MODEL_PATH, MODELBERTH_MODEL_URI and MODELBERTH_MODELS_FILE are not set, "
        f"looked into {', '.join(looked)}"
    )


def model_in(folder: Path) -> Path | None:
    """Return the package folder or the ONNX file in a folder, or one level below it; None without any.

    Hidden entries are passed over: Kubernetes keeps the files of a ConfigMap in `..data`, and links to them.

    Raises:
        ModelError: there are several, or the folder cannot be read.

    """
    try:
        found = _models(folder)
        if not found:
            below = sorted(
                path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
            )
            found = [path for inner in below for path in _models(inner)]
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {error.strerror}") from None
    if len(found) > 1:
        names = ", ".join(str(path) for path in found[:5])
        raise ModelError(f"{folder} holds several models ({names}): name one in MODELBERTH_MODEL_PATH")
    return found[0] if found else None


def _models(folder: Path) -> list[Path]:
    if (folder / MANIFEST).is_file():
        return [folder]
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix == ".onnx" and not path.name.startswith(".") and path.is_file()
    )
