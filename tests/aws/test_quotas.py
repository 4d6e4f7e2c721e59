"""What endpoints need of an account's quotas, and what AWS says that it has, where it can be asked."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from moto import mock_aws

from modelberth.aws.place import Place
from modelberth.aws.quotas import Need, needs
from modelberth.cli import quota
from modelberth.cli.quota import Standing, answers
from modelberth.spec import EndpointDeployment, parse
from support import aws_eks, aws_plans, aws_sagemaker

PLACE: Final = Place("123456789012", "eu-central-1")
VPCS: Final = "L-F678F1CE"
"""Of the few that moto knows."""


def deployed(config: Mapping[str, Any]) -> EndpointDeployment:
    return parse(EndpointDeployment, config)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def need(value: int, *, code: str | None = VPCS, name: str = "VPCs per Region") -> Need:
    return Need(PLACE, "vpc", name, code, value, ("iris",))


def test_functions_share_what_an_account_has() -> None:
    two = [deployed(aws_plans.mode(scaling={"min": 0, "max": most}).config) for most in (10, 30)]
    (found,) = needs(two)
    assert (found.service, found.code, found.value) == ("lambda", "L-B99A9384", 10 + 30 + 100)
    assert found.why == ("iris reserves 10", "iris reserves 30")


@pytest.mark.parametrize(
    ("rollout", "value"),
    [({"strategy": "rolling"}, 3), ({"strategy": "canary"}, 6), ({"strategy": "blue_green"}, 6)],
)
def test_a_fleet_stands_twice_while_it_is_replaced(rollout: Mapping[str, Any], value: int) -> None:
    target = {"mode": {"kind": "real_time", "instance_type": "ml.g5.xlarge"}}
    config = aws_sagemaker.mode(target, scaling={"min": 1, "max": 3}, rollout=rollout).config
    (found,) = needs([deployed(config)])
    assert (found.name, found.code, found.value) == ("ml.g5.xlarge for endpoint usage", None, value)


def test_a_serverless_endpoint_has_no_instances() -> None:
    assert needs([deployed(aws_sagemaker.mode(aws_sagemaker.SERVERLESS).config)]) == ()


def test_nodes_with_gpus_count_their_processors_by_market() -> None:
    config = aws_eks.config(
        target={"gpu_pool": aws_eks.POOL}, **{**aws_eks.GPU, "scaling": {"min": 1, "max": 4}}
    )
    found = {one.code: one.value for one in needs([deployed(config)])}
    assert found == {"L-DB2E81BA": 4, "L-3819A6DF": 12}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("value", "standing"), [(5, Standing.ENOUGH), (6, Standing.TOO_SMALL)])
def test_a_quota_is_read_where_there_are_credentials(value: int, standing: Standing) -> None:
    (found,) = answers([need(value)])
    assert (found.standing, found.value) == (standing, 5)
    assert ("request-service-quota-increase" in found.detail) is (standing is Standing.TOO_SMALL)


@pytest.mark.usefixtures("aws")
def test_another_accounts_credentials_are_told_and_not_used() -> None:
    other = Need(Place("210987654321", "eu-central-1"), "vpc", "VPCs per Region", VPCS, 1, ("iris",))
    (found,) = answers([other])
    assert found.standing is Standing.SKIPPED
    assert found.detail == "the credentials are of account 123456789012, not 210987654321"


class Unlisted:
    """Knows the account and no quota, as Service Quotas does for one that it has not got in a region."""

    class exceptions:  # noqa: N801 - as botocore calls it
        class NoSuchResourceException(Exception):  # noqa: N818 - as AWS calls it
            pass

    def __init__(self, default: float | None = None) -> None:
        self.default = default

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": PLACE.account}

    def get_service_quota(self, **_: Any) -> Any:
        raise self.exceptions.NoSuchResourceException

    def get_aws_default_service_quota(self, **asked: Any) -> Any:
        if self.default is None:
            raise self.exceptions.NoSuchResourceException
        return {"Quota": {**asked, "QuotaName": "VPCs per Region", "Value": self.default}}


@pytest.mark.parametrize(
    ("default", "standing"), [(None, Standing.SKIPPED), (5.0, Standing.ENOUGH), (0.0, Standing.TOO_SMALL)]
)
def test_a_quota_that_the_account_never_had_is_aws_default(default: float | None, standing: Standing) -> None:
    (found,) = answers([need(1)], lambda *_, **__: Unlisted(default))
    assert (found.standing, found.value) == (standing, default)


def test_without_credentials_it_is_skipped_with_a_word() -> None:
    def client(*_: object, **__: object) -> Any:
        raise NoCredentialsError

    (found,) = answers([need(1)], client)
    assert found.standing is Standing.SKIPPED
    assert "Unable to locate credentials" in found.detail


def test_an_error_that_is_none_of_aws_is_not_swallowed() -> None:
    def client(*_: object, **__: object) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answers([need(1)], client)


def test_without_the_sdk_it_is_skipped_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *more: Any) -> Any:
        if name == "boto3":
            raise ModuleNotFoundError(name=name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", missing)
    (found,) = quota.answers([need(1)])
    assert (found.standing, found.detail) == (Standing.SKIPPED, "boto3 is not installed: pip install boto3")


def test_a_quota_without_a_code_is_found_by_its_name() -> None:
    class Pages:
        def __init__(self, quotas: list[dict[str, Any]]) -> None:
            self.quotas = quotas

        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            return [{"Quotas": []}, {"Quotas": self.quotas}]

    class Client:
        def get_caller_identity(self) -> dict[str, str]:
            return {"Account": PLACE.account}

        def get_paginator(self, operation: str) -> Pages:
            own = {"QuotaName": "ml.g5.xlarge for endpoint usage", "QuotaCode": "L-1928E07B", "Value": 2.0}
            return Pages([own] if operation == "list_service_quotas" else [{**own, "Value": 0.0}])

    wanted = [need(count, code=None, name="ml.g5.xlarge for endpoint usage") for count in (2, 3)]
    found = answers(wanted, lambda *_, **__: Client())
    assert [one.standing for one in found] == [Standing.ENOUGH, Standing.TOO_SMALL]
    assert "--quota-code L-1928E07B --desired-value 3" in found[1].detail


@pytest.mark.usefixtures("aws")
def test_the_client_is_that_of_boto3() -> None:
    operations = boto3.client("service-quotas", region_name="eu-central-1")
    for name in ("get_service_quota", "get_aws_default_service_quota"):
        assert hasattr(operations, name)
    for name in ("list_service_quotas", "list_aws_default_service_quotas"):
        assert operations.can_paginate(name)
