"""Make the variants of a model, measure each beside the original, choose, and pack the choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from modelberth.optimizing.choice import Floor, Verdict, judge
from modelberth.optimizing.held_out import HeldOut, Metric, Quality
from modelberth.optimizing.latency import Clock, Timing, interleaved
from modelberth.optimizing.methods import Method, variants
from modelberth.optimizing.original import Original
from modelberth.optimizing.runs import answers_as_served
from modelberth.packaging import MANIFEST, Package, SourceError
from modelberth_server.errors import ModelError, RequestError
from modelberth_server.model.manifest import Manifest
from modelberth_server.model.session import Inference
from modelberth_server.tensors import Array

__all__ = ["BATCHES", "Measured", "Outcome", "optimize"]

BATCHES: Final = (1, 32)
"""Numbers of rows at which latency is measured."""
_ORIGINAL: Final = "original"


@dataclass(frozen=True)
class Measured:
    """A model and what was measured of it."""

    name: str
    model: bytes
    quality: Quality
    batches: bool
    """Rows give together what each gives alone, so that the server may batch requests."""
    timings: Mapping[int, Timing]
    """By number of rows."""

    @property
    def size(self) -> int:
        """Bytes of the ONNX file."""
        return len(self.model)

    @property
    def value(self) -> float:
        """Of the metric."""
        return self.quality.value

    @property
    def ratios(self) -> Sequence[float]:
        """Of the median latencies to the original's."""
        return [timing.ratio for timing in self.timings.values()]


@dataclass(frozen=True)
class Outcome:
    """All that was tried."""

    held_out: HeldOut
    floor: Floor
    original: Measured
    variants: tuple[Measured, ...]
    verdicts: tuple[Verdict, ...]
    """One for each of `variants`."""
    refused: Mapping[str, str]
    """Variants that could not be made, with the reason."""

    @property
    def chosen(self) -> Measured | None:
        """The variant to use, if any is worth it."""
        if Verdict.CHOSEN not in self.verdicts:
            return None
        return self.variants[self.verdicts.index(Verdict.CHOSEN)]

    def package(self, original: Original, version: str | None = None) -> Package:
        """Pack the chosen variant: the original's package with another model.

        Its manifest holds no time, so that the same variant gives the same sha256 again.

        Raises:
            SourceError: name or version is not one that the server takes.

        """
        assert self.chosen is not None
        before = original.manifest
        metric = str(self.held_out.metric)
        manifest = {
            **before,
            "version": version or f"{before['version']}-{self.chosen.name}",
            "parity": {
                "original": f"{before['name']} {before['version']}",
                "sha256": original.signature.sha256,
                "optimization": self.chosen.name,
                "rows": self.held_out.rows,
                "samples": "given",
                "compared": sorted(self.held_out.original),
                "agreement": round(self.chosen.quality.agreement, 4),
            },
        }
        # What was measured on the original does not hold for this model.
        manifest.pop("metrics", None)
        if self.held_out.metric is not Metric.AGREEMENT:
            manifest["metrics"] = {metric: float(f"{self.chosen.value:.4g}")}
        package = Package(manifest, {**original.files, before["model"]: self.chosen.model})
        try:
            Manifest.parse(package.manifest_bytes, MANIFEST)
        except ModelError as error:
            raise SourceError(f"the server could not read the package: {error}") from None
        return package


def optimize(
    original: Original,
    held_out: HeldOut,
    floor_of: Callable[[float], Floor],
    *,
    methods: Sequence[Method],
    sparsities: Sequence[float] = (0.5,),
    calibration: Mapping[str, Array] | None = None,
    clock: Clock = time.perf_counter,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Try methods on a model.

    Args:
        original: the model
        held_out: what the variants are judged by
        floor_of: gives the floor for the original's value of the metric
        methods: which to try; a single one may make the model smaller and slower: it was asked for
        sparsities: shares to prune
        calibration: inputs of the training data, for static quantization and pruning
        clock: for tests
        say: is told each step

    Raises:
        SourceError: an option is out of bounds, or the model cannot take the calibration rows.

    """
    before = original.model
    baseline = held_out.quality(held_out.original)
    floor = floor_of(baseline.value)
    signature, inputs = original.signature, held_out.inputs
    inference = original.inference(original.served.onnx)
    models = {_ORIGINAL: (original.served.onnx, inference, baseline, held_out.batches)}
    if calibration is not None:
        try:
            answers_as_served(inference, signature, calibration)
        except RequestError as error:
            raise SourceError(f"--calibration: {error.message}") from None
    refused: dict[str, str] = {}
    say("Making the variants")
    for variant in variants(before, methods, sparsities, calibration):
        if variant.model is None:
            refused[variant.name] = variant.reason or ""
            continue
        say(f"Measuring {variant.name} on {held_out.rows} rows")
        try:
            inference = original.inference(variant.model)
            given, batches = answers_as_served(inference, signature, inputs)
        except (ModelError, RequestError) as error:
            refused[variant.name] = f"ONNX Runtime cannot run what came out: {error}"
            continue
        models[variant.name] = (variant.model, inference, held_out.quality(given), batches)
    say("Timing")
    timings = {
        batch: interleaved(
            [_runner(inference, original, held_out, batch) for _, inference, *_ in models.values()], clock
        )
        for batch in BATCHES
    }
    first, *others = (
        Measured(name, model, quality, batches, {batch: timings[batch][index] for batch in BATCHES})
        for index, (name, (model, _, quality, batches)) in enumerate(models.items())
    )
    verdicts = judge(others, first, floor, asked=len(methods) == 1)
    return Outcome(held_out, floor, first, tuple(others), tuple(verdicts), refused)


def _runner(inference: Inference, original: Original, held_out: HeldOut, batch: int) -> Callable[[int], Any]:
    """Run on other rows each round: a tree that always takes the same way is faster than any in use."""
    names = [spec.name for spec in original.signature.outputs]
    feeds = []
    for start in range(min(held_out.rows, 64)):
        at = [(start + offset) % held_out.rows for offset in range(batch)]
        feeds.append({name: array[at] for name, array in held_out.inputs.items()})
    return partial(_run, inference, names, feeds)


def _run(inference: Inference, names: list[str], feeds: list[dict[str, Array]], number: int) -> None:
    inference.run(feeds[number % len(feeds)], names)
