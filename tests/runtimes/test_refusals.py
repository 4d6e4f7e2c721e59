"""What an engine cannot load, and what it does not honour."""

from typing import Any, get_args

import pytest

from modelberth.errors import SpecError
from modelberth.runtime_table import runtimes
from modelberth.runtimes import container, refusals
from modelberth.spec.model import ModelFormat
from modelberth.spec.shape import settings

from .test_containers import FORMATS, FULL, spec_of

NEAREST = {
    "onnx": "onnxruntime",
    "savedmodel": "tensorflow-serving",
    "safetensors": "vllm",
    "triton": "triton",
    "custom": "custom",
}


def test_each_format_is_taken_or_refused_with_the_nearest_engine() -> None:
    taken, refused = 0, 0
    for engine in FORMATS:
        for model_format in get_args(ModelFormat):
            spec = spec_of(engine, model={"format": model_format})
            if model_format in runtimes()[engine].formats:  # type: ignore[index]
                assert container(spec).engine == engine
                taken += 1
                continue
            with pytest.raises(SpecError) as caught:
                container(spec)
            (problem,) = caught.value.problems
            assert (problem.path, problem.given) == ("model.format", repr(model_format))
            assert problem.allowed.endswith(f" for engine {engine}")
            assert problem.hint == f"Engine {NEAREST[model_format]} takes it: set runtime.engine."
            refused += 1
    assert (taken, refused) == (10, 15)


def test_a_variants_format_counts_too() -> None:
    def variants(model_format: str) -> dict[str, Any]:
        model = {"uri": "models/other", "format": model_format}
        return {"variants": {"other": {"model": model, "weight": 10}}}

    assert container(spec_of("onnxruntime", **variants("onnx")))
    with pytest.raises(SpecError, match=r"variants\.other\.model\.format: given 'savedmodel'"):
        container(spec_of("onnxruntime", **variants("savedmodel")))


@pytest.mark.parametrize("version", ["1", "20261121", "9" * 18])
@pytest.mark.parametrize("engine", FORMATS)
def test_numbers_are_versions_everywhere(engine: str, version: str) -> None:
    assert container(spec_of(engine, model={"version": version}))


@pytest.mark.parametrize("version", ["0", "01", "1.0", "v3", "3-b", "9" * 19])
def test_other_versions_are_refused_where_folders_are_counted(version: str) -> None:
    for engine in ("tensorflow-serving", "triton"):
        with pytest.raises(SpecError, match=rf"model\.version: given '{version}', allowed: a whole number"):
            container(spec_of(engine, model={"version": version}))
    for engine in ("onnxruntime", "vllm", "custom"):
        assert container(spec_of(engine, model={"version": version}))


def test_all_problems_are_told_at_once() -> None:
    spec = spec_of("triton", model={"format": "savedmodel", "version": "v3"}, runtime={"image": None})
    with pytest.raises(SpecError) as caught:
        container(spec)
    assert [problem.path for problem in caught.value.problems] == [
        "model.format",
        "model.version",
        "runtime.image",
    ]


# A value away from the default for every field that some engine does not honour.
GIVEN: dict[str, dict[str, dict[str, Any]]] = {
    "limits.max_body": {"limits": {"max_body": "2Mi"}},
    "limits.timeout": {"limits": {"timeout": "20s"}},
    "limits.concurrency": {"limits": {"concurrency": 10}},
    "runtime.threads": {"runtime": {"threads": 4}},
    "runtime.args": {"runtime": {"args": ["--more"]}},
    "runtime.batching": {"runtime": {"batching": {}}},
    "resources.gpu": {"resources": {"gpu": {"kind": "l4"}}},
    "monitoring.metrics": {"monitoring": {"metrics": False}},
    "monitoring.tracing": {"monitoring": {"tracing": {}}},
    "monitoring.capture": {"monitoring": {"capture": {}}},
    "monitoring.drift": {"monitoring": {"capture": {}, "drift": {"reference": "models/reference.csv"}}},
}


@pytest.mark.parametrize("engine", FORMATS)
def test_a_field_is_refused_exactly_where_the_table_says(engine: str) -> None:
    unhonoured = runtimes()[engine].unhonoured.get("", {})  # type: ignore[index]
    assert unhonoured.keys() <= GIVEN.keys()
    assert refusals(spec_of(engine)) == ()
    for path, parts in GIVEN.items():
        found = {refusal.path: refusal.reason for refusal in refusals(spec_of(engine, **parts))}
        expected = unhonoured.keys() & {path, *(["monitoring.capture"] if path == "monitoring.drift" else [])}
        assert found.keys() == expected
        for refused, reason in found.items():
            assert reason == f"{runtimes()[engine].title} {unhonoured[refused]}."  # type: ignore[index]


def test_a_field_is_passed_on_or_refused_but_not_both() -> None:
    checked = 0
    for runtime in runtimes().values():
        passed = {option.path for option in runtime.options} - {""}
        for path in runtime.unhonoured.get("", {}):
            assert not [one for one in passed if f"{one}.".startswith(f"{path}.")], (runtime.engine, path)
            checked += 1
    assert checked == 20


def test_what_sizes_the_work_is_passed_on_or_refused_by_every_engine() -> None:
    sizes = {"limits.max_body", "limits.timeout", "limits.concurrency", "runtime.threads", "runtime.batching"}
    assert sizes <= {setting.leaf for setting in settings(spec_of("triton", **FULL))}
    for runtime in runtimes().values():
        known = {option.path for option in runtime.options} | runtime.unhonoured.get("", {}).keys()
        assert [size for size in sizes if not any(f"{one}.".startswith(f"{size}.") for one in known)] == []


def test_a_model_repository_says_its_own_threads_and_batches() -> None:
    given: dict[str, Any] = {"runtime": {"threads": 4, "batching": {"max_size": 8}}}
    repository = spec_of("triton", model={"format": "triton"}, **given)
    assert [refusal.path for refusal in refusals(repository)] == ["runtime.threads", "runtime.batching"]
    assert refusals(spec_of("triton", **given)) == ()


def test_the_default_image_of_vllm_needs_a_gpu() -> None:
    without = spec_of("vllm", runtime={"image": None})
    (refusal,) = refusals(without)
    assert (refusal.path, refusal.reason) == ("resources.gpu", "vLLM's image runs on GPUs alone.")
    assert refusals(spec_of("vllm", runtime={"image": None}, **GIVEN["resources.gpu"])) == ()
    assert refusals(spec_of("vllm")) == ()
