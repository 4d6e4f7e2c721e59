"""The real process: who is let in over HTTP and HTTPS."""

import hashlib
from pathlib import Path

import httpx
import pytest

from serving.authorities import Authority
from serving.models import ModelFile
from serving.processes import Launch, predict, wait_until

ROW = [[5.1, 3.5, 1.4, 0.2]]
OPEN = ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready")
CLOSED = ("/v2/models/model", "/v1/models/model", "/v2")


def line(name: str, key: str) -> str:
    return f"{name} {hashlib.sha256(key.encode()).hexdigest()}\n"


def test_keys_and_rates(launch: Launch, iris: ModelFile, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(line("alice", "a") + line("bob", "b"))
    server = launch(iris.environ(MODELBERTH_API_KEYS_FILE=str(keys), MODELBERTH_RATE_LIMIT_PER_MINUTE="3"))
    server.wait_until_ready()
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert {client.get(path).status_code for path in OPEN} == {200}
        assert {client.get(path).status_code for path in CLOSED} == {401}
        refused = predict(client, ROW)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="modelberth"'
        assert refused.json()["error"].startswith("no credential: expected is a key in x-api-key")
        alice, bob = {"x-api-key": "a"}, {"authorization": "Bearer b"}
        assert [predict(client, ROW, headers=alice).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = predict(client, ROW, headers=alice)
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert predict(client, ROW, headers=bob).status_code == 200
        # The same connection still serves: a refusal ends nothing.
        assert client.get("/health/live").status_code == 200
        keys.write_text(line("carol", "c"))
        wait_until(
            lambda: predict(client, ROW, headers={"x-api-key": "c"}).status_code == 200,
            lambda: f"the new key does not open:\n{server.log}",
            server.process,
        )
        assert predict(client, ROW, headers=bob).status_code == 401
    assert "ERROR" not in server.log


def test_mutual_tls(launch: Launch, iris: ModelFile, tmp_path: Path) -> None:
    ours, callers = Authority(tmp_path, "ours"), Authority(tmp_path, "callers")
    pair = ours.issue("server")
    server = launch(
        iris.environ(
            MODELBERTH_TLS_CERT_FILE=str(pair.cert),
            MODELBERTH_TLS_KEY_FILE=str(pair.key),
            MODELBERTH_TLS_CLIENT_CA_FILE=str(callers.cert),
            MODELBERTH_RATE_LIMIT_PER_MINUTE="2",
        )
    )
    server.wait_until_ready()
    url = server.url.replace("http:", "https:")
    # The rate shows that the two are two callers, though their address is one.
    for name in ("team-a", "team-b"):
        with httpx.Client(base_url=url, verify=ours.client(callers.issue(name)), trust_env=False) as client:
            assert [predict(client, ROW).status_code for _ in range(3)] == [200, 200, 429]
    with httpx.Client(base_url=url, verify=ours.client(callers.issue(None)), trust_env=False) as client:
        assert predict(client, ROW).status_code == 403
    for bad in (None, Authority(tmp_path, "strangers").issue("team-a"), callers.issue("late", expired=True)):
        with (
            httpx.Client(base_url=url, verify=ours.client(bad), trust_env=False) as client,
            pytest.raises(httpx.TransportError),
        ):
            predict(client, ROW)
    with httpx.Client(base_url=server.url, trust_env=False) as client, pytest.raises(httpx.TransportError):
        predict(client, ROW)
    assert "ERROR" not in server.log


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"MODELBERTH_API_KEYS_FILE": "/nowhere"}, "MODELBERTH_API_KEYS_FILE: /nowhere: No such file"),
        ({"MODELBERTH_TLS_CERT_FILE": "/nowhere"}, "MODELBERTH_TLS_KEY_FILE: required"),
        ({"MODELBERTH_JWT_ISSUER": "https://issuer.example"}, "MODELBERTH_JWT_AUDIENCE: required"),
    ],
)
def test_a_bad_setting_ends_the_start(
    launch: Launch, iris: ModelFile, environ: dict[str, str], fault: str
) -> None:
    server = launch(iris.environ(**environ))
    assert server.exit_status() == 2
    assert fault in server.log
    assert "Traceback" not in server.log
