"""The container that serves a spec, for each engine that a spec can name.

It is a function of the spec and of what `runtimes.toml` tells of the engine's server. A target puts it into
its own words: a Kubernetes pod, a SageMaker model, a Cloud Run service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, SpecError, shown
from modelberth.runtime_table import ServingRuntime, runtimes
from modelberth.serving import serving_environment
from modelberth.spec import EndpointSpec
from modelberth.spec.shape import settings

if TYPE_CHECKING:
    from modelberth.spec import Bytes
    from modelberth.spec.runtime import Engine

__all__ = ["Container", "Refusal", "Route", "container", "refusals"]

CONFIG: Final = "/etc/modelberth"
"""Folder for the configuration files that a server is started with."""

# Both servers read a version from the name of a folder, as a number that fits into 64 bits.
_COUNTED: Final = r"[1-9][0-9]{0,17}"


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the server, and the container's port that serves it."""

    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Container:
    """One replica's container; of a frozen value everything is text that the target passes on."""

    engine: Engine
    image: str
    """By digest."""
    command: tuple[str, ...]
    """In place of the image's entry point; empty: the image's own."""
    args: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str]
    """Configuration by absolute path, to be mounted read-only."""
    ports: Mapping[str, int]
    """`http`, and where the server has them `grpc` and `metrics`."""
    live: Route
    """GET: anything but 200 means that the container has to be started again."""
    ready: Route
    """GET: 200 means that the model is loaded and may be called."""
    predict: Route
    """POST: a prediction."""
    metrics: Route | None
    """GET: Prometheus' text format; None where the spec turns metrics off."""
    model_mount: str
    """Folder into which the target puts the model's files."""
    shared_memory: Bytes | None
    """Size of /dev/shm that the server needs; None: what the platform gives."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A field with a value that the engine does not honour; `reason` is a sentence."""

    path: str
    reason: str


def container(spec: EndpointSpec, *, image: str | None = None) -> Container:
    """Return the container that serves a spec.

    Args:
        spec: the endpoint
        image: our own server's image by digest, which the target has built and pushed; `runtime.image` comes
            first, and other engines have images of their own

    Raises:
        SpecError: the engine cannot load the model's format or count its version, or no image is known.

    """
    runtime = runtimes()[spec.runtime.engine]
    chosen = spec.runtime.image or (image if runtime.engine == "onnxruntime" else runtime.image)
    problems = [*_format_problems(spec, runtime), *_version_problems(spec, runtime)]
    if chosen is None:
        problems.append(
            Problem(
                "runtime.image",
                "nothing",
                f"an image by digest, REGISTRY/NAME@sha256:…, for engine {runtime.engine}",
                "This release knows none of it.",
            )
        )
    if problems or chosen is None:
        raise SpecError(*problems)
    args, files = _START[runtime.engine](spec, runtime)
    port, path = runtime.metrics
    return Container(
        engine=runtime.engine,
        image=chosen,
        command=runtime.command,
        args=(*args, *spec.runtime.args),
        env=MappingProxyType({**_environment(spec), **runtime.environment}),
        files=MappingProxyType(files),
        ports=runtime.ports,
        live=Route(runtime.ports["http"], _filled(runtime.live, spec)),
        ready=Route(runtime.ports["http"], _filled(runtime.ready, spec)),
        predict=Route(runtime.ports["http"], _filled(runtime.predict, spec)),
        metrics=Route(runtime.ports[port], path) if spec.monitoring.metrics else None,
        model_mount=_filled(runtime.mount(spec.model.format), spec),
        shared_memory=runtime.shared_memory,
    )


def refusals(spec: EndpointSpec) -> tuple[Refusal, ...]:
    """Return the fields away from their default that the engine does not honour, in the order of the spec.

    A target that does the same in front of the engine, as a gateway with a time limit does, passes over them.
    """
    runtime = runtimes()[spec.runtime.engine]
    reasons = {**runtime.unhonoured.get("", {}), **runtime.unhonoured.get(spec.model.format, {})}
    found = {}
    for setting in settings(spec):
        path = next((path for path in reasons if f"{setting.leaf}.".startswith(f"{path}.")), None)
        if path is not None and not setting.is_default:
            found[path] = Refusal(path, f"{runtime.title} {reasons[path]}.")
    if runtime.needs_gpu and spec.resources.gpu is None and spec.runtime.image is None:
        found["resources.gpu"] = Refusal("resources.gpu", f"{runtime.title}'s image runs on GPUs alone.")
    return tuple(found.values())


def _format_problems(spec: EndpointSpec, runtime: ServingRuntime) -> Iterator[Problem]:
    models = {
        "model": spec.model,
        **{f"variants.{name}.model": one.model for name, one in spec.variants.items()},
    }
    for path, model in models.items():
        if model.format in runtime.formats:
            continue
        nearest = next(other.engine for other in runtimes().values() if model.format in other.formats)
        allowed = f"{' or '.join(runtime.formats)} for engine {runtime.engine}"
        hint = f"Engine {nearest} takes it: set runtime.engine."
        yield Problem(f"{path}.format", shown(model.format), allowed, hint)


def _version_problems(spec: EndpointSpec, runtime: ServingRuntime) -> Iterator[Problem]:
    if runtime.counts_versions and re.fullmatch(_COUNTED, spec.model.version) is None:
        allowed = f"a whole number from 1, of up to 18 digits, for engine {runtime.engine}"
        yield Problem(
            "model.version",
            shown(spec.model.version),
            allowed,
            f"{runtime.title} looks for a version in a folder of that name, and takes numbers alone.",
        )


def _filled(template: str, spec: EndpointSpec) -> str:
    return template.format(name=spec.name, version=spec.model.version)


def _environment(spec: EndpointSpec) -> dict[str, str]:
    return serving_environment(spec) if spec.runtime.engine in {"onnxruntime", "custom"} else {}


# Arguments, and configuration files by path.
_Started = tuple[list[str], dict[str, str]]


def _by_environment(_: EndpointSpec, __: ServingRuntime) -> _Started:
    return [], {}


def _tensorflow_serving(spec: EndpointSpec, runtime: ServingRuntime) -> _Started:
    files: dict[str, str] = {}
    args = [
        f"--port={runtime.ports['grpc']}",
        f"--rest_api_port={runtime.ports['http']}",
        f"--model_name={spec.name}",
        f"--model_base_path={_filled(runtime.mount(spec.model.format), spec).rpartition('/')[0]}",
        f"--rest_api_timeout_in_ms={spec.limits.timeout.milliseconds}",
        f"--tensorflow_intra_op_parallelism={spec.threads}",
    ]
    if (batching := spec.runtime.batching) is not None:
        path = f"{CONFIG}/batching.config"
        args += ["--enable_batching=true", f"--batching_parameters_file={path}"]
        files[path] = (
            f"max_batch_size {{ value: {batching.max_size} }}\n"
            f"batch_timeout_micros {{ value: {batching.max_delay.milliseconds * 1000} }}\n"
        )
    if spec.monitoring.metrics:
        path = f"{CONFIG}/monitoring.config"
        args.append(f"--monitoring_config_file={path}")
        files[path] = f'prometheus_config {{\n  enable: true\n  path: "{runtime.metrics[1]}"\n}}\n'
    return args, files


def _triton(spec: EndpointSpec, runtime: ServingRuntime) -> _Started:
    repository = runtime.mount("triton")
    args = [
        f"--model-repository={repository}",
        f"--http-port={runtime.ports['http']}",
        f"--grpc-port={runtime.ports['grpc']}",
        f"--metrics-port={runtime.ports['metrics']}",
        "--strict-readiness=true",
        f"--http-max-input-size={int(spec.limits.max_body)}",
        f"--allow-metrics={str(spec.monitoring.metrics).lower()}",
    ]
    if spec.model.format == "triton":
        return args, {}
    config = [
        f'name: "{spec.name}"',
        'backend: "onnxruntime"',
        f'parameters {{ key: "intra_op_thread_count" value: {{ string_value: "{spec.threads}" }} }}',
    ]
    if (batching := spec.runtime.batching) is not None:
        delay = batching.max_delay.milliseconds * 1000
        config.append(f"max_batch_size: {batching.max_size}")
        config.append(f"dynamic_batching {{ max_queue_delay_microseconds: {delay} }}")
    else:
        # Otherwise it completes the configuration with batches of at most 4 rows.
        args.append("--backend-config=default-max-batch-size=0")
    return args, {f"{repository}/{spec.name}/config.pbtxt": "\n".join(config) + "\n"}


def _vllm(spec: EndpointSpec, runtime: ServingRuntime) -> _Started:
    args = [
        _filled(runtime.mount(spec.model.format), spec),
        "--host=0.0.0.0",
        f"--port={runtime.ports['http']}",
        f"--served-model-name={spec.name}",
    ]
    if spec.resources.gpu is not None:
        args.append(f"--tensor-parallel-size={spec.resources.gpu.count}")
    # It batches without waiting, so any longest delay is kept.
    if (batching := spec.runtime.batching) is not None:
        args.append(f"--max-num-seqs={batching.max_size}")
    return args, {}


_START: Final = {
    "onnxruntime": _by_environment,
    "tensorflow-serving": _tensorflow_serving,
    "triton": _triton,
    "vllm": _vllm,
    "custom": _by_environment,
}
