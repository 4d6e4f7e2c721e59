"""The part of the reference that tells of the engines, written from `runtimes.toml`."""

from collections.abc import Iterator
from typing import Final

from modelberth.runtime_table import ServingRuntime, captured, runtimes

__all__ = ["document"]

_HEAD: Final = """
# What serves a model

From `components/modelberth/runtimes.toml`; the servers' documentation as of {captured}.
[Runtimes](../runtimes.md) tells how to choose.

`runtime.engine` names the server. Whatever it is, a target finds a liveness and a readiness path, a path for
predictions and one for Prometheus, each on a port of the container. NAME and VERSION are `name` and
`model.version` of the spec.

Where a field keeps its default, the server does nothing about it, not even what the default says: such a
limit has to be kept in front of it. Another value is refused.
"""


def document(generated: str) -> str:
    """Return the document; `generated` is the line that says so."""
    table = runtimes().values()
    lines = [generated, _HEAD.format(captured=captured().isoformat())]
    lines += _rows(
        ("", *(f"`{runtime.engine}`" for runtime in table)),
        ("server", *(runtime.title for runtime in table)),
        ("`model.format`", *(", ".join(f"`{name}`" for name in runtime.formats) for runtime in table)),
        ("image, where `runtime.image` is unset", *(_image(runtime) for runtime in table)),
        ("ports", *(", ".join(f"{port} {name}" for name, port in one.ports.items()) for one in table)),
        ("live: GET", *(_path(runtime.live) for runtime in table)),
        ("ready: GET", *(_path(runtime.ready) for runtime in table)),
        ("predict: POST", *(_path(runtime.predict) for runtime in table)),
        ("metrics: GET", *(f"`{one.metrics[1]}` on {one.ports[one.metrics[0]]}" for one in table)),
        ("folder of the model", *(_mounts(runtime) for runtime in table)),
        ("what lies in it", *(_layouts(runtime) for runtime in table)),
        ("`model.version`", *("a number" if one.counts_versions else "any" for one in table)),
        ("`/dev/shm`", *(str(one.shared_memory or "as it is") for one in table)),
    )
    for runtime in table:
        lines += ["", *_engine(runtime)]
    return "\n".join(lines) + "\n"


def _engine(runtime: ServingRuntime) -> Iterator[str]:
    yield f"## `{runtime.engine}`"
    yield ""
    yield from (f"- Source: {source}." for source in runtime.sources)
    for model_format, reasons in runtime.unhonoured.items():
        where = f" with `model.format: {model_format}`" if model_format else ""
        yield from (
            f"- `{path}` keeps its default{where}: {runtime.title} {reason}."
            for path, reason in reasons.items()
        )
    if runtime.needs_gpu:
        where = "is needed, unless `runtime.image` is set"
        yield f"- `resources.gpu` {where}: {runtime.title}'s image runs on GPUs alone."
    yield ""
    rows = (
        (f"`{option.name}`", f"`{option.path}`" if option.path else "the same for every spec")
        for option in runtime.options
    )
    yield from _rows(("option", "from"), *rows)


def _rows(head: tuple[str, ...], *rows: tuple[str, ...]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def _image(runtime: ServingRuntime) -> str:
    if runtime.engine == "onnxruntime":
        return "this release's, which the target builds"
    if runtime.image is None:
        return "none: it has to be set"
    name, _, digest = runtime.image.partition("@sha256:")
    return f"{runtime.image_version}, `{name}@sha256:{digest[:12]}…`"


def _path(template: str) -> str:
    return f"`{template.format(name='NAME', version='VERSION')}`"


def _mounts(runtime: ServingRuntime) -> str:
    return "; ".join(
        _path(path) + (f" for `{model_format}`" if model_format else "")
        for model_format, path in runtime.mounts.items()
    )


def _layouts(runtime: ServingRuntime) -> str:
    return "; ".join(
        text + (f" for `{model_format}`" if model_format else "")
        for model_format, text in runtime.layouts.items()
    )
