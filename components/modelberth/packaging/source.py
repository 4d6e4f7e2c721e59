"""What `modelberth package` is given: a file of a framework, or `module.py:function`."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from modelberth.packaging.errors import PackagingError, SourceError, first_line
from modelberth.packaging.frameworks import need
from modelberth.packaging.trained import Trained

__all__ = ["import_file", "load"]

_FUNCTION: Final = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")
_ALLOWED: Final = (
    "module.py:function that returns the fitted model; .onnx; LightGBM's .txt; XGBoost's .json or .ubj; "
    ".joblib or .pkl; TorchScript's .pt or an ExportedProgram's .pt2; .keras; the folder of a SavedModel"
)


def load(source: str, *, trust: bool) -> Trained:
    """Load a model.

    Args:
        source: a path, or `module.py:function`, whose function is called without arguments
        trust: whether a file may be loaded whose format can run code: pickles and PyTorch's archives

    Raises:
        SourceError: no such file or function, or a format that is not taken.
        MissingPackageError: the framework is not installed.

    """
    if named := _FUNCTION.fullmatch(source):
        return _called(Path(named["file"]), named["function"])
    path = Path(source)
    if not path.exists():
        raise SourceError(f"SOURCE: {source} does not exist; allowed: {_ALLOWED}")
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise SourceError(f"SOURCE: {source} is a folder without saved_model.pb; allowed: {_ALLOWED}")
        return _loaded(_saved_model, path)
    loader, runs_code = _LOADERS.get(path.suffix.lower(), (None, False))
    if loader is None:
        raise SourceError(f"SOURCE: given {source}, allowed: {_ALLOWED}")
    if runs_code and not trust:
        raise SourceError(
            f"SOURCE: loading {source} runs code that the file brings along. If it is your own, add "
            "--trust; better, name a function that returns the fitted model: module.py:function"
        )
    return _loaded(loader, path)


def import_file(path: Path, purpose: str) -> ModuleType:
    """Import a Python file that lies outside any package; what lies beside it can be imported by it.

    Raises:
        SourceError: there is no such file, or it fails.

    """
    if not path.is_file():
        raise SourceError(f"{purpose}: {path} is not a file")
    name = f"modelberth_source_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    beside = str(path.resolve().parent)
    sys.path.insert(0, beside)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise SourceError(f"{purpose}: {path} fails: {first_line(error)}") from error
    finally:
        sys.path.remove(beside)
    return module


def _called(file: Path, function: str) -> Trained:
    where = f"{file}:{function}"
    made = getattr(import_file(file, "SOURCE"), function, None)
    if not callable(made):
        raise SourceError(f"SOURCE: {file} has no function {function}")
    try:
        value = made()
    except Exception as error:
        raise SourceError(f"SOURCE: {where} fails: {first_line(error)}") from error
    return Trained.returned(value, where)


def _loaded(loader: Callable[[Path], Any], path: Path) -> Trained:
    try:
        return Trained(model=loader(path))
    except PackagingError:
        raise
    except Exception as error:
        raise SourceError(f"SOURCE: {path} cannot be loaded: {first_line(error)}") from error


def _onnx(path: Path) -> Any:
    # With the tensors that it keeps in files beside it, so that the package is one file.
    return need("onnx").load(str(path))


def _lightgbm(path: Path) -> Any:
    if not path.read_bytes().startswith(b"tree"):
        raise SourceError(f"SOURCE: {path} is not a model that LightGBM's save_model wrote")
    return need("lightgbm").Booster(model_file=str(path))


def _xgboost(path: Path) -> Any:
    booster = need("xgboost").Booster()
    booster.load_model(str(path))
    return booster


def _joblib(path: Path) -> Any:
    return need("joblib").load(path)


def _torch(path: Path) -> Any:
    torch = need("torch")
    if path.suffix.lower() == ".pt2":
        return torch.export.load(str(path))
    try:
        return torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError:
        raise SourceError(
            f"SOURCE: {path} is not TorchScript. Weights alone (a state_dict) do not say what to compute: "
            "name a function that builds the module and loads them: module.py:function"
        ) from None


def _keras(path: Path) -> Any:
    need("tensorflow")
    return need("keras").saving.load_model(str(path), compile=False)  # safe_mode: refuses code in the file


def _saved_model(path: Path) -> Any:
    return need("tensorflow").saved_model.load(str(path))


def _skops(path: Path) -> Any:
    raise SourceError(
        f"SOURCE: {path}: .skops is not read here; load it in a function of yours: module.py:function"
    )


# By suffix: how to load it, and whether that can run code from the file.
_LOADERS: Final[dict[str, tuple[Callable[[Path], Any], bool]]] = {
    ".onnx": (_onnx, False),
    ".txt": (_lightgbm, False),
    ".json": (_xgboost, False),
    ".ubj": (_xgboost, False),
    ".joblib": (_joblib, True),
    ".pkl": (_joblib, True),  # joblib reads plain pickles too
    ".pickle": (_joblib, True),
    ".pt": (_torch, True),
    ".pth": (_torch, True),
    ".pt2": (_torch, True),
    ".keras": (_keras, False),
    ".skops": (_skops, False),
}
