"""The way into a cluster: by its DNS name or its address, with a plugin's tokens and no secret."""

import json
import os
from pathlib import Path

import pytest

from kubernetes import client
from kubernetes import config as config_loader
from modelberth.gcp.gke.kubeconfig import kubeconfig
from support.gcp_gke import ADDRESS, DNS_NAME, MODES, config, made

GOLDEN = Path(__file__).parent / "golden" / "kubeconfig.json"


def test_the_document_of_a_cluster() -> None:
    found = json.loads(kubeconfig("iris", DNS_NAME, None))
    assert found == json.loads(GOLDEN.read_text())
    assert kubeconfig("iris", DNS_NAME, None) == kubeconfig("iris", DNS_NAME, None)


@pytest.mark.parametrize("which", ["existing", "autopilot", "everything"])
@pytest.mark.parametrize("dns", [True, False])
def test_the_dns_name_comes_first_and_an_address_needs_a_certificate(which: str, *, dns: bool) -> None:
    recorder, _ = made(MODES[which], dns=dns)
    (provider,) = recorder.of("kubernetes")
    (cluster,) = json.loads(provider.inputs["kubeconfig"])["clusters"]
    if dns:
        # Its certificate is a public one, which the cluster's own authority has not signed.
        assert cluster["cluster"] == {"server": f"https://{DNS_NAME}"}
    else:
        assert cluster["cluster"] == {"server": f"https://{ADDRESS}", "certificate-authority-data": "Q0E="}


def test_no_secret_stands_in_it() -> None:
    recorder, _ = made(config())
    (provider,) = recorder.of("kubernetes")
    (user,) = json.loads(provider.inputs["kubeconfig"])["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"


def test_the_client_asks_the_plugin_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "status": {"token": "of-one-s-own-login"},
    }
    plugin = tmp_path / "gke-gcloud-auth-plugin"
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(told)}'\n")
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    configuration = client.Configuration()
    document = json.loads(kubeconfig("iris", DNS_NAME, None))
    config_loader.load_kube_config_from_dict(document, client_configuration=configuration)
    assert configuration.host == f"https://{DNS_NAME}"
    assert configuration.api_key == {"BearerToken": "Bearer of-one-s-own-login"}
