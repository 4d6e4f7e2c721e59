"""A registry inside the cluster: what is made, what it is told, and what is refused."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from modelberth import KubernetesRegistry, KubernetesRegistryArgs
from modelberth.kubernetes.registry.server import manifests, problems, requirements
from support.recording import Recorder, recorder, run

__all__ = ["recorder"]

IMAGE = f"docker.io/library/registry@sha256:{'a' * 64}"
OPEN = KubernetesRegistryArgs(namespace="images", image=IMAGE, tls=None, users=None)
CLOSED = replace(OPEN, tls="registry-tls", users="registry-users", callers=("models", "10.0.0.0/16"))
TYPES = {
    "shelf-deployment": "kubernetes:apps/v1:Deployment",
    "shelf-network": "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "shelf-requirements": "modelberth:kubernetes:Requirements",
    "shelf-service": "kubernetes:core/v1:Service",
    "shelf-volume": "kubernetes:core/v1:PersistentVolumeClaim",
}


def pod(args: KubernetesRegistryArgs) -> Any:
    return manifests(args, "shelf")["deployment"]["spec"]["template"]["spec"]


def server(args: KubernetesRegistryArgs) -> Any:
    (container,) = pod(args)["containers"]
    return container


def settings(args: KubernetesRegistryArgs) -> dict[str, str]:
    return {one["name"]: one["value"] for one in server(args)["env"]}


def test_the_tree_and_the_address(recorder: Recorder) -> None:
    box: list[KubernetesRegistry] = []
    run(recorder, lambda: box.append(KubernetesRegistry("shelf", CLOSED)))
    component, *rest = recorder.tree
    assert component == ("modelberth:index:KubernetesRegistry", "shelf", "shop-dev")
    assert {name: kind for kind, name, _ in rest} == TYPES
    assert {parent for _, _, parent in rest} == {"shelf"}
    for name in TYPES.keys() - {"shelf-requirements"}:
        (before,) = recorder.named(name).dependencies
        assert before.endswith("::shelf-requirements")
    assert box[0].address == "shop-dev-shelf.images.svc:5000"
    (outputs,) = [one for urn, one in recorder.outputs.items() if urn.endswith("::shelf")]
    assert outputs == {"address": box[0].address}
    assert recorder.named("shelf-service").inputs["metadata"]["name"] == "shop-dev-shelf"


@pytest.mark.parametrize("protect", [True, False])
def test_protect_holds_the_volume(recorder: Recorder, protect: bool) -> None:
    run(recorder, lambda: KubernetesRegistry("shelf", replace(OPEN, protect=protect)))
    assert recorder.named("shelf-volume").protect is protect


@pytest.mark.parametrize("args", [OPEN, CLOSED])
def test_the_pod_is_held(args: KubernetesRegistryArgs) -> None:
    spec, container = pod(args), server(args)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsUser"] >= 10000
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["image"] == IMAGE
    drained = int(settings(args)["REGISTRY_HTTP_DRAINTIMEOUT"].removesuffix("s"))
    assert drained < spec["terminationGracePeriodSeconds"]
    assert manifests(args, "shelf")["deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_secrets_are_mounted_and_read_where_it_is_told() -> None:
    volumes = {one["name"]: one for one in pod(CLOSED)["volumes"]}
    mounts = {one["name"]: one for one in server(CLOSED)["volumeMounts"]}
    told = settings(CLOSED)
    for name, secret, paths in (
        ("tls", "registry-tls", ["REGISTRY_HTTP_TLS_CERTIFICATE", "REGISTRY_HTTP_TLS_KEY"]),
        ("users", "registry-users", ["REGISTRY_AUTH_HTPASSWD_PATH"]),
    ):
        assert volumes[name]["secret"] == {"secretName": secret, "defaultMode": 0o440}
        assert mounts[name]["readOnly"] is True
        for path in paths:
            assert told[path].startswith(f"{mounts[name]['mountPath']}/")
    assert told["REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"] == mounts["data"]["mountPath"]
    assert all("valueFrom" not in one for one in server(CLOSED)["env"])


def test_without_them_nothing_of_them_is_told() -> None:
    assert not [name for name in settings(OPEN) if "TLS" in name or "AUTH" in name]
    assert [one["name"] for one in pod(OPEN)["volumes"]] == ["data"]


@pytest.mark.parametrize(("args", "scheme"), [(OPEN, "http"), (CLOSED, "https")])
def test_probes_and_the_service_speak_as_it_does(args: KubernetesRegistryArgs, scheme: str) -> None:
    for probe in ("readinessProbe", "livenessProbe"):
        assert server(args)[probe]["httpGet"] == {"path": "/", "port": "registry", "scheme": scheme.upper()}
    (port,) = manifests(args, "shelf")["service"]["spec"]["ports"]
    assert (port["name"], port["appProtocol"], port["port"]) == (scheme, scheme, 5000)


@pytest.mark.parametrize(
    ("callers", "peers"),
    [
        ((), [{"namespaceSelector": {}}]),
        (("10.0.0.0/16",), [{"ipBlock": {"cidr": "10.0.0.0/16"}}]),
        (
            ("models", "fd00::/8"),
            [
                {
                    "namespaceSelector": {
                        "matchExpressions": [
                            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["models"]}
                        ]
                    }
                },
                {"ipBlock": {"cidr": "fd00::/8"}},
            ],
        ),
    ],
)
def test_who_may_connect_and_that_it_connects_nowhere(callers: tuple[str, ...], peers: list[Any]) -> None:
    policy = manifests(replace(OPEN, callers=callers), "shelf")["network"]["spec"]
    assert policy["ingress"] == [{"from": peers, "ports": [{"protocol": "TCP", "port": 5000}]}]
    assert policy["egress"] == []
    assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_everything_selects_the_pod() -> None:
    made = manifests(OPEN, "shelf")
    labels = made["deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        made["deployment"]["spec"]["selector"]["matchLabels"],
        made["service"]["spec"]["selector"],
        made["network"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    claim = {"claimName": made["volume"]["metadata"]["name"]}
    assert pod(OPEN)["volumes"][0]["persistentVolumeClaim"] == claim


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (OPEN, {"storage_class": None}),
        (
            replace(CLOSED, storage_class="fast", pull_secret="site-pull"),
            {
                "tls": ("tls.crt", "tls.key"),
                "users": ("htpasswd",),
                "pull_secret": (".dockerconfigjson",),
                "storage_class": "fast",
            },
        ),
    ],
)
def test_the_cluster_is_asked_for_what_it_uses(
    args: KubernetesRegistryArgs, expected: dict[str, Any]
) -> None:
    asked = requirements(args, "shelf")
    assert {one.path: one.entries or one.name for one in asked.objects} == expected
    kinds = {one.kind for one in asked.permissions}
    assert {one["kind"] for one in manifests(args, "shelf").values()} <= kinds
    assert asked.namespace_expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"namespace": "Images"}, ["namespace"]),
        ({"image": "registry:3"}, ["image"]),
        ({"image": IMAGE.replace("@", ":3@")}, []),
        ({"tls": None}, ["tls"]),
        ({"users": None}, []),
        ({"size": "20"}, ["size"]),
        ({"size": "0Gi"}, ["size"]),
        ({"callers": ("models", "Shop", "10.0.0.1/16")}, ["callers[1]", "callers[2]"]),
        (
            {"tls": "Upper", "pull_secret": "a b", "storage_class": "x_y"},
            ["tls", "storage_class", "pull_secret"],
        ),
    ],
)
def test_what_no_cluster_would_take_is_refused(change: dict[str, Any], expected: list[str]) -> None:
    assert [problem.path for problem in problems(replace(CLOSED, **change))] == expected


def test_a_refusal_is_told_without_a_trace(recorder: Recorder) -> None:
    bad = replace(CLOSED, tls=None)
    with pytest.raises(pulumi.RunError, match="tls: given nothing, allowed: a Secret with a certificate"):
        run(recorder, lambda: KubernetesRegistry("shelf", bad))
    assert not [one for one in recorder.resources if one.type.startswith("kubernetes:")]


@pytest.mark.parametrize(("project", "start"), [("shop", "shop-dev-shelf"), ("3shop", "m-3shop-dev-shelf")])
def test_a_name_that_a_service_can_have(recorder: Recorder, project: str, start: str) -> None:
    pulumi.runtime.mocks.set_mocks(recorder, project=project, stack="dev")
    box: list[KubernetesRegistry] = []
    run(recorder, lambda: box.append(KubernetesRegistry("shelf", OPEN)))
    assert box[0].address == f"{start}.images.svc:5000"


def test_a_long_name_stays_one_label(recorder: Recorder) -> None:
    box: list[KubernetesRegistry] = []
    run(recorder, lambda: box.append(KubernetesRegistry("a" * 90, OPEN)))
    assert len(box[0].address.partition(".")[0]) <= 63
