"""From a trained model to a package: convert, run both on the same rows, compare, describe."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelberth.packaging.convert import Converted, convert, feature_count
from modelberth.packaging.errors import ConversionError, SourceError, predicting
from modelberth.packaging.frameworks import Framework, framework_of, installed_version, require_fitted
from modelberth.packaging.graph import EXAMPLE, Session, canonical, serialized, sized
from modelberth.packaging.json_value import metrics_of
from modelberth.packaging.package import MODEL, PREPROCESS, Package
from modelberth.packaging.parity import TOLERANCE, Parity, compare
from modelberth.packaging.preprocessing import Preprocess, load_preprocess
from modelberth.packaging.reference import histograms
from modelberth.packaging.samples import Samples, as_array, require_columns
from modelberth.packaging.served import require_servable
from modelberth.packaging.trained import Array, Trained

__all__ = ["Built", "build"]

# Each becomes a segment of a URL and a label in the metrics; the spec's `model.version` is narrower.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_VERSION: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_INPUT: Final = "input"


@dataclass(frozen=True)
class Built:
    """A package, and how it was compared."""

    package: Package
    framework: str
    origin: str
    """Where the rows came from that were compared: `given` or `random`."""
    parity: Parity | None
    """None where there is no original: the source is ONNX already."""
    not_compared: tuple[str, ...]
    """Outputs for which the framework has nothing to compare with."""


def build(
    trained: Trained,
    *,
    name: str,
    version: str = "1",
    preprocess: Path | None = None,
    tolerance: float = TOLERANCE,
    say: Callable[[str], None] = lambda _: None,
) -> Built:
    """Make a package in memory; nothing is written.

    Args:
        trained: the model, with rows to compare it on
        name: the model's name in routes and metrics
        version: label of the model's version
        preprocess: file with a function `preprocess(instances)` that makes the model's inputs of rows
        tolerance: see `compare`
        say: is told each step

    Raises:
        PackagingError: no package can be made; a ParityError names the row and column that differ.

    """
    _require(name, _NAME, "--name", "1 to 128 letters, digits, '.', '_' or '-'")
    _require(version, _VERSION, "--version", "1 to 63 letters, digits, dots, hyphens or underscores")
    if not 0 <= tolerance < 1:
        raise SourceError(f"--tolerance: given {tolerance:g}, allowed: 0 to below 1")
    metrics = metrics_of(trained.metrics) if trained.metrics is not None else None
    framework = framework_of(trained.model)
    require_fitted(trained.model)
    step = load_preprocess(preprocess) if preprocess else None
    features = feature_count(trained.model) if step is None else None
    samples = _samples(trained, step, features)
    inputs = _inputs(trained, framework, samples, step)
    say(f"Converting the {framework} model")
    with _quiet():
        converted = convert(trained.model, inputs, name)
        ours = converted.model if framework is Framework.ONNX else canonical(converted.model)
    example = samples.example()
    carried = {EXAMPLE: json.dumps(example, ensure_ascii=False)} if example and step is None else {}
    model = serialized(ours, carried)
    say(f"Comparing on {len(samples.rows)} rows")
    session = Session(model)
    if step is None and len(session.inputs) == 1:  # TensorFlow's models name their inputs themselves
        inputs = {session.inputs[0]: samples.array}
    answers = session.run(inputs)
    expected = _expected(trained, converted, samples, inputs, session)
    parity = compare(expected, answers, tolerance) if expected is not None else None
    model = serialized(sized(ours, answers), carried)
    files = {MODEL: model}
    if preprocess:
        files[PREPROCESS] = preprocess.read_bytes()
    told = installed_version(framework) if trained.predict is None else "a Python function"
    manifest: dict[str, Any] = {"name": name, "version": version, "model": MODEL}
    if preprocess:
        manifest["preprocess"] = PREPROCESS
    if labels := _labels(trained, converted, answers):
        manifest["labels"] = labels
    if example:
        manifest["example"] = example
    manifest["parity"] = _told(parity, told, samples)
    if metrics:
        manifest["metrics"] = metrics
    if trained.reference is not None:
        say("Counting the reference data")
        manifest["reference"] = _reference(trained.reference, session, step, features)
    package = Package(manifest, files)
    require_servable(package)
    return Built(
        package,
        told,
        samples.origin,
        parity,
        tuple(output for output in session.outputs if expected is None or output not in expected),
    )


def _require(value: str, pattern: re.Pattern[str], option: str, allowed: str) -> None:
    if not pattern.fullmatch(value):
        raise SourceError(f"{option}: given {value!r}, allowed: {allowed}")


def _samples(trained: Trained, step: Preprocess | None, features: int | None) -> Samples:
    if trained.samples is not None:
        if step is None:
            samples = Samples.given(trained.samples, "--samples")
            require_columns(samples.array, features, "--samples")
            return samples
        # What a step takes may be of any form: only its arrays have to be regular.
        rows = trained.samples.tolist() if hasattr(trained.samples, "tolist") else list(trained.samples)
        if not rows:
            raise SourceError("--samples: no rows")
        return Samples(rows, np.empty(len(rows)), "given")
    if features is None:
        raise SourceError(
            "--samples: missing; rows to compare on can be drawn at random only for a model that takes "
            "numbers [rows, features] and says how many"
        )
    return Samples.drawn(features)


def _inputs(
    trained: Trained, framework: Framework, samples: Samples, step: Preprocess | None
) -> Mapping[str, Array]:
    if step is not None:
        return step(samples.rows)
    if framework is not Framework.ONNX:
        return {_INPUT: samples.array}
    weights = {tensor.name for tensor in trained.model.graph.initializer}
    names = [value.name for value in trained.model.graph.input if value.name not in weights]
    if len(names) != 1:
        raise SourceError(
            f"the model takes {', '.join(names) or 'no input'}: give its inputs by --preprocess"
        )
    return {names[0]: samples.array}


def _expected(
    trained: Trained, converted: Converted, samples: Samples, inputs: Mapping[str, Array], session: Session
) -> Mapping[str, Array] | None:
    """What the original answers, for those outputs for which it has an answer."""
    if trained.predict is not None:
        with predicting("predict"):
            told = trained.predict(samples.rows)
            expected = {str(name): np.asarray(array) for name, array in told.items()}
    elif converted.original is None:
        return None
    else:
        with _quiet(), predicting():
            expected = dict(converted.original(inputs))
    if unknown := sorted(set(expected) - set(session.outputs)):
        raise ConversionError(
            f"the original has the outputs {', '.join(unknown)}, the package {', '.join(session.outputs)}"
        )
    if not expected:
        raise ConversionError("the original has nothing to compare the package with")
    return expected


def _labels(trained: Trained, converted: Converted, answers: Mapping[str, Array]) -> Sequence[Any] | None:
    labels = trained.labels if trained.labels is not None else converted.classes
    if labels is None:
        return None
    labels = [_label(label) for label in (labels.tolist() if hasattr(labels, "tolist") else labels)]
    widths = [array.shape[1] for array in answers.values() if array.ndim == 2 and array.dtype.kind == "f"]
    if trained.labels is not None and len(labels) not in widths:
        found = ", ".join(map(str, widths)) or "none"
        raise SourceError(f"--labels: {len(labels)} labels, columns of the model's scores: {found}")
    return labels


def _label(label: Any) -> str | int:
    """A class as the server takes labels: text or a whole number; ONNX knows True and 1.0 as 1, too."""
    if isinstance(label, (bool, int, float)) and label == int(label):
        return int(label)
    return str(label)


def _told(parity: Parity | None, framework: str, samples: Samples) -> dict[str, Any]:
    """Without the measured difference: another processor rounds otherwise, and the manifest would differ."""
    told = {"original": framework, "rows": len(samples.rows), "samples": samples.origin}
    if parity is None:
        return {**told, "compared": []}
    return {**told, "compared": list(parity.outputs), "tolerance": parity.tolerance}


def _reference(
    values: Any, session: Session, step: Preprocess | None, features: int | None
) -> dict[str, Any]:
    if step is not None:
        inputs = step(list(values), "--reference")
    else:
        array = as_array(values, "--reference")
        require_columns(array, features, "--reference")
        inputs = {session.inputs[0]: array}
    try:
        answers = session.run(inputs, "--reference")
    except ConversionError as error:  # the model has just taken the samples
        raise SourceError(str(error)) from error
    numeric = {
        name: array for name, array in inputs.items() if array.dtype.kind in "biuf" and array.ndim <= 2
    }
    outputs = {name: array for name, array in answers.items() if array.dtype.kind == "f" and array.ndim <= 2}
    return {
        "inputs": {name: histograms(array, f"--reference: {name}") for name, array in numeric.items()},
        "outputs": {name: histograms(array, f"--reference: {name}") for name, array in outputs.items()},
    }


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep stdout ours, and the frameworks' warnings away: the comparison tells what matters of them."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield
