"""`GcpIdentity`: the service account that the replicas of one endpoint run as."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi_gcp import projects, secretmanager, serviceaccount, storage

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp import permissions
from modelberth.gcp.grants import Grant
from modelberth.gcp.names import name_problems
from modelberth.gcp.needs import Needs
from modelberth.gcp.place import Place

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import GcpTarget

__all__ = ["GcpIdentity", "GcpIdentityArgs", "Identity", "identity", "problems"]

_DOMAIN: Final = ".iam.gserviceaccount.com"
# IAM, "Create service accounts": the name of one that a person makes.
_NAME: Final = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
# IAM, "Types of service accounts": those that Google makes for its services, and gives roles of its choice.
_DEFAULT: Final = r"[0-9]+-compute@developer\.gserviceaccount\.com|[a-z0-9-]+@appspot\.gserviceaccount\.com"


@dataclass(frozen=True, slots=True)
class Identity:
    """The service account that replicas run as, made here or elsewhere.

    Attributes:
        email: its address; what takes that of a made one comes after its rights

    """

    email: pulumi.Input[str]

    @classmethod
    def from_existing(cls, email: str, place: Place, path: str = "security.identity") -> Identity:
        """Take a service account that exists. Its rights are its owner's: see `permissions.grants`.

        Raises:
            SpecError: it is none, one of another project, or one that Google made for a service.

        """
        if found := [*_problems(email, place, path)]:
            raise SpecError(*found)
        return cls(email)

    @property
    def member(self) -> pulumi.Output[str]:
        """The account as IAM writes it."""
        return pulumi.Output.concat("serviceAccount:", self.email)


@dataclass(frozen=True)
class GcpIdentityArgs:
    """Who runs as the service account, and what it needs."""

    account: str
    """Name of it, unlike any other of the project; a change replaces it. It has no labels."""
    needs: Needs
    after: Sequence[pulumi.Resource] = ()
    """What has to be there before: the APIs of the project, and of pods a cluster, which makes their pool."""

    def problems(self) -> Iterator[Problem]:
        """Yield what IAM would refuse, and what `needs.more` opens too far."""
        yield from name_problems("service_account", self.account, "account")
        yield from permissions.problems(self.needs)


class GcpIdentity(pulumi.ComponentResource):
    """A service account for one endpoint, without a key, that reads and writes what is that endpoint's."""

    email: pulumi.Output[str]
    """Its address, known once it may do what it has to."""

    def __init__(self, name: str, args: GcpIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:GcpIdentity", name, {"account": args.account}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        child = pulumi.ResourceOptions(parent=self, depends_on=[*args.after])
        account = serviceaccount.Account(
            f"{name}-account",
            account_id=args.account,
            project=args.needs.place.project,
            display_name=f"Model endpoint {args.needs.spec.name}",
            description=f"Replicas of model endpoint {args.needs.spec.name}.",
            opts=child,
        )
        granted = [
            _granted(f"{name}-{one.name}", one, account.member, child)
            for one in permissions.grants(args.needs)
        ]
        pods = permissions.pod_member(args.needs)
        if pods is not None:
            granted.append(
                serviceaccount.IAMMember(
                    f"{name}-pods",
                    service_account_id=account.name,
                    role="roles/iam.workloadIdentityUser",
                    member=pods,
                    opts=child,
                )
            )
        # A preview knows the member of a grant that is not there yet, but not its id: see the key's.
        made = pulumi.Output.all(account.email, *(one.member for one in granted))
        self.email = made.apply(lambda all_of_them: str(all_of_them[0]))
        self.register_outputs({"email": self.email})


def identity(name: str, args: GcpIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> Identity:
    """Return the service account of an endpoint: that of `security.identity`, or one that is made for it.

    The rights of one that is named are its owner's: `permissions.grants` tells what it needs.
    """
    given = args.needs.spec.security.identity
    if given is None:
        return Identity(GcpIdentity(name, args, opts).email)
    with clean_errors():
        return Identity.from_existing(given, args.needs.place)


def problems(spec: EndpointSpec, target: GcpTarget) -> Iterator[Problem]:
    """Yield why replicas in the target cannot run as the service account that a spec names."""
    given = spec.security.identity
    if given is not None:
        place = Place(target.project, target.project_number, target.region)
        yield from _problems(given, place, "security.identity")


def _problems(email: str, place: Place, path: str) -> Iterator[Problem]:
    """Yield why an address names no service account of a person's own in the project."""
    account, _, domain = email.partition("@")
    project = domain.removesuffix(_DOMAIN)
    allowed = f"the e-mail address of a service account of {place.project}, {place.service_account('NAME')}"
    hint = ""
    if re.fullmatch(_DEFAULT, email):
        hint = "A default account serves everything in the project, and its roles with it."
    elif email.startswith("serviceAccount:"):
        hint = "The address alone, without its kind."
    elif re.fullmatch(_NAME, account) is None or not domain.endswith(_DOMAIN):
        pass
    elif re.fullmatch(r"service-[0-9]+", account):
        hint = "A service agent is Google's own: nothing else can run as it."
    elif project != place.project:
        # IAM, "Attach service accounts to resources": `iam.disableCrossProjectServiceAccountUsage` holds
        # unless somebody has lifted it.
        hint = "Projects do not let services run as another project's accounts."
    else:
        return
    yield Problem(path, shown(email), allowed, hint)


def _granted(
    name: str, grant: Grant, member: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> projects.IAMMember | storage.BucketIAMMember | secretmanager.SecretIamMember:
    condition: Any = None
    if grant.condition is not None:
        condition = {"title": grant.condition.title, "expression": grant.condition.expression}
    role = grant.role
    match grant.scope:
        case "project":
            return projects.IAMMember(
                name, project=grant.resource, role=role, member=member, condition=condition, opts=opts
            )
        case "bucket":
            return storage.BucketIAMMember(
                name, bucket=grant.resource, role=role, member=member, condition=condition, opts=opts
            )
        case "secret":
            _, project, _, secret = grant.resource.split("/")
            return secretmanager.SecretIamMember(
                name,
                project=project,
                secret_id=secret,
                role=role,
                member=member,
                condition=condition,
                opts=opts,
            )
