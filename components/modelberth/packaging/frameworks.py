"""Which framework a model comes from, and the packages that convert it."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from modelberth.packaging.errors import MissingPackageError, SourceError

__all__ = ["Framework", "framework_of", "installed_version", "need", "require_fitted"]

_PACKAGE: Final = "pip install 'modelberth[package]'"
# Module → the command that installs it; of the extra, unless it says otherwise.
_INSTALL: Final = {
    "lightgbm": "pip install lightgbm",
    "xgboost": "pip install xgboost",
    "torch": "pip install torch onnxscript",
    "onnxscript": "pip install onnxscript",
    "tensorflow": "pip install tensorflow tf2onnx",
    "keras": "pip install tensorflow tf2onnx",
    "tf2onnx": "pip install tf2onnx",
}


class Framework(StrEnum):
    """Where a model comes from, by the name that people know."""

    SKLEARN = "scikit-learn"
    LIGHTGBM = "LightGBM"
    XGBOOST = "XGBoost"
    PYTORCH = "PyTorch"
    TENSORFLOW = "TensorFlow"
    ONNX = "ONNX"


# The first package of a class or of one that it is derived from decides: LGBMClassifier is a scikit-learn
# estimator too.
_HOMES: Final = {
    "lightgbm": Framework.LIGHTGBM,
    "xgboost": Framework.XGBOOST,
    "sklearn": Framework.SKLEARN,
    "imblearn": Framework.SKLEARN,
    "torch": Framework.PYTORCH,
    "keras": Framework.TENSORFLOW,
    "tensorflow": Framework.TENSORFLOW,
    "onnx": Framework.ONNX,
}
_DISTRIBUTIONS: Final = {
    Framework.SKLEARN: ("scikit-learn",),
    Framework.LIGHTGBM: ("lightgbm",),
    Framework.XGBOOST: ("xgboost", "xgboost-cpu"),
    Framework.PYTORCH: ("torch",),
    Framework.TENSORFLOW: ("tensorflow", "tensorflow-cpu"),
    Framework.ONNX: ("onnx",),
}


def framework_of(model: object) -> Framework:
    """Tell where a model comes from, by its class.

    Raises:
        SourceError: none of the known frameworks.

    """
    for home in (base.__module__.partition(".")[0] for base in type(model).__mro__):
        if found := _HOMES.get(home):
            return found
    kind = type(model)
    raise SourceError(
        f"the model is a {kind.__module__}.{kind.__qualname__}; allowed: a model of "
        f"{', '.join(Framework)} that is fitted, or an ONNX ModelProto"
    )


def installed_version(framework: Framework) -> str:
    """The framework's name and version, for the manifest."""
    for distribution in _DISTRIBUTIONS[framework]:
        try:
            return f"{framework} {version(distribution)}"
        except PackageNotFoundError:
            continue
    return str(framework)


def need(module: str) -> Any:
    """Import a module that only some kinds of models need.

    Raises:
        MissingPackageError: with the command that installs it.

    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        command = _INSTALL.get(missing, _INSTALL.get(module.partition(".")[0], _PACKAGE))
        raise MissingPackageError(f"the Python package {missing} is not installed: {command}") from None


def require_fitted(model: Any) -> None:
    """Check an estimator with scikit-learn's interface; other models have no such state.

    Raises:
        SourceError: nobody has called its `fit`.

    """
    if not hasattr(model, "fit") or not hasattr(model, "get_params"):
        return
    try:
        need("sklearn.utils.validation").check_is_fitted(model)
    except need("sklearn.exceptions").NotFittedError:
        raise SourceError(
            f"the model is a {type(model).__name__} that is not fitted: call its fit first"
        ) from None
