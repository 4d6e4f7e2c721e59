"""Who may call, and that no pod and no manifest has a key in it."""

import hashlib
import json
from typing import Any

import pytest

from modelberth.kubernetes.authentication import (
    authentication,
    checks_callers,
    credentials,
    generates_key,
    key_secret,
    problems,
)
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.pods.part import PodPart
from modelberth_server.access.api_keys import parse_keys
from support.endpoint_plans import plan
from support.route_modes import API_KEY, DOMAIN, ENVOY, GATEWAY, JWT, STORE, manifests, modes, routed
from support.workload_modes import of_engine

FOREIGN = ("tensorflow-serving", "triton", "vllm")
KEY_FILE = "/var/run/secrets/modelberth/api-keys/keys"


def part(made: Plan) -> PodPart:
    return authentication(made, made.main)


def test_it_is_on_by_default_with_a_key_that_is_generated() -> None:
    made = plan()
    found = part(made)
    assert found.env == {"MODELBERTH_API_KEYS_FILE": KEY_FILE}
    (volume,) = found.volumes
    assert volume["secret"] == {
        "secretName": f"{made.name}-api-keys",
        "defaultMode": 0o440,
        "items": [{"key": "keys", "path": "keys"}],
    }
    (mount,) = found.mounts
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    assert KEY_FILE.startswith(mount["mountPath"] + "/")
    assert "subPath" not in mount
    assert generates_key(made)


@pytest.mark.parametrize(
    ("auth", "target", "secret", "is_generated"),
    [
        ({"kind": "platform"}, {}, "OWN", True),
        ({"kind": "platform"}, STORE, "OWN", True),
        ({"kind": "api_key"}, {}, "OWN", True),
        ({"kind": "api_key", "secret": "iris-keys"}, {}, "iris-keys", False),
        ({"kind": "api_key", "secret": "team/iris"}, STORE, "OWN", False),
        (JWT, {}, None, False),
        ({"kind": "none"}, {}, None, False),
    ],
)
def test_the_secret_is_the_named_one_or_the_endpoint_s_own(
    auth: dict[str, str], target: dict[str, Any], secret: str | None, is_generated: bool
) -> None:
    made = plan(target, security={"auth": auth})
    assert key_secret(made) == (f"{made.name}-api-keys" if secret == "OWN" else secret)
    assert generates_key(made) is is_generated
    mounted = [volume["secret"]["secretName"] for volume in part(made).volumes]
    assert mounted == [one for one in [key_secret(made)] if one]


def test_the_header_of_keys_and_the_issuer_of_tokens_are_told() -> None:
    keyed = plan(security={"auth": {"kind": "api_key", "header": "x-team-key"}})
    assert part(keyed).env["MODELBERTH_API_KEY_HEADER"] == "x-team-key"
    env = {"MODELBERTH_JWT_ISSUER": "https://login.example.com", "MODELBERTH_JWT_AUDIENCE": "iris"}
    assert part(plan(security={"auth": JWT})) == PodPart(env=env)
    with_keys = routed({**ENVOY, "jwks": "https://login.example.com/keys"}, security={"auth": JWT})
    assert part(with_keys).env == {**env, "MODELBERTH_JWT_JWKS": "https://login.example.com/keys"}
    assert part(plan(security={"auth": {"kind": "none"}})) == PodPart()


def test_a_custom_image_is_set_up_as_ours_and_other_servers_are_not() -> None:
    assert part(of_engine("custom")).env == {"MODELBERTH_API_KEYS_FILE": KEY_FILE}
    for engine in FOREIGN:
        made = of_engine(engine)
        assert not checks_callers(made.spec)
        assert part(made) == PodPart()


def test_a_store_s_key_becomes_a_line_with_its_digest() -> None:
    made = plan(STORE, security={"auth": API_KEY})
    (found,) = credentials(made).values()
    assert found["spec"]["data"] == [{"secretKey": "key", "remoteRef": {"key": "team/iris-key"}}]
    target = found["spec"]["target"]
    assert target["name"] == key_secret(made)
    # As External Secrets' template engine fills it, the key itself is in no entry of the Secret.
    template = "default {{ .key | trim | sha256sum }}\n"
    assert target["template"]["data"] == {"keys": template}
    filled = template.replace("{{ .key | trim | sha256sum }}", hashlib.sha256(b"a-key").hexdigest())
    assert parse_keys(filled.encode()) == {hashlib.sha256(b"a-key").digest(): "key:default"}


def test_envoy_gets_the_key_itself_where_it_checks() -> None:
    (found,) = credentials(modes()["envoy, tensorflow-serving"]).values()
    assert found["spec"]["target"]["template"]["data"] == {"default": "{{ .key | trim }}"}


def test_a_store_s_certificate_becomes_a_tls_secret() -> None:
    made = modes()["service, secrets from a store"]
    assert sorted(credentials(made)) == ["api-keys", "tls"]
    found = credentials(made)["tls"]["spec"]
    assert found["dataFrom"] == [{"extract": {"key": "iris-certificate"}}]
    assert found["target"]["template"]["type"] == "kubernetes.io/tls"
    assert found["secretStoreRef"] == {"name": "vault", "kind": "ClusterSecretStore"}
    assert found["target"]["name"] == f"{made.name}-tls"


def test_without_a_store_nothing_is_filled() -> None:
    assert credentials(plan(security={"auth": {"kind": "api_key", "secret": "iris-keys"}})) == {}
    assert credentials(plan(STORE)) == {}


def test_no_manifest_is_a_secret() -> None:
    kinds = [one["kind"] for made in modes().values() for one in manifests(made).values()]
    assert len(kinds) > 30
    assert "Secret" not in kinds
    for made in modes().values():
        for name in part(made).env:
            assert not name.endswith(("_KEY", "_TOKEN", "_PASSWORD", "_SECRET"))


@pytest.mark.parametrize("mode", list(modes()))
def test_no_mode_has_a_problem(mode: str) -> None:
    made = modes()[mode]
    assert [*problems(made.spec, made.target)] == []


@pytest.mark.parametrize("engine", FOREIGN)
@pytest.mark.parametrize(
    ("route", "auth", "path"),
    [
        ({"kind": "service"}, {"kind": "platform"}, "security.auth.kind"),
        ({"kind": "service"}, JWT, "security.auth.kind"),
        (GATEWAY, {"kind": "api_key", "secret": "keys"}, "security.auth.kind"),
        (GATEWAY, JWT, "security.auth.kind"),
        (ENVOY, {"kind": "platform"}, "security.auth.kind"),
        (ENVOY, {"kind": "api_key"}, "security.auth.secret"),
        (ENVOY, JWT, "target.route.jwks"),
        (ENVOY, {"kind": "api_key", "secret": "keys"}, None),
        ({"kind": "service"}, {"kind": "none"}, None),
    ],
)
def test_what_nobody_would_check_is_refused(
    engine: str, route: dict[str, Any], auth: dict[str, Any], path: str | None
) -> None:
    made = of_engine(engine, target={"route": route}, security={**DOMAIN, "auth": auth})
    assert [one.path for one in problems(made.spec, made.target)] == [one for one in [path] if one]


def test_references_that_no_secret_can_have_are_refused() -> None:
    named = plan(security={"auth": {"kind": "api_key", "secret": "arn:aws:secretsmanager:x"}})
    (problem,) = problems(named.spec, named.target)
    assert problem.path == "security.auth.secret"
    assert "arn:" not in json.dumps(str(problem))
