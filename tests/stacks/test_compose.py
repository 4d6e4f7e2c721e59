"""From settings to resources: providers, the order of endpoints in one namespace, and the outputs."""

from typing import Any

import pulumi
import pytest

import compose as program
from compose import compose
from modelberth.errors import SpecError
from modelberth.spec import parse
from settings import Settings
from support import aws_plans
from support.endpoint_plans import IMAGE, REMOTE
from support.recording import Recorder, recorder, run

__all__ = ["recorder"]

LOCAL = {"name": "dev", "model": {"uri": "model.onnx"}, "target": {"kind": "local"}}
GATEWAY = {"kind": "gateway", "gateway": "web", "namespace": "gateways"}


def endpoint(name: str, target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    target = {"kind": "kubernetes", "image": IMAGE, **(target or {})}
    return {"name": name, "model": REMOTE, **spec, "target": target}


def settings(*endpoints: dict[str, Any]) -> Settings:
    return parse(Settings, {"endpoints": [*endpoints]})


def composed(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, *endpoints: dict[str, Any]
) -> dict[str, Any]:
    """The stack's outputs."""
    exported: dict[str, Any] = {}
    with monkeypatch.context() as replaced:
        replaced.setattr(pulumi, "export", exported.__setitem__)
        run(recorder, lambda: compose(settings(*endpoints)))
    return exported


def problems(*endpoints: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as refused:
        settings(*endpoints)
    return [str(problem) for problem in refused.value.problems]


def providers(recorder: Recorder) -> list[tuple[str, str]]:
    return sorted(
        (one.type.removeprefix("pulumi:providers:"), one.name)
        for one in recorder.resources
        if one.type.startswith("pulumi:providers:")
    )


def of(recorder: Recorder, name: str) -> set[str]:
    """The providers' names of all that is below a resource."""
    below = [one for one in recorder.resources if one.name.startswith(f"{name}-kubernetes-")]
    assert len(below) > 8
    return {one.provider.split("::")[-2] for one in below}


def dependencies(recorder: Recorder, name: str) -> set[str]:
    return {urn.rpartition("::")[2] for urn in recorder.named(name).dependencies}


def test_a_provider_is_made_once_for_a_cluster(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    composed(recorder, monkeypatch, endpoint("one"), endpoint("two", {"namespace": "other"}))
    assert providers(recorder) == [("kubernetes", "kubernetes"), ("modelberth", "cluster")]
    assert of(recorder, "one") == of(recorder, "two") == {"kubernetes", "cluster"}
    assert recorder.named("kubernetes").inputs == {"enableConfigMapMutable": "true"}


def test_two_contexts_are_two_clusters(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = "arn:aws:eks:eu-central-1:123456789012:cluster/lab"
    composed(recorder, monkeypatch, endpoint("one", {"context": "lab"}), endpoint("two", {"context": arn}))
    assert providers(recorder) == [
        ("kubernetes", f"kubernetes-{arn}"),
        ("kubernetes", "kubernetes-lab"),
        ("modelberth", f"cluster-{arn}"),
        ("modelberth", "cluster-lab"),
    ]
    assert recorder.named("kubernetes-lab").inputs["context"] == "lab"
    assert of(recorder, "one") == {"kubernetes-lab", "cluster-lab"}
    for name, context in (("one", "lab"), ("two", arn)):
        assert recorder.named(f"{name}-kubernetes-requirements").inputs["context"] == context


def test_a_cluster_and_this_machine_in_one_stack(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = composed(recorder, monkeypatch, LOCAL, endpoint("iris"))
    assert providers(recorder) == [
        ("kubernetes", "kubernetes"),
        ("modelberth", "cluster"),
        ("modelberth", "local"),
    ]
    assert exported["endpoints"].keys() == {"dev", "iris"}
    assert {one["target"] for one in exported["endpoints"].values()} == {"local", "kubernetes"}
    assert "::local::" in recorder.named("dev-local-process").provider
    assert of(recorder, "iris") == {"kubernetes", "cluster"}


@pytest.mark.parametrize("order", [("maker", "guest"), ("guest", "maker")])
def test_who_makes_a_namespace_comes_before_who_lives_in_it(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    both = {"maker": endpoint("maker", {"create_namespace": True}), "guest": endpoint("guest")}
    composed(recorder, monkeypatch, *(both[name] for name in order))
    asked = recorder.named("guest-kubernetes-requirements").inputs
    assert asked["namespaceExpected"] is False
    assert asked["configPath"] == f"endpoints[{order.index('guest')}]"
    first = "maker-kubernetes-namespace"
    for role in ("network", "service-account", "api-key"):
        assert dependencies(recorder, f"guest-kubernetes-{role}") == {first, "guest-kubernetes-requirements"}
    assert dependencies(recorder, "guest-kubernetes-deployment").isdisjoint({first})
    waits_for_pods = [
        one.name
        for one in recorder.resources
        if one.name.startswith("guest-")
        and any(urn.endswith("::maker-kubernetes-deployment") for urn in one.dependencies)
    ]
    assert waits_for_pods == [], "only the namespace is waited for"


def test_a_namespace_of_another_cluster_or_name_is_another(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed(
        recorder,
        monkeypatch,
        endpoint("maker", {"create_namespace": True, "context": "lab"}),
        endpoint("elsewhere", {"context": "field"}),
        endpoint("beside", {"namespace": "beside", "context": "lab"}),
    )
    for name in ("elsewhere", "beside"):
        assert recorder.named(f"{name}-kubernetes-requirements").inputs["namespaceExpected"] is True
        assert dependencies(recorder, f"{name}-kubernetes-network") == {f"{name}-kubernetes-requirements"}


def test_one_namespace_is_made_by_one_endpoint() -> None:
    makes = {"create_namespace": True}
    (problem,) = problems(endpoint("one", makes), endpoint("two"), endpoint("six", makes))
    assert problem == (
        "endpoints[2].target.create_namespace: given true, allowed: false, since "
        "endpoints[0].target.create_namespace makes the same namespace"
    )
    settings(endpoint("one", makes), endpoint("two", {**makes, "namespace": "other"}))
    settings(endpoint("one", makes), endpoint("two", {**makes, "context": "other"}))


def routed(name: str, route: dict[str, Any], host: str = "models.example.com", **spec: Any) -> dict[str, Any]:
    target = {"route": route, **spec.pop("target", {})}
    return endpoint(name, target, **spec, security={"tls": {"domain": host}})


TRITON = {"runtime": {"engine": "triton", "image": IMAGE}}
TENSORFLOW = {
    "runtime": {"engine": "tensorflow-serving", "image": IMAGE},
    "model": {**REMOTE, "format": "savedmodel"},
}


@pytest.mark.parametrize(
    ("second", "is_taken"),
    [
        (routed("two", GATEWAY), True),
        (routed("two", {**GATEWAY, "section": "https"}), True),
        (routed("two", GATEWAY, **TRITON), True),
        (routed("two", GATEWAY, host="other.example.com"), False),
        (routed("two", {**GATEWAY, "gateway": "internal"}), False),
        (routed("two", GATEWAY, target={"context": "other"}), False),
        (routed("two", {"kind": "ingress"}), False),
        (endpoint("two"), False),
    ],
)
def test_a_host_leads_to_one_endpoint(second: dict[str, Any], is_taken: bool) -> None:
    first = routed("one", GATEWAY)
    if not is_taken:
        assert len(settings(first, second).endpoints) == 2
        return
    (problem,) = problems(first, second)
    assert problem == (
        "endpoints[1].security.tls.domain: given 'models.example.com', allowed: one that does not lead to "
        "endpoints[0] already, by the same paths"
    )


def test_one_host_leads_to_two_engines_that_share_no_path() -> None:
    settings(routed("one", GATEWAY, **TRITON), routed("two", GATEWAY, **TENSORFLOW))


def test_all_endpoints_are_checked_before_anything_is_made(recorder: Recorder) -> None:
    bad = endpoint("two", {"image": None, "otlp": "http://collector:4318"})
    with pytest.raises(SpecError) as refused:
        run(recorder, lambda: compose(settings(endpoint("one"), bad, endpoint("six", {"engine": "ray"}))))
    paths = [problem.path for problem in refused.value.problems]
    assert paths == ["endpoints[1].target.image", "endpoints[1].target.otlp", "endpoints[2].runtime.engine"]
    assert [one.type for one in recorder.resources if one.type != "pulumi:pulumi:Stack"] == []


def test_the_outputs_name_every_endpoint(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    exported = composed(recorder, monkeypatch, endpoint("two"), endpoint("one", {"create_namespace": True}))
    assert exported["version"] == program.VERSION
    assert exported["endpoints"]["one"]["url"] == "http://shop-dev-one.modelberth.svc.cluster.local"
    assert sorted(exported["endpoints"]) == ["one", "two"]


def test_a_host_is_the_whole_of_an_http_api() -> None:
    """API Gateway refuses a second custom domain of one name, in the middle of an update."""
    one = {**aws_plans.MODES["api, own name"].config, "name": "one"}
    (problem,) = problems(one, {**one, "name": "two"})
    assert problem.startswith("endpoints[1].security.tls.domain: given 'iris.example.com'")
    tls = {**one["security"], "tls": {**one["security"]["tls"], "domain": "two.example.com"}}
    assert len(settings(one, {**one, "name": "two", "security": tls}).endpoints) == 2
