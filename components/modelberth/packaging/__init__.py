"""Trained models into packages: converted to ONNX, compared with the original, pinned by a manifest."""

import modelberth_server  # noqa: F401 -- first: it turns off what ONNX Runtime would send
from modelberth.packaging.build import build
from modelberth.packaging.errors import (
    ConversionError,
    MissingPackageError,
    PackagingError,
    ParityError,
    SourceError,
)
from modelberth.packaging.package import MANIFEST, Package
from modelberth.packaging.parity import TOLERANCE
from modelberth.packaging.source import load
from modelberth.packaging.trained import Trained

__all__ = [
    "MANIFEST",
    "TOLERANCE",
    "ConversionError",
    "MissingPackageError",
    "Package",
    "PackagingError",
    "ParityError",
    "SourceError",
    "Trained",
    "build",
    "load",
]
