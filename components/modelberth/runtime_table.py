"""What is known of each engine's server: `runtimes.toml`, checked against the spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_args

from modelberth.spec import Bytes, EndpointSpec
from modelberth.spec.model import ModelFormat
from modelberth.spec.runtime import Engine
from modelberth.spec.shape import leaves

if TYPE_CHECKING:
    from datetime import date

__all__ = ["TABLE", "Option", "ServingRuntime", "captured", "read", "runtimes"]

TABLE: Final = Path(__file__).with_name("runtimes.toml")


@dataclass(frozen=True, slots=True)
class Option:
    """One of the server's own options: a flag, a variable, or a key of its configuration file."""

    name: str
    path: str
    """The field of the spec that it comes from; empty: it is the same for every spec."""
    source: str
    """Where the server's documentation has it."""


@dataclass(frozen=True, slots=True)
class ServingRuntime:
    """What is known of one engine's server. Paths hold `{name}` and `{version}`."""

    engine: Engine
    title: str
    formats: tuple[str, ...]
    command: tuple[str, ...]
    image: str | None
    """The image of a spec that names none; None: the spec has to."""
    image_version: str
    ports: Mapping[str, int]
    live: str
    ready: str
    predict: str
    metrics: tuple[str, str]
    """Name of the port, and the path."""
    mounts: Mapping[str, str]
    """The folder of the model by format; the empty format for all others."""
    layouts: Mapping[str, str]
    counts_versions: bool
    needs_gpu: bool
    shared_memory: Bytes | None
    environment: Mapping[str, str]
    options: tuple[Option, ...] = field(repr=False)
    unhonoured: Mapping[str, Mapping[str, str]] = field(repr=False)
    """Reasons by path, by format; the empty format for all."""
    sources: tuple[str, ...] = field(repr=False)

    def mount(self, model_format: str) -> str:
        """Return the folder for a model of this format."""
        return self.mounts.get(model_format, self.mounts[""])


@cache
def captured() -> date:
    """Return the day on which the servers' documentation was last read for the table."""
    day: date = _toml()["captured"]
    return day


@cache
def runtimes() -> Mapping[Engine, ServingRuntime]:
    """Return what is known of each engine's server, in the order of the spec's engines."""
    return read(_toml())


def read(data: Mapping[str, Any]) -> Mapping[Engine, ServingRuntime]:
    """Check a table; raises `ValueError` for an engine, format, port, field or source that there is not."""
    entries, sources = data["engines"], data["sources"]
    if sorted(entries) != sorted(get_args(Engine)):
        raise ValueError(
            f"{TABLE.name}: the engines are {', '.join(get_args(Engine))}, not {', '.join(entries)}"
        )
    used = {key for entry in entries.values() for key in _sources_of(entry)}
    if unknown := used ^ sources.keys():
        raise ValueError(
            f"{TABLE.name}: sources that are not listed, or not used: {', '.join(sorted(unknown))}"
        )
    return MappingProxyType(
        {engine: _runtime(engine, entries[engine], sources) for engine in get_args(Engine)}
    )


def _toml() -> dict[str, Any]:
    # Imported here, as capability_table.py does: it makes the import of the package slow.
    import tomllib  # noqa: PLC0415

    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def _sources_of(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from entry["sources"]
    yield from (option["source"] for option in entry["options"])
    if "image" in entry:
        yield entry["image"]["source"]


def _runtime(engine: Engine, entry: Mapping[str, Any], sources: Mapping[str, str]) -> ServingRuntime:
    refused: dict[str, dict[str, str]] = {}
    for row in entry["refused"]:
        refused.setdefault(row.get("format", ""), {})[row["path"]] = row["reason"]
    formats = {*entry["formats"], *entry.get("mounts", {}), *refused} - {""}
    named = {option["from"] for option in entry["options"]} | {row["path"] for row in entry["refused"]}
    known = {leaf.path.rsplit(".", depth)[0] for leaf in leaves(EndpointSpec) for depth in range(4)}
    ports, metrics = entry["ports"], entry["metrics"]
    faults = {
        "no format of the spec": formats - {*get_args(ModelFormat)},
        "no field of the spec": named - known - {""},
        "no such port": {"http", metrics["port"]} - ports.keys(),
    }
    for fault, found in faults.items():
        if found:
            raise ValueError(f"{TABLE.name}: engine {engine}: {fault}: {', '.join(sorted(found))}")
    image = entry.get("image", {})
    shared_memory = entry.get("shared_memory")
    return ServingRuntime(
        engine=engine,
        title=entry["title"],
        formats=tuple(entry["formats"]),
        command=tuple(entry["command"]),
        image=image.get("reference"),
        image_version=image.get("version", ""),
        ports=MappingProxyType(ports),
        live=entry["live"],
        ready=entry["ready"],
        predict=entry["predict"],
        metrics=(metrics["port"], metrics["path"]),
        mounts=MappingProxyType({"": entry["mount"], **entry.get("mounts", {})}),
        layouts=MappingProxyType({"": entry["layout"], **entry.get("layouts", {})}),
        counts_versions=entry.get("counts_versions", False),
        needs_gpu=entry.get("needs_gpu", False),
        shared_memory=None if shared_memory is None else Bytes.parse(shared_memory),
        environment=MappingProxyType(entry.get("environment", {})),
        options=tuple(Option(row["name"], row["from"], sources[row["source"]]) for row in entry["options"]),
        unhonoured=MappingProxyType(refused),
        sources=tuple(dict.fromkeys(sources[key] for key in _sources_of(entry))),
    )
