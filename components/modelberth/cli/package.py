"""`modelberth package`: a trained model into a package folder that every target serves."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.options import AsJson, err, out

if TYPE_CHECKING:  # it brings numpy, and only this command needs it
    from modelberth.packaging.build import Built

__all__ = ["package"]


def package(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A model's file, or module.py:function that returns it.")
    ],
    *,
    out_folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the package.")],
    name: Annotated[str | None, typer.Option(help="The model's name. Unset: that of SOURCE.")] = None,
    version: Annotated[str, typer.Option(help="Label of the model's version.")] = "1",
    samples: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows to compare on: .csv, .npy, .json.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of the scores' columns, one a line.")
    ] = None,
    preprocess: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Python file with preprocess(instances).")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Training data, for drift: .csv or .npy.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(metavar="X", help="By which numbers may differ. Unset: 1e-5.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Load a pickle or a PyTorch archive: it can run code.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Convert a trained model to ONNX, compare it with the original, and write it as a package.

    Takes models of scikit-learn, LightGBM, XGBoost, PyTorch, TensorFlow and Keras, and ONNX files. Where
    original and package differ on a row, nothing is written.

    Exit status: 0 written, 1 the two differ or the model cannot be converted, 2 the input is wrong, 3 a
    Python package is missing.
    """
    try:
        from modelberth import packaging  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        raise Failure(
            Exit.TOOL,
            f"the Python package {error.name} is not installed: pip install 'modelberth[package]'",
        ) from None
    from modelberth.packaging import samples as rows  # noqa: PLC0415

    try:
        with err.status("Loading the model…") as status:
            trained = packaging.load(source, trust=trust)
            given: dict[str, Any] = {}
            if samples:
                given["samples"] = rows.read_rows(samples, "--samples")
            if reference:
                given["reference"] = rows.read_rows(reference, "--reference")
            if labels:
                given["labels"] = _labels(labels)
            built = packaging.build(
                packaging.Trained(**{**vars(trained), **given}),
                name=name or _name_of(source),
                version=version,
                preprocess=preprocess,
                tolerance=packaging.TOLERANCE if tolerance is None else tolerance,
                say=lambda step: status.update(f"{step}…"),
            )
            built.package.write(out_folder)
    except packaging.PackagingError as error:
        raise Failure(_status(error), f"{error}; no package was written") from None
    if as_json:
        print(json.dumps(_form(built, out_folder), ensure_ascii=False))
    else:
        _show(built, out_folder)


def _status(error: Exception) -> Exit:
    from modelberth import packaging  # noqa: PLC0415

    if isinstance(error, packaging.SourceError):
        return Exit.USAGE
    return Exit.TOOL if isinstance(error, packaging.MissingPackageError) else Exit.FAILED


def _name_of(source: str) -> str:
    stem = Path(source.rpartition(":")[0] or source).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "model"


def _labels(file: Path) -> list[Any]:
    from modelberth.packaging import SourceError  # noqa: PLC0415

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"--labels: {file} cannot be read: {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _form(built: Built, folder: Path) -> dict[str, Any]:
    parity = built.parity
    return {
        "package": str(folder),
        "sha256": built.package.sha256,
        "bytes": built.package.size,
        "manifest": json.loads(built.package.manifest_bytes),
        "widest_difference": parity.widest if parity else None,
        "not_compared": list(built.not_compared),
        "spec": {"model": {"uri": str(folder), "sha256": built.package.sha256}},
        "try": _try(built, folder),
    }


def _show(built: Built, folder: Path) -> None:
    manifest = built.package.manifest
    name, version = manifest["name"], manifest["version"]
    out.print(f"{folder}: {name} {version}, {built.package.size} bytes", markup=False)
    rows = f"{manifest['parity']['rows']} rows" + (
        " drawn at random (give --samples for real ones)" if built.origin == "random" else ""
    )
    if built.parity is None:
        out.print(f"compared: nothing, the source is ONNX already; it runs on {rows}", markup=False)
    else:
        out.print(
            f"compared with {built.framework} on {rows}: {', '.join(built.parity.outputs)}; widest "
            f"difference {built.parity.widest:.1e}, allowed {built.parity.tolerance:g}",
            markup=False,
        )
        if built.not_compared:
            out.print(
                f"not compared, the framework has no such answer: {', '.join(built.not_compared)}",
                markup=False,
            )
    out.print("\nIn the endpoint's spec:", style="bold")
    out.print(f"  model:\n    uri: {folder}\n    sha256: {built.package.sha256}", markup=False)
    out.print("\nTry it:", style="bold")
    for line in _try(built, folder):
        out.print(f"  {line}", markup=False)


def _try(built: Built, folder: Path) -> list[str]:
    server = (
        f"HOST=127.0.0.1 PORT=8080 MODELBERTH_MODEL_PATH={shlex.quote(str(folder))} "
        f"MODELBERTH_MODEL_SHA256={built.package.sha256} python -m modelberth_server"
    )
    example = built.package.manifest.get("example")
    if not example:
        return [server]
    body = shlex.quote(json.dumps({"input": example}, ensure_ascii=False))
    if len(body) > 1000:  # a picture; the manifest has it
        return [server]
    return [server, f"curl http://127.0.0.1:8080/predict -H 'Content-Type: application/json' -d {body}"]
