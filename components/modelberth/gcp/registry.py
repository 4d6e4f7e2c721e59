"""`GcpRegistry`: a repository in Artifact Registry that images are pushed to and deployed from by digest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
from pulumi_gcp import artifactregistry

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, join, shown
from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.members import member_problems
from modelberth.gcp.names import name_problems
from modelberth.gcp.place import Place
from modelberth.gcp.registry_policy import cleanup, kept_tag_problems

__all__ = ["GcpRegistry", "GcpRegistryArgs"]

_READER: Final = r"[a-z]([a-z0-9-]*[a-z0-9])?"


@dataclass(frozen=True)
class GcpRegistryArgs:
    """What a repository holds, and for whom."""

    place: Place
    repository: str
    """Name of it, such as `models`; a change replaces it."""
    key: EncryptionKey
    """That the images are encrypted with, of the same region; a change replaces the repository."""
    readers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Members that may pull, beside those whom IAM of the project lets, such as the service agent of Cloud
    Run. Each by a name that its grant has in the stack, such as `run`: in a list the removal of one would
    move the others, and their grants be removed as those that they are made from."""
    kept_tags: Sequence[str] = ("live*",)
    """Beginnings of tags whose images never expire, should tags become deletable."""
    kept: int = 10
    """Number of images of each name that stay even without a tag, the newest first."""
    untagged_days: int = 14
    """Days that an older image without a tag stays, such as what a failed push has left."""
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to delete the repository until this is off again. Its images go with it: Artifact Registry,
    unlike Amazon ECR, deletes a repository that is not empty."""

    def problems(self) -> Iterator[Problem]:
        """Yield what Artifact Registry would refuse, and what would let anybody pull."""
        yield from name_problems("repository", self.repository, "repository")
        for name, reader in self.readers.items():
            path = join("readers", name)
            if re.fullmatch(_READER, name) is None:
                yield Problem("readers", shown(name), "names of lower-case letters, digits and hyphens")
            if isinstance(reader, str):
                yield from member_problems(reader, path)
        for path, number in (("kept", self.kept), ("untagged_days", self.untagged_days)):
            if number < 1:
                yield Problem(path, str(number), "1 or more")
        yield from kept_tag_problems(self.kept_tags, "kept_tags")
        yield from self.key.use_problems("key", "artifactregistry")


class GcpRegistry(pulumi.ComponentResource):
    """A private repository: tags that stay, scanned images, one key, and only who is named may pull.

    Its project needs the API containerscanning.googleapis.com as well: without it nothing is scanned, and
    nobody told.
    """

    id: pulumi.Output[str]
    """`projects/PROJECT/locations/REGION/repositories/NAME`, known once the readers may read."""
    url: pulumi.Output[str]
    """What an image's reference begins with: REGION-docker.pkg.dev/PROJECT/NAME."""

    def __init__(self, name: str, args: GcpRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:GcpRegistry", name, {"repository": args.repository}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        place, policies = args.place, cleanup(args.kept_tags, args.kept, args.untagged_days)
        repository = artifactregistry.Repository(
            f"{name}-repository",
            repository_id=args.repository,
            format="DOCKER",
            mode="STANDARD_REPOSITORY",
            description="Serving images of model endpoints.",
            docker_config={"immutable_tags": True},
            kms_key_name=args.key.id,
            cleanup_policies=policies,
            cleanup_policy_dry_run=False,
            # The project's, which scans where its API is on; the only other value is DISABLED.
            vulnerability_scanning_config={"enablement_config": "INHERITED"},
            project=place.project,
            location=place.region,
            labels=args.labels,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        readers = [
            artifactregistry.RepositoryIamMember(
                f"{name}-reader-{called}",
                repository=repository.name,
                role="roles/artifactregistry.reader",
                member=member,
                project=place.project,
                location=place.region,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for called, member in args.readers.items()
        ]
        made = pulumi.Output.all(repository.id, *(one.id for one in readers))
        self.id = made.apply(lambda all_of_them: str(all_of_them[0]))
        self.url = made.apply(lambda _: f"{place.region}-docker.pkg.dev/{place.project}/{args.repository}")
        self.register_outputs({"id": self.id, "url": self.url})
