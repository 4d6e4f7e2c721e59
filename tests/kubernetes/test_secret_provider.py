"""Secrets by the Secrets Store CSI driver: volumes of every pod, and what is asked of the cluster."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from modelberth.errors import SpecError
from modelberth.kubernetes.checks import check
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.preflight.needs import needs
from modelberth.kubernetes.stages import stages
from support.endpoint_modes import MODES
from support.endpoint_plans import plan
from support.route_modes import STORE

CLASSES = ["vault", "team.keys"]
SECRETS = {"auth": {"kind": "api_key", "secret": "iris-keys"}}


def pods(value: Any) -> Iterator[Mapping[str, Any]]:
    """The specs of pods in a manifest, at any depth."""
    match value:
        case {"containers": list()}:
            yield value
        case Mapping():
            yield from (pod for part in value.values() for pod in pods(part))
        case list():
            yield from (pod for part in value for pod in pods(part))


@pytest.mark.parametrize(
    ("mode", "count"), [("service", 1), ("KServe", 1), ("KServe, vllm", 1), ("Ray", 2), ("canary", 2)]
)
def test_every_pod_mounts_every_class_read_only(mode: str, count: int) -> None:
    target = MODES[mode].target.model_copy(update={"secret_provider_classes": tuple(CLASSES)})
    made = Plan.of(MODES[mode].deployment.spec, target, "shop", "onprem")
    found = [pod for one in stages(made).pods.values() for pod in pods(one)]
    assert len(found) == count
    for pod in found:
        volumes = {one["name"]: one["csi"] for one in pod["volumes"] if "csi" in one}
        assert [*volumes.values()] == [
            {
                "driver": "secrets-store.csi.k8s.io",
                "readOnly": True,
                "volumeAttributes": {"secretProviderClass": name},
            }
            for name in CLASSES
        ]
        (server,) = pod["containers"]
        mounts = [one for one in server["volumeMounts"] if one["name"] in volumes]
        assert mounts == [
            {"name": name, "mountPath": f"/var/run/secrets/modelberth/provided/{of}", "readOnly": True}
            for name, of in zip(volumes, CLASSES, strict=True)
        ]


def test_without_a_class_there_is_no_such_volume() -> None:
    (pod,) = [pod for one in stages(plan()).pods.values() for pod in pods(one)]
    assert not [one for one in pod["volumes"] if "csi" in one]


def test_the_kind_and_each_class_are_asked_for_and_what_they_may_make_of_secrets() -> None:
    made = plan({"secret_provider_classes": CLASSES, "registry": {"pull_secret": "pull"}}, security=SECRETS)
    asked = needs(made, stages(made))
    (kind,) = [one for one in asked.kinds if one.kind == "SecretProviderClass"]
    assert (kind.api_version, kind.path) == (
        "secrets-store.csi.x-k8s.io/v1",
        "target.secret_provider_classes",
    )
    assert kind.project == "the Secrets Store CSI driver"
    assert {(one.path, one.kind, one.name, tuple(one.made_by)) for one in asked.objects} == {
        ("target.secret_provider_classes[0]", "SecretProviderClass", "vault", ()),
        ("target.secret_provider_classes[1]", "SecretProviderClass", "team.keys", ()),
        ("target.registry.pull_secret", "Secret", "pull", tuple(CLASSES)),
        ("security.auth.secret", "Secret", "iris-keys", tuple(CLASSES)),
    }
    without = plan(security=SECRETS)
    assert not [one for one in needs(without, stages(without)).kinds if one.kind == "SecretProviderClass"]


def test_the_two_ways_of_secrets_go_together() -> None:
    """External Secrets fills two by name, a class whatever it lists."""
    made = plan(
        {**STORE, "secret_provider_classes": CLASSES, "registry": {"pull_secret": "pull"}}, security=SECRETS
    )
    assert check(made.spec, made.target) == ()
    assert {one.name: tuple(one.made_by) for one in needs(made, stages(made)).objects} == {
        "vault": (),
        "team.keys": (),
        "pull": tuple(CLASSES),
    }


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (
            ["vault", "keys", "vault"],
            "target.secret_provider_classes[2]: given 'vault', allowed: each class once",
        ),
        (["Vault"], "target.secret_provider_classes[0]: given 'Vault', allowed: 1 to 253 lower-case letters"),
        (
            [f"c{place}" for place in range(9)],
            "target.secret_provider_classes: given a hidden value, allowed: at most 8 entries",
        ),
        ("vault", "target.secret_provider_classes: given a hidden value, allowed: a list"),
    ],
)
def test_bad_input_is_told(classes: Any, told: str) -> None:
    with pytest.raises(SpecError) as refused:
        plan({"secret_provider_classes": classes})
    assert told in str(refused.value)
