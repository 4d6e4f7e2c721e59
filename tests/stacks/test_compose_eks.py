"""Endpoints in EKS in a stack: their providers, and clusters and namespaces that they share."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from compose import compose
from modelberth.errors import SpecError
from modelberth.spec import parse
from settings import Settings, namespace_of
from support.aws_eks import EXISTING, NEW, EksMonitor, EksRecorder, config


def named(name: str, *given: Any, **fields: Any) -> dict[str, Any]:
    return {**config(*given, **fields), "name": name}


def settings(*endpoints: dict[str, Any]) -> Settings:
    return parse(Settings, {"endpoints": [*endpoints]})


def composed(monkeypatch: pytest.MonkeyPatch, *endpoints: dict[str, Any]) -> EksRecorder:
    recorder = EksRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=EksMonitor(recorder))
    monkeypatch.setattr(pulumi, "export", lambda *_: None)
    pulumi.runtime.test(lambda: compose(settings(*endpoints)))()
    return recorder


def providers(recorder: EksRecorder) -> list[str]:
    return sorted(one.name for one in recorder.resources if one.type.startswith("pulumi:providers:"))


def test_aws_and_our_own_provider_are_the_stack_s_and_a_cluster_s_its_endpoint_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = composed(monkeypatch, named("iris"), named("rose", NEW))
    place = "aws-123456789012-eu-central-1"
    assert providers(recorder) == [
        place,
        "cluster",
        "iris-eks-provider",
        "rose-eks-cluster-provider",
    ]
    made_by = {
        one.type.partition(":")[0]: one.provider.split("::")[-2]
        for one in recorder.resources
        if one.type.startswith(("aws:", "modelberth:kubernetes:"))
    }
    assert made_by == {"aws": place, "modelberth": "cluster"}
    assert recorder.named(place).inputs["allowedAccountIds"] == '["123456789012"]'


def test_who_makes_a_namespace_of_a_cluster_comes_before_who_lives_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant, maker = named("tenant"), named("maker", EXISTING, {"create_namespace": True})
    recorder = composed(monkeypatch, tenant, maker)
    (namespace,) = recorder.of("Namespace")
    (account,) = [one for one in recorder.of("ServiceAccount") if one.name.startswith("tenant")]
    assert any(urn.endswith(f"::{namespace.name}") for urn in account.dependencies)


def test_a_namespace_is_made_once_in_a_cluster_and_once_more_in_another() -> None:
    space = {"create_namespace": True}
    with pytest.raises(SpecError, match=r"endpoints\[1\].target.create_namespace"):
        settings(named("one", EXISTING, space), named("two", EXISTING, space))
    settings(named("one", EXISTING, space), named("two", {"kind": "existing", "name": "other"}, space))
    found = settings(named("one", NEW, space), named("two", NEW, space))
    # A cluster that is made is its endpoint's own.
    assert [namespace_of(each.target) for each in found.endpoints] == [None, None]


def test_a_host_leads_to_one_endpoint_of_a_cluster() -> None:
    route = {"route": {"kind": "gateway", "gateway": "web", "namespace": "gateways"}}
    tls = {"security": {"tls": {"domain": "models.example.com"}}}
    with pytest.raises(SpecError, match=r"endpoints\[1\].security.tls.domain"):
        settings(named("one", EXISTING, route, **tls), named("two", EXISTING, route, **tls))
    settings(named("one", EXISTING, route, **tls), named("two", NEW, route, **tls))
