"""Whom a spec names in AWS' words: principals that may call, and the certificate that callers see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.aws.arn import Arn
from modelberth.aws.place import Place
from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec
    from modelberth.spec.aws import LambdaTarget

__all__ = ["problems"]

_ACCOUNT: Final = r"[0-9]{12}"
_CALLER: Final = r"root|(role|user)/([!-~]*/)?[A-Za-z0-9+=,.@_-]{1,128}"


def problems(spec: EndpointSpec, target: LambdaTarget) -> Iterator[Problem]:
    """Yield principals that a function's policy cannot name, and certificates of other places."""
    place = Place(target.account, target.region)
    for index, invoker in enumerate(spec.security.invokers):
        path = f"security.invokers[{index}]"
        if re.fullmatch(_ACCOUNT, invoker):
            continue
        found = Arn.parse(invoker)
        if found is None or found.service != "iam" or re.fullmatch(_CALLER, found.resource) is None:
            allowed = (
                f"the ARN of an IAM role or user, {place.arn('iam', 'role/NAME')}, or an account's 12 digits"
            )
            yield Problem(path, shown(invoker), allowed)
        elif found.partition != place.partition:
            allowed = f"a principal in partition {place.partition}, that of {place.region}"
            yield Problem(path, shown(invoker), allowed)
    certificate = spec.security.tls.certificate
    if certificate is not None:
        found = Arn.parse(certificate)
        wanted = Arn.parse(place.arn("acm", "certificate/ID"))
        if found is None or wanted is None or _place(found) != _place(wanted):
            allowed = f"a certificate of the same account and region, {place.arn('acm', 'certificate/ID')}"
            yield Problem("security.tls.certificate", shown(certificate), allowed)


def _place(arn: Arn) -> tuple[str, ...]:
    return (arn.partition, arn.service, arn.region, arn.account, arn.resource.partition("/")[0])
