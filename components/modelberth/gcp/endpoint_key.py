"""The key of an endpoint: one that its spec names, or one that is made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from modelberth.gcp.encryption import ROLE, EncryptionKey, GcpEncryptionKey, GcpEncryptionKeyArgs
from modelberth.gcp.monitoring.log_bucket import key_users
from modelberth.gcp.service_agents import agents

if TYPE_CHECKING:
    from modelberth.gcp.plan import Plan

__all__ = ["endpoint_key", "key_id", "key_name"]


def endpoint_key(name: str, plan: Plan[Any], service: str, opts: pulumi.ResourceOptions) -> EncryptionKey:
    """Return what encrypts the service's own copies of images and models, and the log.

    Args:
        name: logical, of a key that is made
        plan: of the endpoint
        service: that encrypts with it, as in `service_agents.toml`
        opts: of a key that is made

    Raises:
        SpecError: `security.key` is no key of the project and the region.

    """
    given = plan.spec.security.key
    if given is not None:
        pulumi.info(_grant(given, agents()[service].member(plan.place)))
        return EncryptionKey.from_existing(given, plan.place, "security.key")
    return GcpEncryptionKey(name, _args(plan, service), opts).key


def key_id(plan: Plan[Any]) -> str:
    """Return the full name of the key, before it is there."""
    given = plan.spec.security.key
    return f"{_args(plan).ring_id}/cryptoKeys/{key_name(plan)}" if given is None else given


def key_name(plan: Plan[Any]) -> str:
    """Name of the key, and of the ring that it is in, where they are made."""
    return plan.named_by_kind()


def _grant(key: str, member: str) -> str:
    """Say what nobody can see without a call: whether the key's owner lets the service use it."""
    _, project, _, location, _, ring, _, name = key.split("/")
    return (
        f"security.key: {member} has to be allowed to use it. Where it is not yet: gcloud kms keys "
        f"add-iam-policy-binding {name} --keyring={ring} --location={location} --project={project} "
        f"--member={member} --role={ROLE}"
    )


def _args(plan: Plan[Any], *services: str) -> GcpEncryptionKeyArgs:
    return GcpEncryptionKeyArgs(
        plan.place,
        ring=key_name(plan),
        key=key_name(plan),
        services=services,
        others=key_users(plan.target),
        labels=plan.labels,
        protect=plan.spec.protect,
    )
