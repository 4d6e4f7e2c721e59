"""Whether our own server takes a package: it is opened here as there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from modelberth.packaging.errors import ConversionError
from modelberth.packaging.package import Package
from modelberth_server.errors import ModelError
from modelberth_server.model.package import Package as Served
from modelberth_server.model.session import open_session, tensor_specs
from modelberth_server.model.signature import Signature
from modelberth_server.telemetry.drift import Tracker

__all__ = ["require_servable"]


def require_servable(package: Package) -> None:
    """Read, verify and open a package as the server does, and lay its reference beside its tensors.

    Raises:
        ConversionError: the server refuses it; the message is the server's.

    """
    with tempfile.TemporaryDirectory(prefix="modelberth-") as temporary:
        folder = Path(temporary, "package")
        package.write(folder)
        try:
            _open(folder, package.sha256)
        except ModelError as error:
            reason = str(error).replace(f"{folder}/", "")
            raise ConversionError(f"the server refuses the package: {reason}") from None


def _open(folder: Path, sha256: str) -> None:
    served = Served.read(folder, sha256)
    assert served.manifest is not None
    session = open_session(served, threads=1)
    signature = Signature(
        name=served.manifest.name,
        version=served.manifest.version,
        sha256=served.sha256,
        inputs=tensor_specs(session.get_inputs(), served.path),
        outputs=tensor_specs(session.get_outputs(), served.path),
        example=served.example,
        preprocess=served.preprocess,
        reference=served.reference,
        labels=served.labels,
    )
    Tracker(signature, signature.reference, signature.labels)
