"""`GcpEncryptionKey`: a key of one's own in Cloud KMS, that rotates and that only named services use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_gcp import kms, projects

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.names import name_problems
from modelberth.gcp.place import Place
from modelberth.gcp.service_agents import agent_problems, agents

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.gcp import GcpTarget

__all__ = ["ROLE", "EncryptionKey", "GcpEncryptionKey", "GcpEncryptionKeyArgs", "key_problems", "problems"]

ROLE: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
"""What a service needs that encrypts with a key: to use it, not to change it."""

_DAY: Final = 86_400  # seconds
# CIS Google Cloud Platform Foundation Benchmark 1.11: at most 90 days. Cloud KMS takes no less than one.
_ROTATION: Final = range(1, 91)
# Cloud KMS, "Destroy and restore key versions": how long a destruction can be taken back.
_WINDOW: Final = range(1, 121)
_KEY: Final = re.compile(
    r"projects/([^/]+)/locations/([^/]+)/keyRings/([\w-]{1,63})/cryptoKeys/([\w-]{1,63})", re.A
)
_MEMBER: Final = re.compile(r"serviceAccount:[^@\s]+@[a-z0-9.-]+\.gserviceaccount\.com")
_AGENT: Final = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key of Cloud KMS, made here or elsewhere: what everything that is encrypted takes.

    Attributes:
        id: `projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY`, no version of it; what takes the
            id of one that is made here comes after its grants
        users: services and `others` that may use one that is made here; None: its owner knows

    """

    id: pulumi.Input[str]
    users: tuple[str, ...] | None = None

    @classmethod
    def from_existing(cls, key: str, place: Place, path: str = "key") -> EncryptionKey:
        """Take a key that exists. Who may use it is its owner's to say: see `service_agents.agents`.

        Raises:
            SpecError: it is no key, or one of another project or location.

        """
        if found := [*key_problems(key, place, path)]:
            raise SpecError(*found)
        return cls(key)

    def use_problems(self, path: str, *services: str) -> Iterator[Problem]:
        """Yield services that a key which is made here was not made for: Google would refuse them its use."""
        for service in services:
            if self.users is not None and service not in self.users:
                given = f"a key for {', '.join(self.users) or 'nobody'}"
                hint = "Name it among `services` of the key, and its agent is granted the use."
                yield Problem(path, given, f"a key that {service} may use as well", hint)


@dataclass(frozen=True)
class GcpEncryptionKeyArgs:
    """What a key is for.

    Google deletes neither a key ring nor a key: after `pulumi destroy`, the names of both are taken for good.
    Who comes back sets `existing_ring` and another `key`, or imports both.
    """

    place: Place
    ring: str
    """Name of the key ring, unlike any other of the project in the region."""
    key: str
    """Name of the key in it."""
    services: Sequence[str] = ()
    """Those that encrypt with it, as in `service_agents.toml`, such as `run`. Nobody else may."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Further accounts that do, by a name of one's own: `serviceAccount:…`, such as that of Cloud Logging."""
    rotation_days: int = 90
    """Days until Google changes what it encrypts with; what was encrypted stays readable."""
    destroy_after_days: int = 30
    """Days in which the destruction of a version can be taken back. Fixed with the key: another number makes
    another key, which needs another name."""
    existing_ring: bool = False
    """The ring is there already, and not made here."""
    labels: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    """Refuse to destroy the key until this is off again."""
    after: Sequence[pulumi.Resource] = ()
    """What has to be there before: the APIs of the project, where these are enabled here."""

    @property
    def ring_id(self) -> str:
        """Full name of the key ring."""
        return f"{self.place.parent}/keyRings/{self.ring}"

    def problems(self) -> Iterator[Problem]:
        """Yield what Google would refuse, and what would open the key too far."""
        yield from name_problems("key_ring", self.ring, "ring")
        yield from name_problems("key", self.key, "key")
        yield from agent_problems(self.services, "services")
        for name, member in self.others.items():
            path = f"others.{name}"
            if not _AGENT.fullmatch(name):
                yield Problem(path, shown(name), "lower-case letters, digits and hyphens, a letter first")
            elif name in self.services:
                yield Problem(path, shown(name), "a name that `services` has not")
            if not _MEMBER.fullmatch(member):
                hint = "A key is for services: never for people or for everybody."
                yield Problem(path, shown(member), "serviceAccount:NAME@DOMAIN.gserviceaccount.com", hint)
        for path, days, allowed in (
            ("rotation_days", self.rotation_days, _ROTATION),
            ("destroy_after_days", self.destroy_after_days, _WINDOW),
        ):
            if days not in allowed:
                yield Problem(path, str(days), f"{allowed.start} to {allowed.stop - 1} days")


class GcpEncryptionKey(pulumi.ComponentResource):
    """A symmetric key that Google rotates, in a ring of its own, and the grants of those that use it."""

    key_id: pulumi.Output[str]
    """Full name of the key, known once everybody may use it who has to."""

    def __init__(
        self, name: str, args: GcpEncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(
            "modelberth:index:GcpEncryptionKey", name, {"ring": args.ring, "key": args.key}, opts
        )
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        key = kms.CryptoKey(
            f"{name}-key",
            name=args.key,
            key_ring=self._ring(name, args),
            purpose="ENCRYPT_DECRYPT",
            rotation_period=f"{args.rotation_days * _DAY}s",
            destroy_scheduled_duration=f"{args.destroy_after_days * _DAY}s",
            labels=args.labels,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None, depends_on=[*args.after]),
        )
        grants = [
            kms.CryptoKeyIAMMember(
                f"{name}-{user}-grant",
                crypto_key_id=key.id,
                role=ROLE,
                member=member,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*first]),
            )
            for user, member, first in self._users(name, args)
        ]
        # A preview knows the member of a grant that is not there yet, but not its id: with the id, one grant
        # more would make the key unknown, and everything that it encrypts look as if it were replaced.
        made = pulumi.Output.all(key.id, *(one.member for one in grants))
        self.key_id = made.apply(lambda all_of_them: str(all_of_them[0]))
        self._names = (*args.services, *args.others)
        self.register_outputs({"keyId": self.key_id})

    @property
    def key(self) -> EncryptionKey:
        """The key, as those take it who encrypt with it."""
        return EncryptionKey(self.key_id, self._names)

    def _ring(self, name: str, args: GcpEncryptionKeyArgs) -> pulumi.Input[str]:
        """Return the full name of the key's ring, which is made where it is not there."""
        if args.existing_ring:
            return args.ring_id
        ring = kms.KeyRing(
            f"{name}-ring",
            name=args.ring,
            project=args.place.project,
            location=args.place.region,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None, depends_on=[*args.after]),
        )
        found: pulumi.Output[str] = ring.id
        return found

    def _users(
        self, name: str, args: GcpEncryptionKeyArgs
    ) -> Iterator[tuple[str, str, Sequence[pulumi.Resource]]]:
        """Yield who uses the key, as a name and a member, and what has to be there before it may.

        IAM refuses a grant to an agent that was never made, and a project has one only after its first use of
        the service (IAM, "Create and grant roles to service agents"): so each is made first. Its address does
        not come from there, where some services leave it out (hashicorp/terraform-provider-google#18649).
        """
        for service in args.services:
            agent = agents()[service]
            made = projects.ServiceIdentity(
                f"{name}-{service}-agent",
                project=args.place.project,
                service=agent.api,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*args.after]),
            )
            yield service, agent.member(args.place), [made]
        for other, member in args.others.items():
            yield other, member, ()


def key_problems(key: str, place: Place, path: str) -> Iterator[Problem]:
    """Yield why a key of Cloud KMS cannot encrypt what lies in a place.

    A version is refused: what is encrypted with one is not encrypted anew when the key rotates.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        shape = f"{place.parent}/keyRings/RING/cryptoKeys/KEY"
        yield Problem(path, shown(key), f"the full name of a key, {shape}", "Versions of a key are refused.")
        return
    project, location, *_ = found.groups()
    if project != place.project:
        hint = "Name the project by its id." if project == place.number else ""
        yield Problem(path, shown(key), f"a key of project {place.project}", hint)
    elif location != place.region:
        hint = "A key encrypts in its own location only."
        yield Problem(path, shown(key), f"a key in location {place.region}", hint)


def problems(spec: EndpointSpec, target: GcpTarget) -> Iterator[Problem]:
    """Yield why the key that a spec names cannot encrypt an endpoint of the target."""
    if spec.security.key is not None:
        place = Place(target.project, target.project_number, target.region)
        yield from key_problems(spec.security.key, place, "security.key")
