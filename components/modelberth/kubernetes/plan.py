"""What an endpoint is made of in a cluster: its names and its revisions, before any manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelberth.naming import content_digest, lettered, physical_name, shortened
from modelberth.runtimes import Container, container
from modelberth.spec.rollout import BlueGreen, Canary, Shadow

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec, KubernetesTarget, ModelSource

__all__ = ["REVISION", "Manifest", "Plan", "Revision"]

Manifest = Mapping[str, Any]
"""An object as the API server takes it, keys in camelCase."""

REVISION: Final = "modelberth/revision"
"""Label of everything that belongs to one revision."""

# Leaves room for a role or a revision within a label's 63 characters.
_LONGEST_NAME: Final = 46
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class Revision:
    """One model of the endpoint, in pods of its own.

    Attributes:
        key: tells it from the endpoint's others; part of the names of its objects unless it is `main`
        model: what it serves
        weight: its share of the answered requests, in percent
        mirrored: share of the requests that is copied to it, in percent
        is_previous: it is what the rollout comes from

    """

    key: str
    model: ModelSource
    weight: int = _WHOLE
    mirrored: int = 0
    is_previous: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """An endpoint in a namespace."""

    spec: EndpointSpec
    target: KubernetesTarget
    name: str
    """Of the endpoint's Service, and the beginning of every other name."""
    revisions: tuple[Revision, ...]

    @classmethod
    def of(cls, spec: EndpointSpec, target: KubernetesTarget, project: str, stack: str) -> Plan:
        """Name everything for an endpoint of a stack.

        Raises:
            SpecError: the stack's name cannot stand in a resource name.

        """
        name = physical_name(project, stack, spec.name, longest=_LONGEST_NAME)
        return cls(spec, target, lettered(name), tuple(_revisions(spec)))

    @property
    def namespace(self) -> str:
        """Namespace of all objects."""
        return self.target.namespace

    @property
    def main(self) -> Revision:
        """What the Service leads to: of a rollout's two revisions the one that answers more, else the new."""
        rolled = [revision for revision in self.revisions if revision.key not in self.spec.variants]
        return max(rolled, key=lambda revision: revision.weight)

    @property
    def is_split(self) -> bool:
        """Whether there is more than one revision."""
        return len(self.revisions) > 1

    @property
    def is_autoscaled(self) -> bool:
        """Whether an autoscaler owns the number of replicas."""
        return self.spec.scaling.max > max(self.spec.scaling.min, 1) or self.spec.scaling.min == 0

    @property
    def awaits_pods(self) -> bool:
        """Whether Pulumi waits until the pods serve: it knows when a Deployment's do, and no other kind's."""
        return self.target.engine == "deployment"

    def revision_name(self, revision: Revision) -> str:
        """Name of a revision's Deployment, and of its Service where there are several."""
        # Two hyphens: no endpoint's own name has them, so none is the same.
        return self.name if revision.key == "main" else shortened(f"{self.name}--{revision.key}")

    def labels(self, revision: Revision | None = None) -> dict[str, str]:
        """Labels of an object: of the endpoint, or of one of its revisions."""
        labels = {
            **self.spec.labels,
            "app.kubernetes.io/name": self.spec.name,
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/managed-by": "modelberth",
        }
        if revision is not None:
            labels |= {"app.kubernetes.io/version": revision.model.version, REVISION: revision.key}
        return labels

    def selector(self, revision: Revision | None = None) -> dict[str, str]:
        """Labels that select the pods of a revision, or of all; a Deployment can never change them."""
        selector = {"app.kubernetes.io/instance": self.name}
        return selector if revision is None else {**selector, REVISION: revision.key}

    def metadata(
        self, name: str, revision: Revision | None = None, annotations: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Metadata of an object of this endpoint."""
        metadata = {"name": name, "namespace": self.namespace, "labels": self.labels(revision)}
        return {**metadata, "annotations": dict(sorted(annotations.items()))} if annotations else metadata

    def spec_of(self, revision: Revision) -> EndpointSpec:
        """The endpoint's spec with the revision's model."""
        return self.spec.model_copy(update={"model": revision.model})

    def container(self, revision: Revision) -> Container:
        """The container that serves a revision, its image not yet rewritten to a mirror.

        Raises:
            SpecError: the engine cannot serve the model, or no image is known.

        """
        image = self.target.image
        if revision.is_previous and self.target.previous_image is not None:
            image = self.target.previous_image
        return container(self.spec_of(revision), image=image)


def _revisions(spec: EndpointSpec) -> Iterator[Revision]:
    """The newest first; a rollout with two models gives each a name by what it serves.

    So the pods of a model go on as they are when it becomes the only one, or the one to come from.
    """
    # A canary and a shadow have no variants beside them: only one thing at a time splits the traffic.
    rest = _WHOLE - sum(one.weight for one in spec.variants.values() if not one.shadow)
    match spec.rollout:
        case Canary() | BlueGreen():
            yield from _pair(spec.model, spec.previous, rest, rest * spec.share // _WHOLE)
        case Shadow(percent=percent, promoted=promoted):
            mirrored = 0 if promoted else percent
            yield from _pair(spec.model, spec.previous, rest, spec.share, mirrored)
        case _:
            yield Revision("main", spec.model, rest)
    for name, variant in spec.variants.items():
        weight, mirrored = (0, variant.weight) if variant.shadow else (variant.weight, 0)
        yield Revision(name, variant.model, weight, mirrored)


def _pair(
    new: ModelSource, previous: ModelSource | None, whole: int, share: int, mirrored: int = 0
) -> Iterator[Revision]:
    """The new model with its share of what both have, and the one that the rollout comes from."""
    if previous is None:
        yield Revision(_key(new), new, whole)
        return
    yield Revision(_key(new), new, share, mirrored)
    yield Revision(_key(previous), previous, whole - share, is_previous=True)


def _key(model: ModelSource) -> str:
    # A letter first: it is also part of names that may not begin with a digit.
    return f"m{content_digest(model.model_dump_json())}"
