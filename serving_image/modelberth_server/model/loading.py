"""From a reference to a model that is ready to run: fetched, verified, parsed, warm."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

import onnxruntime
import orjson

from modelberth_server.errors import ModelError
from modelberth_server.model.discovery import discover
from modelberth_server.model.package import Package
from modelberth_server.model.ranks import unranked
from modelberth_server.model.reference import ModelReference
from modelberth_server.model.session import Model, open_session, tensor_specs
from modelberth_server.model.signature import FIRST_VERSION, UNNAMED, Signature
from modelberth_server.model.warm_up import warm_up
from modelberth_server.settings import Settings

__all__ = ["load"]

EXAMPLE: Final = "modelberth.example"
"""Key of a model's metadata (`metadata_props` of the ONNX file): a JSON list of rows to try it with."""

# Operators that run a part of the model as often as its inputs say.
_LOOPS: Final = (b"Loop", b"Scan")

logger = logging.getLogger(__name__)


def load(reference: ModelReference, settings: Settings, environ: Mapping[str, str]) -> Model:
    """Read, verify, parse and warm the model.

    The bytes that ONNX Runtime parses are the bytes that were hashed; each file is read once.

    Raises:
        ModelError: it cannot be had, has another sha256, is no ONNX model, or takes or gives a type that
            cannot be served.

    """
    try:
        package = _package(reference, settings, environ)
        manifest = package.manifest
        session = open_session(package, settings.threads)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        unknown = _unranked(package, (*inputs, *outputs))
        signature = Signature(
            name=settings.model_name or (manifest.name if manifest else UNNAMED),
            version=reference.version or (manifest.version if manifest else FIRST_VERSION),
            sha256=package.sha256,
            inputs=tensor_specs(inputs, package.path, unknown),
            outputs=tensor_specs(outputs, package.path, unknown),
            example=package.example or _example(session),
            preprocess=package.preprocess,
            reference=package.reference,
            labels=package.labels,
        )
    except ModelError as error:
        raise ModelError(f"{reference.origin}: {error}") from None
    model = Model(signature, session)
    has_loops = any(word in package.onnx for word in _LOOPS)
    warm_up(model, max_rows=settings.max_batch_size, has_loops=has_loops)
    return model


def _package(reference: ModelReference, settings: Settings, environ: Mapping[str, str]) -> Package:
    if reference.path is not None:
        return Package.read(reference.path, reference.sha256)
    if reference.uri is None:
        return Package.read(discover(environ), reference.sha256)
    # Its clients of object stores take a while to import.
    from modelberth_server.sources.addresses import PrivateHosts  # noqa: PLC0415
    from modelberth_server.sources.fetch import Fetcher  # noqa: PLC0415

    private_hosts = PrivateHosts.of(settings.allow_private_hosts)
    fetcher = Fetcher(settings.model_folder, private_hosts, environ.get("HF_TOKEN"))
    fetched = fetcher.fetch(reference.uri, reference.sha256)
    # An archive has a digest of its own, and what was in it another one.
    return Package.read(fetched.path, fetched.sha256)


def _unranked(package: Package, tensors: Iterable[Any]) -> frozenset[str]:
    if all(tensor.shape for tensor in tensors):
        return frozenset()
    try:
        return unranked(package.onnx)
    except ValueError as error:
        raise ModelError(f"{package.path} is not an ONNX model that can be served: {error}") from None


def _example(session: onnxruntime.InferenceSession) -> list[Any] | None:
    """Read the rows that the model carries in its metadata, if any."""
    try:
        text = session.get_modelmeta().custom_metadata_map.get(EXAMPLE)
        if text is None:
            return None
        rows = orjson.loads(text)
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        rows = None
    if not isinstance(rows, list) or not rows:
        logger.warning("the model's metadata %s is not used: it is no JSON list of rows", EXAMPLE)
        return None
    return rows
