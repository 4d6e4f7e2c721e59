"""Copies of models in a cloud's own store: the same endpoint on several clouds, each reading its own copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from modelberth.errors import Problem, shown
from modelberth.spec.rollout import BlueGreen, Canary, Shadow

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, ModelSource
    from modelberth.spec.rules import Part

__all__ = ["mirrored", "problems"]


def mirrored(spec: EndpointSpec, target: Part) -> EndpointSpec:
    """Return the spec with each model where the target reads it; the spec itself where it has no mirrors."""
    mirrors: Mapping[str, str] = getattr(target, "model_mirrors", {})
    if not mirrors:
        return spec
    variants = {
        name: one.model_copy(update={"model": _copy(one.model, mirrors)})
        for name, one in spec.variants.items()
    }
    rollout = spec.rollout
    if isinstance(rollout, Canary | BlueGreen | Shadow) and rollout.previous is not None:
        rollout = rollout.model_copy(update={"previous": _copy(rollout.previous, mirrors)})
    update = {"model": _copy(spec.model, mirrors), "variants": variants, "rollout": rollout}
    return spec.model_copy(
        update={name: value for name, value in update.items() if value != getattr(spec, name)}
    )


def problems(spec: EndpointSpec, target: Part) -> Iterator[Problem]:
    """Yield models whose copy nothing holds to the same bytes, and a beginning that has two copies.

    A revision is the original store's alone.
    """
    mirrors: Mapping[str, str] = getattr(target, "model_mirrors", {})
    for original in mirrors:
        if original.endswith("/") and original.rstrip("/") in mirrors:
            given = shown(mirrors[original])
            allowed = f"one copy of what begins with {original.rstrip('/')}"
            yield Problem(f"target.model_mirrors.{original}", given, allowed)
    for path, model in spec.models.items():
        if model.sha256 is None and _mirror(model.uri, mirrors) is not None:
            allowed = "64 hexadecimal digits, for a model that is read from a mirror"
            hint = f"{shown(model.revision)} is a revision of the original; `sha256sum FILE` prints them."
            yield Problem(f"{path}.sha256", "nothing", allowed, hint)


def _copy(model: ModelSource, mirrors: Mapping[str, str]) -> ModelSource:
    found = _mirror(model.uri, mirrors)
    return model if found is None else model.model_copy(update={"uri": found, "revision": None})


def _mirror(uri: str, mirrors: Mapping[str, str]) -> str | None:
    """The address of the copy, by the longest beginning that is known; None: there is none."""
    for original in sorted(mirrors, key=len, reverse=True):
        folder = original.rstrip("/")
        if uri == folder or uri.startswith(f"{folder}/"):
            return mirrors[original].rstrip("/") + uri.removeprefix(folder)
    return None
