"""Certificates: who issues them, for which names, and how the server gets them."""

from typing import Any

import pytest

from modelberth.kubernetes.encryption import certificate_secret, certificates, problems, tls
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.part import PodPart
from support.endpoint_plans import PREVIOUS, plan
from support.route_modes import DOMAIN, GATEWAY, INGRESS, ISSUER, STORE, modes, routed
from support.workload_modes import of_engine

TLS = {"kind": "service", "tls": True}
CERTIFICATE = {"domain": "iris.example.com", "certificate": "iris-certificate"}
FOLDER = "/var/run/secrets/modelberth"


def part(made: Plan) -> PodPart:
    return tls(made, made.main)


def certificate(made: Plan) -> Any:
    (manifest,) = certificates(made).values()
    return manifest["spec"]


def test_the_server_speaks_tls_with_the_issued_certificate() -> None:
    made = modes()["service, TLS"]
    assert part(made).env == {
        "MODELBERTH_TLS_CERT_FILE": f"{FOLDER}/tls/tls.crt",
        "MODELBERTH_TLS_KEY_FILE": f"{FOLDER}/tls/tls.key",
        "MODELBERTH_TLS_MIN_VERSION": "1.2",
    }
    (volume,) = part(made).volumes
    assert volume["secret"]["secretName"] == certificate(made)["secretName"] == certificate_secret(made)
    assert volume["secret"]["defaultMode"] == 0o440
    (mount,) = part(made).mounts
    assert mount == {"name": "tls", "mountPath": f"{FOLDER}/tls", "readOnly": True}


def test_callers_show_a_certificate_where_authorities_are_named() -> None:
    made = modes()["service, mTLS"]
    found = part(made)
    assert found.env["MODELBERTH_TLS_CLIENT_CA_FILE"] == f"{FOLDER}/client-ca/ca.crt"
    assert found.env["MODELBERTH_TLS_MIN_VERSION"] == "1.3"
    secrets = [volume["secret"]["secretName"] for volume in found.volumes]
    assert secrets == ["iris-certificate", "callers-ca"]
    assert [volume["secret"]["items"] for volume in found.volumes] == [
        [{"key": "tls.crt", "path": "tls.crt"}, {"key": "tls.key", "path": "tls.key"}],
        [{"key": "ca.crt", "path": "ca.crt"}],
    ]


def test_every_file_that_the_server_is_told_of_is_mounted() -> None:
    seen = 0
    for made in modes().values():
        found = part(made)
        folders = {mount["name"]: mount["mountPath"] for mount in found.mounts}
        files = {
            f"{folders[volume['name']]}/{item['path']}"
            for volume in found.volumes
            for item in volume["secret"]["items"]
        }
        told = {value for name, value in found.env.items() if name.endswith("_FILE")}
        assert told == files
        seen += len(told)
    assert seen >= 9


def test_the_certificate_has_every_name_of_the_services() -> None:
    made = plan({"route": TLS, "certificates": ISSUER}, security=DOMAIN)
    names = certificate(made)["dnsNames"]
    assert names[0] == "iris.example.com"
    for name in ("", ".modelberth", ".modelberth.svc", ".modelberth.svc.cluster.local"):
        assert f"{made.name}{name}" in names
    split = plan(
        {"route": TLS, "certificates": ISSUER}, rollout={"strategy": "blue_green", "previous": PREVIOUS}
    )
    for revision in split.revisions:
        assert f"{split.revision_name(revision)}.modelberth.svc" in certificate(split)["dnsNames"]
    assert len(set(certificate(split)["dnsNames"])) == len(certificate(split)["dnsNames"]) == 12


def test_an_ingress_has_its_host_s_certificate_alone() -> None:
    made = routed(INGRESS, {"certificates": {"issuer": "acme", "kind": "Issuer"}})
    assert certificate(made)["dnsNames"] == ["iris.example.com"]
    assert certificate(made)["issuerRef"] == {"group": "cert-manager.io", "kind": "Issuer", "name": "acme"}
    assert part(made) == PodPart()


@pytest.mark.parametrize(
    ("target", "security", "secret"),
    [
        ({"route": TLS, "certificates": ISSUER}, {}, "OWN"),
        ({"route": TLS}, {"tls": CERTIFICATE}, "iris-certificate"),
        ({"route": TLS, **STORE}, {"tls": {**CERTIFICATE, "certificate": "team/iris"}}, "OWN"),
    ],
)
def test_the_secret_is_the_named_one_or_the_endpoint_s_own(
    target: dict[str, Any], security: dict[str, Any], secret: str
) -> None:
    made = plan(target, security=security)
    assert certificate_secret(made) == (f"{made.name}-tls" if secret == "OWN" else secret)


@pytest.mark.parametrize("mode", list(modes()))
def test_no_mode_has_a_problem(mode: str) -> None:
    made = modes()[mode]
    assert [*problems(made.spec, made.target)] == []


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (plan({"route": TLS}), "target.certificates"),
        (routed(INGRESS), "target.certificates"),
        (
            plan({"route": TLS}, security={"tls": {**CERTIFICATE, "certificate": "arn:aws:acm:x"}}),
            "security.tls.certificate",
        ),
        (
            plan({"route": TLS, "certificates": ISSUER}, security={"tls": CERTIFICATE}),
            "target.certificates.issuer",
        ),
        (routed(GATEWAY, security={"tls": CERTIFICATE}), "security.tls.certificate"),
        (
            routed(GATEWAY, security={"tls": {**DOMAIN["tls"], "min_version": "1.3"}}),
            "security.tls.min_version",
        ),
        (plan(security={"tls": {"min_version": "1.3"}}), "security.tls.min_version"),
        (plan({"certificates": ISSUER}), "target.certificates.issuer"),
        (plan({"route": {"kind": "service", "client_ca": "ca"}}), "target.route.client_ca"),
        (plan(security=DOMAIN), "security.tls.domain"),
        (of_engine("triton", target={"route": TLS, "certificates": ISSUER}), "target.route.tls"),
    ],
)
def test_what_nothing_would_encrypt_with_is_refused(made: Plan, path: str) -> None:
    (problem,) = problems(made.spec, made.target)
    assert problem.path == path
    assert problem.given
    assert problem.allowed
