"""The container of each engine, as a function of the spec."""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelberth.errors import SpecError
from modelberth.runtime_table import runtimes
from modelberth.runtimes import Container, Route, container
from modelberth.serving import serving_environment
from modelberth.spec import EndpointSpec

GOLDEN = Path(__file__).with_name("golden") / "containers.json"
AGAIN = "write it again: REGENERATE=1 pytest tests/runtimes/test_containers.py"
IMAGE = "registry.example/team/server@sha256:" + "a" * 64
FORMATS = {
    "onnxruntime": "onnx",
    "tensorflow-serving": "savedmodel",
    "triton": "onnx",
    "vllm": "safetensors",
    "custom": "custom",
}


def spec_of(engine: str, **parts: Mapping[str, Any]) -> EndpointSpec:
    """Return a spec of an engine with an image and a format that it takes; `parts` come on top."""
    data: dict[str, Any] = {
        "name": "iris",
        "model": {"uri": "models/iris", "format": FORMATS[engine], "version": "3"},
        "runtime": {"engine": engine, "image": IMAGE},
    }
    for name, part in parts.items():
        data[name] = {**data.get(name, {}), **part}
    return EndpointSpec.model_validate(data)


FULL: Mapping[str, Mapping[str, Any]] = {
    "runtime": {"threads": 4, "batching": {"max_size": 8, "max_delay": "2ms"}, "args": ["--more"]},
    "limits": {"max_body": "2Mi", "timeout": "20s", "concurrency": 10},
    "resources": {"gpu": {"kind": "l4", "count": 2}},
}

CASES: Mapping[str, EndpointSpec] = {
    **{engine: spec_of(engine) for engine in FORMATS},
    **{f"{engine}, all set": spec_of(engine, **FULL) for engine in FORMATS},
    "triton, a model repository": spec_of("triton", model={"format": "triton"}),
    "without metrics, tensorflow-serving": spec_of("tensorflow-serving", monitoring={"metrics": False}),
    "without metrics, triton": spec_of("triton", monitoring={"metrics": False}),
}


def plain(value: Any) -> Any:
    """Turn a container into what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def test_the_containers_are_as_the_golden_file_says() -> None:
    found = {name: plain(container(spec)) for name, spec in CASES.items()}
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN
    assert len(found) == 13


@pytest.mark.parametrize("engine", FORMATS)
def test_every_option_of_the_table_is_passed_and_no_other(engine: str) -> None:
    runtime = runtimes()[engine]  # type: ignore[index]
    passed = options(container(spec_of(engine))) | options(container(spec_of(engine, **FULL)))
    assert passed - {"--more"} == {option.name for option in runtime.options}
    assert "--more" in passed
    assert len(passed) >= 8


def options(found: Container) -> set[str]:
    """Names of the flags, the variables and the keys of the configuration files."""
    flags = {arg.partition("=")[0] for arg in found.args if arg.startswith("--")}
    text = "\n".join(found.files.values())
    named = {option.name for runtime in runtimes().values() for option in runtime.options}
    return flags | found.env.keys() | {key for key in re.findall(r"[a-z_]{6,}", text) if key in named}


# What a changed field changes in the container, by engine: none of them is passed on under a wrong name.
@pytest.mark.parametrize(
    ("engine", "parts", "expected"),
    [
        ("tensorflow-serving", {"limits": {"timeout": "1s"}}, "--rest_api_timeout_in_ms=1000"),
        ("tensorflow-serving", {"limits": {"timeout": "100ms"}}, "--rest_api_timeout_in_ms=100"),
        ("tensorflow-serving", {"runtime": {"threads": 6}}, "--tensorflow_intra_op_parallelism=6"),
        ("tensorflow-serving", {"resources": {"cpu": "3500m"}}, "--tensorflow_intra_op_parallelism=3"),
        ("tensorflow-serving", {"runtime": {"batching": {"max_size": 9}}}, "max_batch_size { value: 9 }"),
        (
            "tensorflow-serving",
            {"runtime": {"batching": {"max_delay": "3ms"}}},
            "batch_timeout_micros { value: 3000 }",
        ),
        ("triton", {"limits": {"max_body": "3Mi"}}, "--http-max-input-size=3145728"),
        ("triton", {"monitoring": {"metrics": False}}, "--allow-metrics=false"),
        ("triton", {"runtime": {"threads": 6}}, 'key: "intra_op_thread_count" value: { string_value: "6" }'),
        ("triton", {"runtime": {"batching": {"max_size": 9}}}, "max_batch_size: 9"),
        ("triton", {"runtime": {"batching": {"max_delay": "3ms"}}}, "max_queue_delay_microseconds: 3000"),
        ("vllm", {"runtime": {"batching": {"max_size": 9}}}, "--max-num-seqs=9"),
        ("vllm", {"resources": {"gpu": {"kind": "l4", "count": 3}}}, "--tensor-parallel-size=3"),
    ],
)
def test_a_field_becomes_the_servers_own_option(engine: str, parts: Any, expected: str) -> None:
    def text(spec: EndpointSpec) -> str:
        found = container(spec)
        return "\n".join([*found.args, *found.files.values()])

    assert expected in text(spec_of(engine, **parts))
    assert expected not in text(spec_of(engine))


@pytest.mark.parametrize("engine", FORMATS)
def test_every_engine_has_the_same_conventions(engine: str) -> None:
    found = container(spec_of(engine))
    assert found.live.port == found.ready.port == found.predict.port == found.ports["http"]
    assert found.metrics is not None
    assert found.metrics.port in found.ports.values()
    for route in (found.live, found.ready, found.predict, found.metrics):
        assert re.fullmatch(r"(/[a-z0-9:]+)+", route.path)
    assert found.image == IMAGE
    assert found.model_mount.startswith("/")
    assert len(set(found.ports.values())) == len(found.ports)


def test_metrics_can_be_off() -> None:
    off = {"monitoring": {"metrics": False}}
    assert container(spec_of("triton", **off)).metrics is None
    quiet = container(spec_of("tensorflow-serving", **off))
    assert quiet.metrics is None
    assert not quiet.files
    loud = container(spec_of("tensorflow-serving"))
    assert loud.metrics == Route(8501, "/monitoring/prometheus/metrics")
    assert loud.metrics.path in loud.files["/etc/modelberth/monitoring.config"]


def test_only_the_servers_that_read_our_variables_get_them() -> None:
    for engine in ("onnxruntime", "custom"):
        spec = spec_of(engine, runtime={"threads": 2})
        assert container(spec).env == serving_environment(spec)
        assert container(spec).args == ()
    for engine in ("tensorflow-serving", "triton", "vllm"):
        assert not [name for name in container(spec_of(engine)).env if name.startswith("MODELBERTH_")]
    assert container(spec_of("vllm")).env == {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}


def test_arguments_of_ones_own_come_last() -> None:
    spec = spec_of("vllm", runtime={"args": ["--max-model-len=4096", "--dtype=float16"]})
    assert container(spec).args[-2:] == ("--max-model-len=4096", "--dtype=float16")


def test_triton_completes_no_batch_size_where_none_is_asked_for() -> None:
    alone = container(spec_of("triton"))
    assert "--backend-config=default-max-batch-size=0" in alone.args
    assert "dynamic_batching" not in alone.files["/models/iris/config.pbtxt"]
    batched = container(spec_of("triton", runtime={"batching": {}}))
    assert not [arg for arg in batched.args if arg.startswith("--backend-config")]
    assert "dynamic_batching" in batched.files["/models/iris/config.pbtxt"]
    assert not container(spec_of("triton", model={"format": "triton"})).files


def test_a_container_cannot_be_changed() -> None:
    found = container(spec_of("tensorflow-serving"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.image = "other"  # type: ignore[misc]
    for mapping in (found.env, found.files, found.ports):
        with pytest.raises(TypeError):
            mapping["more"] = "1"  # type: ignore[index]


@pytest.mark.parametrize("engine", ["tensorflow-serving", "triton", "onnxruntime"])
def test_an_engine_without_a_known_image_asks_for_one(engine: str) -> None:
    spec = spec_of(engine, runtime={"image": None})
    with pytest.raises(SpecError, match=rf"runtime\.image: given nothing, allowed: .* for engine {engine}"):
        container(spec)


def test_our_own_image_is_the_targets_to_give() -> None:
    built = "registry.example/built@sha256:" + "b" * 64
    assert container(spec_of("onnxruntime", runtime={"image": None}), image=built).image == built
    assert container(spec_of("onnxruntime"), image=built).image == IMAGE
    with pytest.raises(SpecError, match=r"runtime\.image"):
        container(spec_of("triton", runtime={"image": None}), image=built)


def test_a_default_image_is_pinned_by_digest() -> None:
    found = container(spec_of("vllm", runtime={"image": None}))
    assert re.fullmatch(r"docker\.io/vllm/vllm-openai@sha256:[0-9a-f]{64}", found.image)
    known = [runtime for runtime in runtimes().values() if runtime.image is not None]
    for runtime in known:
        spec_of(runtime.engine, runtime={"image": runtime.image})
        assert runtime.image_version
    assert len(known) == 1
