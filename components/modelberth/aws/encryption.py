"""`AwsEncryptionKey`: a KMS key of one's own, with its policy, its alias and its rotation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_aws import kms

from modelberth.arguments import clean_errors
from modelberth.aws.arn import key_problems
from modelberth.aws.key_policy import key_policy, use_problems
from modelberth.aws.names import name_problems
from modelberth.aws.place import Place
from modelberth.aws.policies import Statement
from modelberth.errors import Problem, SpecError

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import AwsTarget

__all__ = ["AwsEncryptionKey", "AwsEncryptionKeyArgs", "EncryptionKey", "problems"]

# AWS KMS, API CreateKey: DeletionWindow and RotationPeriodInDays.
_WINDOW: Final = range(7, 31)
_ROTATION: Final = range(90, 2561)


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A KMS key, made here or elsewhere: what everything that is encrypted takes.

    Attributes:
        arn: of the key, not of an alias

    """

    arn: pulumi.Input[str]

    @classmethod
    def from_existing(cls, arn: str, place: Place, path: str = "key") -> EncryptionKey:
        """Take a key that exists. What its policy allows is its owner's to say: see `key_policy.for_logs`.

        Raises:
            SpecError: it is no key, or one of another partition, account or region.

        """
        if found := [*key_problems(arn, place, path)]:
            raise SpecError(*found)
        return cls(arn)


@dataclass(frozen=True)
class AwsEncryptionKeyArgs:
    """What a key is for."""

    place: Place
    alias: str
    """Name of it, without `alias/`; unlike any other of the account in the region."""
    uses: Sequence[Statement] = ()
    """What services may do with it: `key_policy.for_logs` and its like. Administration needs none."""
    description: str = "Encrypts a model endpoint's data."
    rotation_days: int = 365
    """Days until AWS changes what it encrypts with; what was encrypted stays readable."""
    deletion_window_days: int = 30
    """Days in which a deletion can be taken back; after them all that was encrypted is lost."""
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to delete the key until this is off again."""

    def problems(self) -> Iterator[Problem]:
        """Yield what AWS would refuse, and what would open the key too far."""
        yield from name_problems("alias", self.alias, "alias")
        yield from use_problems(self.place, self.uses, "uses")
        for path, days, allowed in (
            ("rotation_days", self.rotation_days, _ROTATION),
            ("deletion_window_days", self.deletion_window_days, _WINDOW),
        ):
            if days not in allowed:
                yield Problem(path, str(days), f"{allowed.start} to {allowed.stop - 1} days")


class AwsEncryptionKey(pulumi.ComponentResource):
    """A symmetric key that AWS rotates, and an alias that a person finds it by."""

    arn: pulumi.Output[str]
    """ARN of the key."""

    def __init__(
        self, name: str, args: AwsEncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:AwsEncryptionKey", name, {"alias": args.alias}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        region = args.place.region
        made = kms.Key(
            f"{name}-key",
            description=args.description,
            policy=key_policy(args.place, args.uses),
            enable_key_rotation=True,
            rotation_period_in_days=args.rotation_days,
            deletion_window_in_days=args.deletion_window_days,
            region=region,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        kms.Alias(
            f"{name}-alias",
            name=f"alias/{args.alias}",
            target_key_id=made.key_id,
            region=region,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = made.arn
        self.register_outputs({"arn": self.arn})

    @property
    def key(self) -> EncryptionKey:
        """The key, as those take it who encrypt with it."""
        return EncryptionKey(self.arn)


def problems(spec: EndpointSpec, target: AwsTarget) -> Iterator[Problem]:
    """Yield why the key that a spec names cannot encrypt an endpoint of the target."""
    if spec.security.key is not None:
        yield from key_problems(spec.security.key, Place(target.account, target.region), "security.key")
