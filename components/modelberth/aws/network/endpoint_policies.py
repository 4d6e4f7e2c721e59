"""Policies of VPC endpoints: the account's own principals, for what belongs to the account, and nobody else.

They allow nothing by themselves: whoever calls needs his own rights as well (AWS PrivateLink, "Control access
to VPC endpoints using endpoint policies"). What they refuse is that credentials of another account take data
out of the network, or that a replica puts it into a bucket of another account.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from modelberth.aws.network.services import Service
from modelberth.aws.place import Place
from modelberth.aws.policies import Statement, policy

__all__ = ["endpoint_policy", "statements"]

_EVERYBODY: Final = {"AWS": ("*",)}


def endpoint_policy(service: Service, place: Place, accounts: Sequence[str] = ()) -> str:
    """Return the document.

    Args:
        service: that the endpoint leads to
        place: account and region
        accounts: others whose principals and resources may be on either end

    """
    return policy(*statements(service, place, accounts))


def statements(service: Service, place: Place, accounts: Sequence[str] = ()) -> tuple[Statement, ...]:
    """Return who may do what through the endpoint; the arguments are those of `endpoint_policy`."""
    own = [place.account, *accounts]
    return (
        Statement(
            "OwnAccount",
            (f"{service.actions}:*",),
            ("*",),
            _EVERYBODY,
            {
                "StringEquals": {"aws:PrincipalAccount": own},
                # An action that has no resource, such as `ecr:GetAuthorizationToken`, has no owner of it.
                "StringEqualsIfExists": {"aws:ResourceAccount": own},
            },
        ),
        *_anonymous(service, place, own),
    )


def _anonymous(service: Service, place: Place, accounts: Sequence[str]) -> Iterator[Statement]:
    """What is asked for without a principal of one's own, and so without an account to compare."""
    if service.name == "s3":
        # Links that ECR has signed (its guide, "Minimum Amazon S3 bucket permissions for Amazon ECR").
        layers = f"prod-{place.region}-starport-layer-bucket/*"
        yield Statement("ImageLayers", ("s3:GetObject",), (place.arn("s3", layers),), _EVERYBODY)
    if service.name == "sts":
        # A service account of a cluster comes with the cluster's token, and becomes a principal by it.
        roles = [Place(account, place.region).arn("iam", "role/*") for account in accounts]
        yield Statement("ServiceAccounts", ("sts:AssumeRoleWithWebIdentity",), roles, _EVERYBODY)
