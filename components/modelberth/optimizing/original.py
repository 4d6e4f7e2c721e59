"""The model to optimize: read, verified and opened as the server does it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import onnx

from modelberth.packaging import MANIFEST, SourceError
from modelberth.packaging.package import MODEL
from modelberth_server.errors import ModelError
from modelberth_server.model.package import Package as Served
from modelberth_server.model.session import Inference, open_session, tensor_specs
from modelberth_server.model.signature import Signature

__all__ = ["Original"]


@dataclass(frozen=True)
class Original:
    """A package, or a bare ONNX file, before it is optimized."""

    served: Served
    manifest: Mapping[str, Any]
    """As in its file, without `format` and `files`; of a bare file its name, a version and the model."""
    files: Mapping[str, bytes]
    """Every file beside the manifest."""
    signature: Signature

    @classmethod
    def read(cls, path: Path, *, name: str | None = None) -> Self:
        """Read a package's folder or an ONNX file.

        Args:
            path: of the folder or file
            name: what to call the model; None: as its manifest does, or its file

        Raises:
            SourceError: there is none, a file is not the one that the manifest pins, ONNX Runtime cannot load
                the model, or it takes a fixed number of rows.

        """
        try:
            served = Served.read(path, None)
            session = open_session(served, threads=1)
            inputs = tensor_specs(session.get_inputs(), served.path)
            outputs = tensor_specs(session.get_outputs(), served.path)
        except ModelError as error:
            raise SourceError(f"PACKAGE: {error}") from None
        if served.external:
            raise SourceError(
                f"PACKAGE: {served.path} keeps tensors in other files "
                f"({', '.join(sorted(served.external))}); save it as one file"
            )
        for spec in inputs:
            if spec.shape and spec.shape[0] != -1:
                raise SourceError(
                    f"PACKAGE: the input {spec.name} has the shape {list(spec.shape)}, a fixed number of "
                    "rows; export the model with a first dimension of any size"
                )
        manifest, files = _parts(served)
        if name is not None:
            manifest = {**manifest, "name": name}
        signature = Signature(
            name=manifest["name"],
            version=manifest["version"],
            sha256=served.sha256,
            inputs=inputs,
            outputs=outputs,
            preprocess=served.preprocess,
            labels=served.labels,
        )
        return cls(served, manifest, files, signature)

    @property
    def model(self) -> onnx.ModelProto:
        """The graph, a fresh copy each time."""
        model = onnx.load_from_string(self.served.onnx)
        # Converters write one twice, which ONNX Runtime's quantizer refuses.
        versions = {version.domain: version for version in model.opset_import}
        del model.opset_import[:]
        model.opset_import.extend(versions.values())
        return model

    def inference(self, model: bytes) -> Inference:
        """Open a variant of the model as the server opens a model, with one thread.

        Raises:
            ModelError: ONNX Runtime cannot load it.

        """
        return Inference(open_session(replace(self.served, onnx=model), threads=1))


def _parts(served: Served) -> tuple[dict[str, Any], dict[str, bytes]]:
    if served.manifest is None:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", served.path.stem).strip("-._") or "model"
        return {"name": stem, "version": "1", "model": MODEL}, {MODEL: served.onnx}
    folder = served.path.parents[served.manifest.model.count("/")]
    try:
        data = (folder / MANIFEST).read_bytes()
        files = {name: (folder / name).read_bytes() for name in served.manifest.files}
    except OSError as error:
        raise SourceError(f"PACKAGE: {folder} cannot be read: {error.strerror}") from None
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if hashlib.sha256(data).hexdigest() != served.sha256 or digests != dict(served.manifest.files):
        raise SourceError(f"PACKAGE: {folder} changed while it was read")
    manifest = json.loads(data)
    return {key: value for key, value in manifest.items() if key not in {"format", "files"}}, files
