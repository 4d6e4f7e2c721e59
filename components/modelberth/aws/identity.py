"""`AwsIdentity`: the IAM role that the replicas of one endpoint run as."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_aws import iam

from modelberth.arguments import clean_errors
from modelberth.aws.arn import policy_problems, role_problems
from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.names import name_problems
from modelberth.aws.needs import Needs
from modelberth.aws.permissions import is_of_keys, statements, trust, wide_problems
from modelberth.aws.place import Place
from modelberth.aws.policies import policy
from modelberth.errors import Problem, SpecError

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import AwsTarget

__all__ = ["AwsIdentity", "AwsIdentityArgs", "Identity", "identity", "problems"]

# IAM, "IAM and AWS STS quotas": all inline policies of a role together, white space not counted.
_LONGEST_POLICY: Final = 10_240
_SOME_KEY: Final = "key/00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Identity:
    """The role that replicas run as, made here or elsewhere.

    Attributes:
        arn: of the role; what takes a made one comes after its rights

    """

    arn: pulumi.Input[str]


@dataclass(frozen=True)
class AwsIdentityArgs:
    """Who runs as the role, and what it needs."""

    role: str
    """Name of it, unlike any other of the account: a role is in every region."""
    needs: Needs
    key: EncryptionKey | None
    """That the endpoint's own data is encrypted with. None: it has no key of its own."""
    model_keys: tuple[EncryptionKey, ...] = ()
    """Those that the models' buckets are encrypted with, where it is not `key`."""
    permissions_boundary: str | None = None
    """ARN of a managed policy that bounds the role, whatever else allows. None: none."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """Yield what IAM would refuse, and what `needs.more` opens too far."""
        yield from name_problems("role", self.role, "role")
        if self.permissions_boundary is not None:
            yield from policy_problems(self.permissions_boundary, self.needs.place, "permissions_boundary")
        yield from wide_problems(self.needs.more, "needs.more")
        some = self.needs.place.arn("kms", _SOME_KEY)
        own = None if self.key is None else some
        allowed = statements(self.needs, own, [some] * len(self.model_keys))
        sids = [one.sid for one in allowed]
        if twice := sorted({sid for sid in sids if sids.count(sid) > 1}):
            yield Problem("needs.more", f"sid {', '.join(twice)}", "sids that no other statement has")
            return
        length = len(json.dumps(json.loads(policy(*allowed)), separators=(",", ":")))
        if length > _LONGEST_POLICY:
            hint = "Fewer variants, or models below one folder, make it shorter."
            yield Problem("needs", f"a policy of {length} characters", f"at most {_LONGEST_POLICY}", hint)


class AwsIdentity(pulumi.ComponentResource):
    """A role that one service takes on for one endpoint, and may read and write what is that endpoint's."""

    arn: pulumi.Output[str]
    """ARN of the role, known once it may do what it has to."""

    def __init__(self, name: str, args: AwsIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:AwsIdentity", name, {"role": args.role}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        child = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-role",
            name=args.role,
            description=f"Replicas of model endpoint {args.needs.spec.name}.",
            assume_role_policy=policy(trust(args.needs)),
            permissions_boundary=args.permissions_boundary,
            tags=args.tags,
            opts=child,
        )
        # Two, so that a preview shows what can be read: a policy that names a key that is not there yet is
        # unknown as a whole.
        policies = [
            iam.RolePolicy(f"{name}-{role_of}", name=called, role=role.name, policy=document, opts=child)
            for role_of, called, document in _documents(args)
        ]
        made = pulumi.Output.all(role.arn, *(one.id for one in policies))
        self.arn = made.apply(lambda all_of_them: str(all_of_them[0]))
        self.register_outputs({"arn": self.arn})


def identity(name: str, args: AwsIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> Identity:
    """Return the role of an endpoint: that of `security.identity`, or one that is made for it.

    The rights of a role that is named are its owner's: `permissions.statements` tells what it needs.
    """
    given = args.needs.spec.security.identity
    return Identity(given if given is not None else AwsIdentity(name, args, opts).arn)


def problems(spec: EndpointSpec, target: AwsTarget) -> Iterator[Problem]:
    """Yield why replicas in the target cannot run as the role that a spec names."""
    given = spec.security.identity
    if given is not None:
        yield from role_problems(given, Place(target.account, target.region), "security.identity")


def _documents(args: AwsIdentityArgs) -> Iterator[tuple[str, str, pulumi.Input[str]]]:
    """Each policy's role among the resources, its name in IAM and what it says."""
    some = [_SOME_KEY] * len(args.model_keys)
    allowed = statements(args.needs, None if args.key is None else _SOME_KEY, some)
    yield "rights", "endpoint", policy(*(one for one in allowed if not is_of_keys(one)))
    if any(is_of_keys(one) for one in allowed):
        yield "keys", "keys", _keys(args)


def _keys(args: AwsIdentityArgs) -> pulumi.Output[str]:
    def document(keys: list[Any]) -> str:
        own, *others = keys
        return policy(*(one for one in statements(args.needs, own, others) if is_of_keys(one)))

    own = None if args.key is None else args.key.arn
    return pulumi.Output.all(own, *(key.arn for key in args.model_keys)).apply(document)
