"""`modelberth optimize`: a faster or smaller variant of a package that is not worse than allowed."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.options import AsJson, err, out

if TYPE_CHECKING:  # they bring numpy and ONNX Runtime, and only this command needs them
    from modelberth.optimizing import Measured, Outcome
    from modelberth.optimizing.latency import Timing
    from modelberth.packaging import Package

__all__ = ["optimize"]

_WIDTH: Final = 120
"""A terminal that is narrower than the table wraps it: a figure that is cut off is worth nothing."""


class Method(StrEnum):
    """Those of `modelberth.optimizing`, which `--help` does not import, and all of them."""

    GRAPH = "graph"
    DYNAMIC = "dynamic"
    STATIC = "static"
    PRUNE = "prune"
    ALL = "all"


class Metric(StrEnum):
    """Those of `modelberth.optimizing`."""

    ACCURACY = "accuracy"
    MACRO_F1 = "macro-f1"
    RMSE = "rmse"
    AGREEMENT = "agreement"


def optimize(
    source: Annotated[Path, typer.Argument(metavar="PACKAGE", help="A package's folder, or an .onnx file.")],
    *,
    out_folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the new package.")],
    rows: Annotated[Path, typer.Option(metavar="FILE", help="Held-out rows to judge by: .csv, .npy, .json.")],
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Their labels: .csv, .npy, .json, or lines in a .txt."),
    ] = None,
    method: Annotated[Method, typer.Option(help="What to try.")] = Method.ALL,
    metric: Annotated[
        Metric | None,
        typer.Option(
            help="Unset: agreement with the original; with --labels accuracy, or rmse without classes."
        ),
    ] = None,
    max_loss: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="By which the metric may fall; rmse may rise by this share. Unset: 0.01."
        ),
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(metavar="X", help="Value that the metric has to keep, instead of --max-loss."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Training rows, for static and prune.")
    ] = None,
    sparsity: Annotated[
        list[float] | None,
        typer.Option(metavar="X", help="Share of neurons or trees to prune; may be given again. Unset: 0.5."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name. Unset: that of PACKAGE.")] = None,
    version: Annotated[
        str | None, typer.Option(help="Label of the version. Unset: that of PACKAGE and the method.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Quantize, prune and simplify a model; measure each variant; write the fastest that is good enough.

    Where none keeps the floor, or none is smaller or faster, nothing is written.

    Exit status: 0 written, 1 no variant is good enough, 2 the input is wrong, 3 a Python package is missing.
    """
    try:
        from modelberth import optimizing, packaging  # noqa: PLC0415 - see above
        from modelberth.optimizing.rows import read_inputs, read_labels  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Failure(
            Exit.TOOL,
            f"the Python package {error.name} is not installed: pip install 'modelberth[package]'",
        ) from None

    try:
        if max_loss is not None and min_accuracy is not None:
            raise packaging.SourceError("--min-accuracy: given with --max-loss; allowed: one of them")
        if method is Method.STATIC and calibration is None:
            raise packaging.SourceError(
                "--calibration: missing; static quantization needs rows of the training data, not --rows"
            )
        if is_same := _overlap(source, out_folder):
            raise packaging.SourceError(
                f"--out: given {out_folder}, {is_same} PACKAGE, {source}: the new package would replace the "
                "original; name a folder apart from it"
            )
        with err.status("Reading the model…") as status:
            original = optimizing.Original.read(source, name=name)
            signature = original.signature
            held_out = optimizing.HeldOut.of(
                signature,
                read_inputs(rows, signature, "--rows"),
                read_labels(labels) if labels else None,
                optimizing.Metric(metric) if metric else None,
                original.inference(original.served.onnx),
            )
            outcome = optimizing.optimize(
                original,
                held_out,
                lambda value: (
                    optimizing.Floor.at(held_out.metric, min_accuracy)
                    if min_accuracy is not None
                    else optimizing.Floor.below(
                        held_out.metric, value, 0.01 if max_loss is None else max_loss
                    )
                ),
                methods=[one for one in optimizing.Method if method in (one.value, Method.ALL)],
                sparsities=sparsity or [0.5],
                calibration=held_out.other_rows(read_inputs(calibration, signature, "--calibration"))
                if calibration
                else None,
                say=lambda step: status.update(f"{step}…"),
            )
        package = outcome.package(original, version) if outcome.chosen else None
        if package:
            package.write(out_folder)
    except packaging.PackagingError as error:
        status_of = {packaging.SourceError: Exit.USAGE, packaging.MissingPackageError: Exit.TOOL}
        raise Failure(status_of.get(type(error), Exit.FAILED), f"{error}; no package was written") from None
    if as_json:
        print(json.dumps(_form(outcome, package, out_folder), ensure_ascii=False, allow_nan=False))
    else:
        _show(outcome)
    if package is None:
        raise Failure(Exit.FAILED, f"{_why_none(outcome)}; no package was written")
    if not as_json:
        manifest = package.manifest
        out.print(
            f"{out_folder}: {manifest['name']} {manifest['version']}, {package.size} bytes", markup=False
        )
        out.print("\nIn the endpoint's spec:", style="bold")
        out.print(f"  model:\n    uri: {out_folder}\n    sha256: {package.sha256}", markup=False)


def _overlap(source: Path, folder: Path) -> str | None:
    """How the folder to write lies to what is read, if not apart; links are followed."""
    original, made = source.resolve(), folder.resolve()
    if made == original:
        return "which is"
    if made.is_relative_to(original):
        return "which lies in"
    return "which holds" if original.is_relative_to(made) else None


def _show(outcome: Outcome) -> None:
    held_out = outcome.held_out
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("variant", no_wrap=True)
    for heading in ("bytes", *map(_rows, outcome.original.timings), str(held_out.metric), "same", "differs"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for measured, verdict in zip((outcome.original, *outcome.variants), ("", *outcome.verdicts), strict=True):
        quality = measured.quality
        is_original = measured is outcome.original
        table.add_row(
            Text(measured.name),
            str(measured.size),
            *map(_shown, measured.timings.values()),
            f"{quality.value:.4f}",
            "" if is_original else f"{quality.agreement:.4f}",
            "" if is_original else f"{quality.difference:.1e}",
            verdict,
        )
    Console(width=max(out.width, _WIDTH), highlight=False).print(table)
    out.print(
        f"Times: median (99th percentile) in µs of one call with one thread, and the ratio to the original. "
        f"Same: share of the rows answered as by the original; differs: the largest difference of a number. "
        f"Judged on {held_out.rows} rows; floor: {outcome.floor}.",
        markup=False,
    )
    if alone := [one.name for one in outcome.variants if outcome.original.batches and not one.batches]:
        out.print(
            f"{', '.join(alone)}: a row's answer depends on the rows computed with it, so the server does "
            "not batch requests; measured row by row.",
            markup=False,
        )
    for variant, reason in outcome.refused.items():
        out.print(f"{variant}: not made: {reason}", markup=False)
    out.print()


def _shown(timing: Timing) -> str:
    digits = 0 if timing.median >= 1e-4 else 1
    return f"{timing.median * 1e6:.{digits}f} ({timing.p99 * 1e6:.0f}) {timing.ratio:.2f}"


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _why_none(outcome: Outcome) -> str:
    if not outcome.variants:
        return "no variant could be made: " + "; ".join(
            f"{name}: {reason}" for name, reason in outcome.refused.items()
        )
    found = ", ".join(f"{one.name} {one.value:.4f}" for one in outcome.variants)
    if any(outcome.floor.holds(one.value) for one in outcome.variants):
        return f"no variant that keeps the floor, {outcome.floor}, is better than the original by over 5%"
    before = f"(original {outcome.original.value:.4f})"
    return f"no variant keeps the floor, {outcome.floor} {before}: {outcome.held_out.metric} of {found}"


def _form(outcome: Outcome, package: Package | None, folder: Path) -> dict[str, Any]:
    return {
        "package": str(folder) if package else None,
        "sha256": package.sha256 if package else None,
        "manifest": json.loads(package.manifest_bytes) if package else None,
        "spec": {"model": {"uri": str(folder), "sha256": package.sha256}} if package else None,
        "rows": outcome.held_out.rows,
        "metric": str(outcome.held_out.metric),
        "floor": outcome.floor.limit,
        "original": _figures(outcome.original),
        "variants": [
            {**_figures(one), "verdict": verdict}
            for one, verdict in zip(outcome.variants, outcome.verdicts, strict=True)
        ],
        "refused": dict(outcome.refused),
        "chosen": outcome.chosen.name if outcome.chosen else None,
    }


def _figures(measured: Measured) -> dict[str, Any]:
    """JSON has no infinity: a number that is missing on one side is null."""
    quality = measured.quality
    return {
        "name": measured.name,
        "bytes": measured.size,
        "value": quality.value,
        "agreement": quality.agreement,
        "batches": measured.batches,
        "widest_difference": quality.difference if math.isfinite(quality.difference) else None,
        "latency": {
            str(rows): {"median_us": timing.median * 1e6, "p99_us": timing.p99 * 1e6, "ratio": timing.ratio}
            for rows, timing in measured.timings.items()
        },
    }
