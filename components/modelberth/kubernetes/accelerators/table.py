"""The GPUs that a spec can name, as a cluster tells them apart: `accelerators.toml`, read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, get_args

from modelberth.spec import Bytes
from modelberth.spec.resources import GpuKind

__all__ = [
    "KIND_LABEL",
    "TABLE",
    "Accelerator",
    "Product",
    "Vendor",
    "accelerators",
    "own_choice",
    "read",
    "slice_memory",
]

TABLE: Final = Path(__file__).with_name("accelerators.toml")
KIND_LABEL: Final = "modelberth/gpu-kind"
"""Node label that `KubernetesGpuNodePool` sets, for clusters without the vendor's labeller."""

_MEBI: Final = 2**20
_GIBI: Final = 2**30


@dataclass(frozen=True, slots=True)
class Vendor:
    """How a vendor's software shows GPUs to a cluster; None: it does not have that."""

    title: str
    resource: str
    """Extended resource of whole GPUs."""
    label: str
    """Node label with the product's name."""
    taint: str
    shared: str | None = None
    slice: str | None = None
    """Extended resource of a slice, with `{profile}`."""
    driver: str | None = None
    """Of dynamic resource allocation."""


@dataclass(frozen=True, slots=True)
class Product:
    """A GPU as its driver names it."""

    name: str
    memory: Bytes
    """What the driver tells of one GPU: somewhat less than the name says."""
    slices: tuple[str, ...] = ()
    """MIG profiles, as in the names of resources."""

    @property
    def label(self) -> str:
        """The value of the vendor's node label."""
        return self.name.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A kind of GPU."""

    kind: GpuKind
    vendor: Vendor
    products: tuple[Product, ...]
    nodes: Mapping[str, tuple[str, ...]]
    """Labels of clouds, and their values for this kind alone."""

    @property
    def memory(self) -> Bytes:
        """Memory of its largest product."""
        return max(product.memory for product in self.products)

    @property
    def slices(self) -> tuple[str, ...]:
        """MIG profiles that any of its products has, the smallest first."""
        found = {profile for product in self.products for profile in product.slices}
        return tuple(sorted(found, key=lambda profile: (slice_memory(profile), profile)))

    def products_for(self, *, memory: Bytes | None = None, profile: str | None = None) -> tuple[Product, ...]:
        """Return the products with so much memory, and with this MIG profile."""
        return tuple(
            product
            for product in self.products
            if (profile is None or profile in product.slices)
            and (memory is None or memory <= (product.memory if profile is None else slice_memory(profile)))
        )


def slice_memory(profile: str) -> Bytes:
    """Return the memory that a MIG profile is named by; the driver gives up to a tenth less of it."""
    match = re.fullmatch(r"\dg\.(\d+)gb(?:\.me)?", profile)
    assert match is not None, profile
    return Bytes(int(match[1]) * _GIBI)


@cache
def accelerators() -> Mapping[GpuKind, Accelerator]:
    """Return every kind of GPU, in the order of the spec's."""
    return read(_toml())


@cache
def own_choice() -> frozenset[str]:
    """Return the node labels by which a person chooses nodes with a certain GPU."""
    return frozenset(_toml()["own_choice"])


def read(data: Mapping[str, Any]) -> Mapping[GpuKind, Accelerator]:
    """Check a table; raises `ValueError` for a kind, vendor, label or source that there is not."""
    kinds = data["kinds"]
    if sorted(kinds) != sorted(get_args(GpuKind)):
        raise ValueError(
            f"{TABLE.name}: the kinds are {', '.join(get_args(GpuKind))}, not {', '.join(kinds)}"
        )
    if unknown := {*_sources_of(data)} ^ data["sources"].keys():
        raise ValueError(f"{TABLE.name}: sources not listed, or not used: {', '.join(sorted(unknown))}")
    vendors = {
        name: Vendor(**{key: value for key, value in entry.items() if key != "sources"})
        for name, entry in data["vendors"].items()
    }
    clouds = data["clouds"].keys()
    return MappingProxyType(
        {kind: _accelerator(kind, kinds[kind], vendors, clouds) for kind in get_args(GpuKind)}
    )


def _toml() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def _sources_of(data: Mapping[str, Any]) -> Iterator[str]:
    yield from data["clouds"].values()
    for vendor in data["vendors"].values():
        yield from vendor["sources"]


def _accelerator(
    kind: GpuKind, entry: Mapping[str, Any], vendors: Mapping[str, Vendor], clouds: Collection[str]
) -> Accelerator:
    nodes = entry.get("nodes", {})
    if entry["vendor"] not in vendors or not nodes.keys() <= {*clouds}:
        raise ValueError(f"{TABLE.name}: kind {kind}: no such vendor, or labels without a source")
    products = tuple(
        Product(one["name"], Bytes(one["memory"] * _MEBI), tuple(one.get("slices", ())))
        for one in entry["products"]
    )
    return Accelerator(
        kind,
        vendors[entry["vendor"]],
        products,
        MappingProxyType({label: tuple(values) for label, values in nodes.items()}),
    )
