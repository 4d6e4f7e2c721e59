"""A Secret that is not there yet: made by a class of the Secrets Store CSI driver, or by nobody."""

from pathlib import Path
from typing import Any

import pytest

from modelberth.provider.kubernetes.requirements import Requirements
from modelberth.provider.resource import Settings
from support.kubernetes_api import KubernetesApi, status

API = "/apis/secrets-store.csi.x-k8s.io/v1"
CLASS = f"{API}/namespaces/team/secretproviderclasses/vault"
SECRET = {"apiVersion": "v1", "kind": "Secret", "path": "security.auth.secret", "name": "callers"}
WANTED = {**SECRET, "entries": ["keys"], "madeBy": ["vault"]}
KIND = {
    "apiVersion": "secrets-store.csi.x-k8s.io/v1",
    "kind": "SecretProviderClass",
    "path": "target.secret_provider_classes",
    "project": "the Secrets Store CSI driver",
    "install": "https://secrets-store-csi-driver.sigs.k8s.io/getting-started/installation",
}
OBJECT = {
    "apiVersion": KIND["apiVersion"],
    "kind": "SecretProviderClass",
    "path": "target.secret_provider_classes[0]",
    "name": "vault",
}


class Cluster:
    def __init__(self, api: KubernetesApi, folder: Path) -> None:
        self.api, self.folder = api, folder
        api.groups[API] = {"SecretProviderClass": ("secretproviderclasses", True)}
        api.objects["/api/v1/namespaces/team"] = {"metadata": {"name": "team"}}
        self.kubeconfig = api.kubeconfig(folder)

    def makes(self, **secrets: list[str]) -> None:
        """The class, with the entries of each Secret that it lists."""
        listed = [
            {"secretName": name, "type": "Opaque", "data": [{"key": key, "objectName": "x"} for key in keys]}
            for name, keys in secrets.items()
        ]
        spec = {"provider": "vault", **({"secretObjects": listed} if listed else {})}
        self.api.objects[CLASS] = {"metadata": {"name": "vault"}, "spec": spec}

    def told(self, *objects: dict[str, Any], kinds: Any = ()) -> list[str]:
        resource = Requirements(Settings(root=self.folder, state_dir=self.folder))
        inputs = {
            "kubeconfig": str(self.kubeconfig),
            "namespace": "team",
            "instance": "iris",
            "kinds": [*kinds],
            "objects": [*objects],
        }
        return [failure.reason for failure in resource.check(inputs, {}).failures]


@pytest.fixture
def cluster(api: KubernetesApi, tmp_path: Path) -> Cluster:
    return Cluster(api, tmp_path)


def test_a_secret_that_a_class_makes_need_not_be_there(cluster: Cluster) -> None:
    cluster.makes(callers=["keys", "more"], other=[])
    assert cluster.told(WANTED, OBJECT, kinds=[KIND]) == []


def test_what_a_class_makes_is_what_counts(cluster: Cluster) -> None:
    """A Secret that is there already is written anew by the driver."""
    cluster.makes(callers=["key"])
    secret = {"metadata": {"name": "callers"}, "data": {"keys": "eA=="}}
    for _ in range(2):
        (told,) = cluster.told(WANTED)
        assert told == (
            "security.auth.secret: given 'callers', allowed: a Secret with the entries keys. The "
            "secretObjects of SecretProviderClass vault give it key; it lacks keys."
        )
        cluster.api.objects["/api/v1/namespaces/team/secrets/callers"] = secret


@pytest.mark.parametrize("made", [{}, {"other": ["keys"]}])
def test_a_secret_that_nobody_makes_is_missing(cluster: Cluster, made: dict[str, list[str]]) -> None:
    cluster.makes(**made)
    (told,) = cluster.told(WANTED)
    assert told.startswith(
        "security.auth.secret: given 'callers', allowed: the name of an existing Secret in namespace team. "
    )
    assert told.endswith(
        "--from-file=keys=FILE, or list it in the secretObjects of SecretProviderClass vault"
    )
    secret = {"metadata": {"name": "callers"}, "data": {"keys": "eA=="}}
    cluster.api.objects["/api/v1/namespaces/team/secrets/callers"] = secret
    assert cluster.told(WANTED) == []


def test_a_class_that_is_missing_is_told_by_its_name_and_not_for_each_secret(cluster: Cluster) -> None:
    (told,) = cluster.told(WANTED, OBJECT, kinds=[KIND])
    assert told.startswith(
        "target.secret_provider_classes[0]: given 'vault', allowed: the name of an existing "
        "SecretProviderClass in namespace team."
    )


def test_a_driver_that_is_missing_is_told_with_the_way_to_have_it(cluster: Cluster) -> None:
    del cluster.api.groups[API]
    kind, *objects = cluster.told(WANTED, OBJECT, kinds=[KIND])
    assert "target.secret_provider_classes: given what needs SecretProviderClass, allowed: that only" in kind
    assert "there is no secrets-store.csi.x-k8s.io: install the Secrets Store CSI driver first. See " in kind
    assert kind.endswith(KIND["install"])
    (told,) = objects
    assert told.startswith("target.secret_provider_classes[0]: given 'vault', allowed: an existing Secret")


def test_who_may_not_see_the_class_is_believed(cluster: Cluster) -> None:
    cluster.api.answers["GET", CLASS] = status(403, "Forbidden", "not for ada")
    assert cluster.told(WANTED, OBJECT) == []
