"""`AwsRegistry`: a repository in ECR that serving images are pushed to and deployed from by digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
from pulumi_aws import ecr

from modelberth.arguments import clean_errors
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.names import name_problems
from modelberth.aws.place import Place
from modelberth.aws.policies import policy
from modelberth.aws.registry_policy import function_problems, keeping, puller_problems, pulling
from modelberth.errors import Problem, SpecError

__all__ = ["AwsRegistry", "AwsRegistryArgs"]

# Amazon ECR, "Amazon ECR service quotas": a lifecycle policy has 50 rules at most; two are there anyway.
_MOST_KEPT_TAGS: Final = 48


@dataclass(frozen=True)
class AwsRegistryArgs:
    """What a repository holds, and for whom."""

    place: Place
    repository: str
    """Name of it, such as `models/server`; a change replaces it."""
    key: EncryptionKey
    """That the images are encrypted with; a change replaces the repository."""
    functions: Sequence[str] = ()
    """ARNs of the Lambda functions that run its images; the end of a name may be an asterisk."""
    pullers: Sequence[pulumi.Input[str]] = ()
    """ARNs of roles, users or accounts that may pull, beside those whom IAM of the account lets."""
    kept_tags: Sequence[str] = ("live*",)
    """Tags whose images never expire. ECR does not know what is deployed: who deploys an image adds one."""
    tagged_kept: int = 100
    """Number of the other tagged images that stay, the newest first."""
    untagged_days: int = 14
    """Days that an image without a tag stays, such as what a failed push has left."""
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to delete the repository until this is off again. One with images in it is never deleted."""

    def problems(self) -> Iterator[Problem]:
        """Yield what ECR would refuse, and what would let anybody pull."""
        yield from name_problems("repository", self.repository, "repository")
        yield from function_problems(self.functions, self.place, "functions")
        plain = [puller for puller in self.pullers if isinstance(puller, str)]
        yield from puller_problems(plain, "pullers")
        for path, number in (("tagged_kept", self.tagged_kept), ("untagged_days", self.untagged_days)):
            if number < 1:
                yield Problem(path, str(number), "1 or more")
        if (count := len(self.kept_tags)) > _MOST_KEPT_TAGS:
            yield Problem("kept_tags", f"{count} patterns", f"at most {_MOST_KEPT_TAGS}")


class AwsRegistry(pulumi.ComponentResource):
    """A private repository: tags that stay, scanned images, one key, and only who is named may pull."""

    arn: pulumi.Output[str]
    """ARN of the repository."""
    url: pulumi.Output[str]
    """What an image's reference begins with: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME."""

    def __init__(self, name: str, args: AwsRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:AwsRegistry", name, {"repository": args.repository}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        region, child = args.place.region, pulumi.ResourceOptions(parent=self)
        repository = ecr.Repository(
            f"{name}-repository",
            name=args.repository,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args.key.arn}],
            force_delete=False,
            region=region,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=repository.name,
            policy=keeping(args.kept_tags, args.tagged_kept, args.untagged_days),
            region=region,
            opts=child,
        )
        if args.functions or args.pullers:
            ecr.RepositoryPolicy(
                f"{name}-pulling",
                repository=repository.name,
                policy=_pulling(args),
                region=region,
                opts=child,
            )
        self.arn, self.url = repository.arn, repository.repository_url
        self.register_outputs({"arn": self.arn, "url": self.url})


def _pulling(args: AwsRegistryArgs) -> pulumi.Output[str]:
    # ECR refuses principals that are not there: a role's ARN as an output makes the policy come after it.
    return pulumi.Output.all(*args.pullers).apply(
        lambda pullers: policy(*pulling(args.functions, [str(puller) for puller in pullers]))
    )
