"""`Foundation`: what the endpoints of a team share in one project."""

from dataclasses import dataclass

import pulumi

from modelberth import (
    GcpEncryptionKey,
    GcpEncryptionKeyArgs,
    GcpModelStore,
    GcpModelStoreArgs,
    GcpRegistry,
    GcpRegistryArgs,
    GcpServices,
    GcpServicesArgs,
)
from modelberth.gcp.place import Place
from modelberth.gcp.services import needed


@dataclass(frozen=True)
class FoundationArgs:
    """Where, and for whom."""

    place: Place
    team: str
    """Name of the repository and of the key, and the beginning of the bucket's."""


class Foundation(pulumi.ComponentResource):
    """APIs, a key, a repository of images and a bucket of models."""

    images: pulumi.Output[str]
    """What an image's reference begins with."""
    models: str
    """Name of the bucket."""
    store: GcpModelStore

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("digits:index:Foundation", name, {}, opts)
        place, child = args.place, pulumi.ResourceOptions(parent=self)
        apis = GcpServices(
            f"{name}-apis", GcpServicesArgs(place, "cloud_run", more=needed("vertex")), child
        ).services
        key = GcpEncryptionKey(
            f"{name}-key",
            GcpEncryptionKeyArgs(
                place, args.team, "shared", services=("artifactregistry", "storage"), after=apis
            ),
            child,
        ).key
        self.images = GcpRegistry(f"{name}-images", GcpRegistryArgs(place, args.team, key), child).url
        self.models = f"{args.team}-{place.project}-{place.region}"
        self.store = GcpModelStore(f"{name}-models", GcpModelStoreArgs(place, self.models, key), child)
        self.register_outputs({"images": self.images, "models": self.models})
