"""Whom a spec names in Google Cloud's words: members that may call an endpoint or pull an image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from modelberth.errors import Problem, shown

if TYPE_CHECKING:
    from modelberth.spec import EndpointSpec

__all__ = ["EVERYONE", "invoker_problems", "invokers", "member_problems"]

EVERYONE: Final = "allUsers"
# IAM, "Principal identifiers". A service account is also named as the pods that act as one of a pool.
_EMAIL: Final = r"[A-Za-z0-9._%+-]+@{domain}"
_HOST: Final = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]+"
_OF_GOOGLE: Final = r"([a-z0-9-]+\.)*gserviceaccount\.com"
_PODS: Final = r"[a-z0-9-]+\.svc\.id\.goog\[[a-z0-9-]+/[a-z0-9.-]+\]"
_FORMS: Final = {
    "user": _EMAIL.format(domain=_HOST),
    "group": _EMAIL.format(domain=_HOST),
    "serviceAccount": f"({_EMAIL.format(domain=_OF_GOOGLE)}|{_PODS})",
    "domain": _HOST,
}
_ALLOWED: Final = "one member: user:EMAIL, group:EMAIL, serviceAccount:EMAIL or domain:DOMAIN"


def member_problems(member: str, path: str) -> Iterator[Problem]:
    """Yield why a text names nobody, or everybody."""
    kind, colon, who = member.partition(":")
    form = _FORMS.get(kind)
    if form is None or not colon:
        hint = ""
        if kind.lower() in {"allusers", "allauthenticatedusers"}:
            hint = "Either of them is everybody with an account that anybody can make."
        elif re.fullmatch(_FORMS["user"], member):
            guessed = "serviceAccount" if member.endswith("gserviceaccount.com") else "user"
            hint = f"Its kind comes first, {guessed}:{member}."
        yield Problem(path, shown(member), _ALLOWED, hint)
    elif re.fullmatch(form, who) is None:
        yield Problem(path, shown(member), _ALLOWED)
    elif kind in {"user", "group"} and who.endswith("gserviceaccount.com"):
        yield Problem(path, shown(member), _ALLOWED, f"This is a service account: serviceAccount:{who}.")


def invokers(spec: EndpointSpec) -> tuple[str, ...]:
    """Return the members that IAM lets call the endpoint.

    Everyone is among them only with `security.auth` none at a public endpoint. Keys and tokens are checked
    behind IAM, by whoever stands in front of the endpoint.
    """
    security = spec.security
    if security.auth.kind == "none" and security.network.public:
        return (EVERYONE,)
    return security.invokers


def invoker_problems(spec: EndpointSpec) -> Iterator[Problem]:
    """Yield invokers that are no members, and an endpoint that everyone may call by mistake."""
    security = spec.security
    for index, invoker in enumerate(security.invokers):
        path = f"security.invokers[{index}]"
        yield from member_problems(invoker, path)
        # IAM writes addresses in lower case, so that the two grants would be one, which goes with either.
        earlier = [one for one in security.invokers[:index] if one.lower() == invoker.lower()]
        if earlier:
            yield Problem(path, shown(invoker), f"each member once: {earlier[0]} is the same to IAM")
    if security.auth.kind == "none" and not security.network.public:
        allowed = "platform with security.invokers, as long as security.network.public is off"
        hint = "IAM asks within a private network too, and would have to let everyone in."
        yield Problem("security.auth.kind", "none", allowed, hint)
