"""`modelberth quota`: whether an account may have what the stack's endpoints need, asked of its cloud."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import typer
from rich.text import Text

from modelberth.aws.place import Place
from modelberth.aws.quotas import Need, needs
from modelberth.cli import quota_gcp
from modelberth.cli.config import endpoints_of
from modelberth.cli.failure import Exit
from modelberth.cli.options import AsJson, StackName, out
from modelberth.cli.quota_answer import Answer, Standing
from modelberth.cli.stack import Stack
from modelberth.gcp import quotas as gcp_quotas

__all__ = ["Answer", "Standing", "answers", "quota"]

_SIGNS: Final = {"enough": ("✓", "green"), "too_small": ("✗", "red"), "skipped": ("\N{EN DASH}", "dim")}
_NO_SDK: Final = "boto3 is not installed: pip install boto3"


def quota(stack: StackName = "dev", *, as_json: AsJson = False) -> None:
    """Ask AWS and Google whether their quotas hold what the stack's endpoints need; changes nothing.

    Where there are no credentials of the account or project, or not the library that asks, it says so and
    ends well.

    Exit status: 0 nothing is too small, 12 something is.
    """
    endpoints = endpoints_of(Stack.find(stack, Path.cwd()))
    found = [*answers(needs(endpoints)), *quota_gcp.answers(gcp_quotas.needs(endpoints))]
    if as_json:
        told = [{**asdict(one.need), "standing": one.standing, "has": one.value} for one in found]
        print(json.dumps({"stack": stack, "quotas": told}, indent=2, ensure_ascii=False))
    else:
        _show(found, stack)
    if any(one.standing is Standing.TOO_SMALL for one in found):
        raise typer.Exit(Exit.REFUSED)


def answers(wanted: Sequence[Need], client: Callable[..., Any] | None = None) -> list[Answer]:
    """Read each quota that is needed of AWS.

    Args:
        wanted: what is needed
        client: makes a client of a service, as `boto3.client` does; None: that, where it is installed

    """
    if client is None:
        try:
            import boto3  # noqa: PLC0415 - only this command needs it
        except ModuleNotFoundError:
            return [Answer(need, Standing.SKIPPED, None, _NO_SDK) for need in wanted]
        client = boto3.client
    read = {
        one.need: one
        for place in dict.fromkeys(need.place for need in wanted)
        for one in _of(place, wanted, client)
    }
    return [read[need] for need in wanted]


def _of(place: Place, wanted: Sequence[Need], client: Callable[..., Any]) -> Iterator[Answer]:
    here = [need for need in wanted if need.place == place]
    try:
        account = client("sts", region_name=place.region).get_caller_identity()["Account"]
        if account != place.account:
            said = f"the credentials are of account {account}, not {place.account}"
            yield from (Answer(need, Standing.SKIPPED, None, said) for need in here)
            return
        service = client("service-quotas", region_name=place.region)
        for need in here:
            found = _by_name(service, need) if need.code is None else _by_code(service, need)
            yield _answer(need, found)
    except Exception as error:  # of botocore, whose classes are there with it only
        if not type(error).__module__.startswith("botocore"):
            raise
        yield from (Answer(need, Standing.SKIPPED, None, f"AWS could not be asked: {error}") for need in here)


def _by_code(client: Any, need: Need) -> Mapping[str, Any] | None:
    """The account's own value; AWS' default where it never had another."""
    asked = {"ServiceCode": need.service, "QuotaCode": need.code}
    for operation in (client.get_service_quota, client.get_aws_default_service_quota):
        try:
            quota: Mapping[str, Any] = operation(**asked)["Quota"]
        except client.exceptions.NoSuchResourceException:
            continue
        return quota
    return None


def _by_name(client: Any, need: Need) -> Mapping[str, Any] | None:
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        for page in client.get_paginator(operation).paginate(ServiceCode=need.service):
            for one in page["Quotas"]:
                if one["QuotaName"].casefold() == need.name.casefold():
                    found: Mapping[str, Any] = one
                    return found
    return None


def _answer(need: Need, found: Mapping[str, Any] | None) -> Answer:
    if found is None:
        said = f"AWS lists no quota '{need.name}' in {need.place.region}"
        return Answer(need, Standing.SKIPPED, None, said)
    value = float(found["Value"])
    if value >= need.value:
        return Answer(need, Standing.ENOUGH, value, f"{value:g}, and {need.value} suffice")
    ask = f"aws service-quotas request-service-quota-increase --region {need.place.region} "
    ask += f"--service-code {need.service} --quota-code {found['QuotaCode']} --desired-value {need.value}"
    return Answer(
        need, Standing.TOO_SMALL, value, f"{value:g}, and {need.value} are needed; ask for more: {ask}"
    )


def _show(found: Sequence[Answer], stack: str) -> None:
    if not found:
        out.print(f"Stack {stack}: no endpoint of it needs a quota that is looked at.", markup=False)
    for one in found:
        need, place = one.need, one.need.place
        whose = place.account if isinstance(place, Place) else place.project
        where = f"{need.name} ({need.service}, {whose}, {place.region})"
        out.print(Text.assemble(_SIGNS[one.standing], f" {where}: {one.detail}"))
        for why in need.why:
            out.print(Text(f"    {why}"))
