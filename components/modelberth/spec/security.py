"""Who may call, what the endpoint may reach, and what encrypts its data."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from modelberth.errors import Problem, SpecError, shown

from .rules import Flag, Matching, Part

__all__ = ["ApiKeyAuth", "Auth", "JwtAuth", "Network", "NoAuth", "PlatformAuth", "Security", "Tls"]

_ONE_HOST = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(\*\.)?{_ONE_HOST}"
_EVERYONE = {"*", "allusers", "allauthenticatedusers", "public", "anonymous", "everyone"}

# A name, an ARN, a resource id, an e-mail address: each cloud has its own form, which the target checks.
_REFERENCE = Matching(r"[!-~]{1,512}", "1 to 512 printable characters without spaces")
Reference = Annotated[str, _REFERENCE]
# Somebody will write the secret itself.
SecretReference = Annotated[str, replace(_REFERENCE, is_secret=True)]


def _principal(value: str) -> str:
    if value.lower() in _EVERYONE:
        hint = "An endpoint that everyone may call is `security.auth: {kind: none}`."
        raise SpecError(
            Problem("", shown(value), "one principal, such as a role's ARN or a service account", hint)
        )
    return value


def _destination(value: str) -> str:
    """Return a host name in lower case or an IP network in its normal form."""
    try:
        return str(ip_network(value))
    except ValueError:
        return Matching(
            _HOST, "a host name (*.example.com for all below it) or an IP network such as 10.0.0.0/8"
        ).check(value.lower())


class PlatformAuth(Part):
    """The target's own authentication of callers, such as IAM; locally, that only this machine can call."""

    kind: Literal["platform"] = Field("platform", description="How callers are authenticated.")


class ApiKeyAuth(Part):
    """A key in a header, checked at the gateway: the same for callers in every cloud."""

    kind: Literal["api_key"] = Field("api_key", description="How callers are authenticated.")
    header: Annotated[str, Matching(r"[A-Za-z0-9-]{1,64}", "1 to 64 letters, digits or hyphens")] = Field(
        "x-api-key", description="HTTP header that carries the key."
    )
    secret: SecretReference | None = Field(
        None,
        description="Reference to an existing secret that holds the key, never the key itself. Unset: a key "
        "is generated into a secret.",
    )


class JwtAuth(Part):
    """A signed token of an OpenID Connect issuer."""

    kind: Literal["jwt"] = Field("jwt", description="How callers are authenticated.")
    issuer: Annotated[
        str,
        Matching(
            rf"https://{_ONE_HOST}(:[0-9]{{1,5}})?(/[!-~]*)?",
            "an https address, exactly as in the token's `iss`",
        ),
    ] = Field(description="Issuer of the tokens; its keys are found by OpenID Connect discovery.")
    audience: Reference = Field(description="Audience (`aud`) that a token must name.")


class NoAuth(Part):
    """Whoever reaches the endpoint may call it."""

    kind: Literal["none"] = Field("none", description="How callers are authenticated.")


Auth = Annotated[PlatformAuth | ApiKeyAuth | JwtAuth | NoAuth, Field(discriminator="kind")]


class Network(Part):
    """Where requests may come from and where the replicas may connect to."""

    public: Flag = Field(
        default=False, description="Reachable from the internet. Off: only from the target's private network."
    )
    egress: tuple[Annotated[str, AfterValidator(_destination)], ...] | None = Field(
        None,
        max_length=100,
        description="Hosts and IP networks that replicas may connect to, beside the model's store and the "
        "log service. "
        "Unset: the network's own rules; on Kubernetes what the endpoint itself needs. Empty list: none.",
    )


class Tls(Part):
    """Encryption between caller and endpoint."""

    min_version: Literal["1.2", "1.3"] = Field("1.2", description="Oldest TLS version that is accepted.")
    domain: (
        Annotated[
            str,
            Matching(_ONE_HOST, "a host name in lower case, such as predict.example.com"),
        ]
        | None
    ) = Field(None, description="Host name of one's own for the endpoint. Unset: the target's.")
    certificate: Reference | None = Field(
        None, description="Existing certificate for `domain`. Unset: the target issues one."
    )

    @model_validator(mode="after")
    def _certificate_has_domain(self) -> Self:
        if self.certificate is not None and self.domain is None:
            raise SpecError(
                Problem("certificate", shown(self.certificate), "nothing without security.tls.domain")
            )
        return self


class Security(Part):
    """Closed unless a field opens it."""

    identity: Reference | None = Field(
        None,
        description="Existing identity that replicas run as. Unset: one is made that may read this model "
        "and write these logs, nothing else.",
    )
    invokers: tuple[Annotated[Reference, AfterValidator(_principal)], ...] = Field(
        (),
        max_length=100,
        description="Principals that may call the endpoint, with `auth` platform. Empty: only those whom "
        "the account already allows.",
    )
    key: Reference | None = Field(
        None,
        description="Existing customer-managed encryption key. Unset: one is made where the target supports "
        "it, with rotation.",
    )
    network: Network = Field(default_factory=Network, description="Network boundary.")
    auth: Auth = Field(default_factory=PlatformAuth, description="Authentication of callers.")
    tls: Tls = Field(default_factory=Tls, description="Encryption in transit.")

    @model_validator(mode="after")
    def _invokers_are_checked(self) -> Self:
        problems = [
            Problem(f"invokers[{place}]", shown(one), "each principal once")
            for place, one in enumerate(self.invokers)
            if one in self.invokers[:place]
        ]
        if problems:
            raise SpecError(*problems)
        if self.invokers and self.auth.kind != "platform":
            raise SpecError(
                Problem(
                    "invokers",
                    f"{len(self.invokers)} with auth {self.auth.kind}",
                    "an empty list unless security.auth.kind is platform",
                )
            )
        return self
