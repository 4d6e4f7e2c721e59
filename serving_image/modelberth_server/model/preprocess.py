"""A package's own step before the model, compiled from its verified bytes."""

import hashlib
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType
from typing import Final

from modelberth_server.errors import ModelError
from modelberth_server.model.signature import Preprocess

__all__ = ["compile_preprocess"]

FUNCTION: Final = "preprocess"
FILES: Final = "FILES"
"""Global of the module: the verified bytes of the package's other files by name; none is to be read again."""


def compile_preprocess(source: bytes, path: Path, files: Mapping[str, bytes]) -> Preprocess:
    """Run the module once, and return its function `preprocess`.

    Its name is derived from its bytes: the same file is the same module in every process, and two versions of
    a package live side by side.

    Raises:
        ModelError: it does not compile, raises (with the line), or defines no such function.

    """
    name = f"modelberth_preprocess_{hashlib.sha256(source).hexdigest()[:12]}"
    module = ModuleType(name)
    vars(module)[FILES] = MappingProxyType(dict(files))
    code = _compiled(source, path)
    before = sys.modules.get(name)
    # Dataclasses look their module up while they are made.
    sys.modules[name] = module
    try:
        exec(code, vars(module))  # noqa: S102 -- pinned by its sha256, like the model
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it is, the package is at fault
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        hint = f"; the package's other files are in the global {FILES}" if "__file__" in str(error) else ""
        raise ModelError(f"{path}, line {lines[-1] if lines else 1}: {_told(error)}{hint}") from None
    function = vars(module).get(FUNCTION)
    if not callable(function):
        raise ModelError(f"{path}: defines no function {FUNCTION}(instances)")
    chosen: Preprocess = function
    return chosen


def _compiled(source: bytes, path: Path) -> CodeType:
    try:
        return compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ModelError(f"{path}, line {error.lineno or 1}: SyntaxError: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ModelError(f"{path}: {_told(error)}") from None


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
