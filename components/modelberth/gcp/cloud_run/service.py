"""The service: its newest revision, the shares of the requests, and who is let in to be asked who he is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

import pulumi
from pulumi_gcp import cloudrunv2

from modelberth import target_image
from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.cloud_run.names import account_name, revision_name, service_name
from modelberth.gcp.cloud_run.reach import address, ingress, is_behind_load_balancer
from modelberth.gcp.cloud_run.template import template
from modelberth.gcp.cloud_run.traffic import same_problems, shares
from modelberth.gcp.endpoint_key import key_id
from modelberth.spec.gcp import ArtifactImage
from modelberth.target_image import ImageRule

if TYPE_CHECKING:
    from pulumi_gcp.cloudrunv2 import ServiceBinaryAuthorizationArgsDict

    from modelberth.gcp.plan import Plan
    from modelberth.spec import EndpointSpec
    from modelberth.spec.cloud_run import CloudRunTarget

__all__ = ["Made", "problems", "register", "revision"]

# What the provider waits for at most, unless an instance may take longer to start.
_USUAL_MINUTES: Final = 20
_MARGIN_MINUTES: Final = 10
_MINUTE: Final = 60


@dataclass(frozen=True)
class Made:
    """A service that is registered.

    Attributes:
        service: itself
        revision: name of the revision that serves the endpoint's model; plain where the image is

    """

    service: cloudrunv2.Service
    revision: pulumi.Input[str]


def revision(plan: Plan[CloudRunTarget], image: str) -> str:
    """Return the name of the revision that an image makes with the rest of the endpoint.

    Everything in it is known before anything is made: of what is made with it, its name.
    """
    account = plan.spec.security.identity or plan.place.service_account(account_name(plan))
    content = template(plan, image, account, key_id(plan))
    return revision_name(service_name(plan), {**content, "restart": plan.target.restart})


def register(
    name: str,
    plan: Plan[CloudRunTarget],
    opts: pulumi.ResourceOptions,
    *,
    image: pulumi.Input[str],
    account: pulumi.Input[str],
    key: pulumi.Input[str],
) -> Made:
    """Register the service.

    Args:
        name: logical
        plan: of the endpoint
        opts: of the resource
        image: by digest
        account: e-mail address of the service account that instances run as, known once it has its rights
        key: full name of the key, known once Cloud Run may use it

    Raises:
        RunError: the revision that a rollout comes from is the one that this makes.

    """
    spec, target, place = plan.spec, plan.target, plan.place
    new = _new(plan, image)
    own = address(spec, target)
    service = cloudrunv2.Service(
        name,
        name=service_name(plan),
        project=place.project,
        location=place.region,
        description=f"Serves model {spec.name}",
        template={**template(plan, image, account, key), "revision": new},
        traffics=[one.inputs for one in shares(spec, new, target.previous_revision)],
        ingress=ingress(spec, target),
        default_uri_disabled=is_behind_load_balancer(target),
        custom_audiences=None if own is None else [own],
        invoker_iam_disabled=False,
        binary_authorization=_images(target),
        labels=plan.labels,
        deletion_protection=spec.protect,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(custom_timeouts=_patience(spec))),
    )
    return Made(service, new)


def problems(spec: EndpointSpec, target: CloudRunTarget, *, has_image: bool = False) -> Iterator[Problem]:
    """Yield an image that a service does not take, none at all, and a subnetwork of another region.

    Args:
        spec: of the endpoint
        target: its place
        has_image: the program gives the image

    """
    form = get_args(ArtifactImage)[1]
    rule = ImageRule(
        form,
        within="",
        allowed=form.allowed,
        elsewhere="Push it there, or have a remote repository in Artifact Registry fetch it.",
        missing="`make image` builds it and prints its digest; push it to a repository in Artifact Registry.",
    )
    yield from target_image.problems(spec, target, rule, has_image=has_image)
    subnetwork = None if target.vpc is None else target.vpc.subnetwork
    if subnetwork is not None and "/" in subnetwork and f"/regions/{target.region}/" not in subnetwork:
        allowed = f"a subnetwork in {target.region}"
        yield Problem("target.vpc.subnetwork", shown(subnetwork), allowed)


def _new(plan: Plan[CloudRunTarget], image: pulumi.Input[str]) -> pulumi.Input[str]:
    built = pulumi.Output.from_input(image)
    return _checked(plan, image) if isinstance(image, str) else built.apply(lambda text: _checked(plan, text))


def _checked(plan: Plan[CloudRunTarget], image: str) -> str:
    found = revision(plan, image)
    with clean_errors():
        if same := [*same_problems(plan.target, found)]:
            raise SpecError(*same)
    return found


def _images(target: CloudRunTarget) -> ServiceBinaryAuthorizationArgsDict | None:
    match target.binary_authorization:
        case "none":
            return None
        case "default":
            return {"use_default": True}
        case policy:
            return {"policy": policy}


def _patience(spec: EndpointSpec) -> pulumi.CustomTimeouts:
    """What the provider waits for: an update ends when the new revision is ready."""
    start = math.ceil(spec.limits.startup_timeout.seconds / _MINUTE) + _MARGIN_MINUTES
    minutes = f"{max(start, _USUAL_MINUTES)}m"
    return pulumi.CustomTimeouts(create=minutes, update=minutes)
