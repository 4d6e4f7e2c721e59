"""The key of an endpoint: made, rotated and removed, and never seen by anybody but the cluster."""

import base64
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelberth.provider.kubernetes.api_key import ApiKey
from modelberth.provider.kubernetes.key_secret import KeySecret
from modelberth.provider.resource import UNKNOWN, ResourceError, Settings
from modelberth_server.access.api_keys import parse_keys
from support.kubernetes_api import KubernetesApi, Seen, status

PATH = "/api/v1/namespaces/team/secrets/iris-api-keys"
OWN = {"app.kubernetes.io/managed-by": "modelberth"}


class Keys:
    """The resource with the fake API server behind it."""

    def __init__(self, api: KubernetesApi, folder: Path) -> None:
        self.api = api
        self.kubeconfig = str(api.kubeconfig(folder))
        self.resource = ApiKey(Settings(root=folder, state_dir=folder))
        self.seen_by_people: list[Any] = []

    def inputs(self, **changes: Any) -> dict[str, Any]:
        named = {"name": "iris-api-keys", "namespace": "team", "endpoint": "shop-dev-iris"}
        return {"kubeconfig": self.kubeconfig, **named, **changes}

    def create(self, **changes: Any) -> dict[str, Any]:
        made = self.resource.create(self.inputs(**changes), 0)
        assert made.id == "team/iris-api-keys"
        return self._kept(made.outputs)

    def update(self, outputs: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        return self._kept(self.resource.update("team/iris-api-keys", outputs, self.inputs(**changes), 0))

    def read(self, outputs: Mapping[str, Any]) -> dict[str, Any] | None:
        found = self.resource.read("team/iris-api-keys", self.inputs(), outputs)
        return None if found is None else self._kept(found.outputs)

    def delete(self, outputs: Mapping[str, Any]) -> None:
        self.resource.delete("team/iris-api-keys", outputs, 0)

    @property
    def secret(self) -> dict[str, Any]:
        return self.api.objects[PATH]

    @property
    def key(self) -> str:
        return base64.b64decode(self.secret["data"]["key"]).decode()

    @property
    def lines(self) -> list[str]:
        return base64.b64decode(self.secret["data"]["keys"]).decode().splitlines()

    def write(self, *lines: str) -> None:
        self.secret["data"]["keys"] = base64.b64encode("\n".join(lines).encode()).decode()

    def _kept(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """What goes to the engine has nothing of the key, in clear or encoded, nor its whole digest."""
        for hidden in (self.key, self.secret["data"]["key"], digest(self.key), self.secret["data"]["keys"]):
            assert hidden not in repr(outputs)
        return dict(outputs)


@pytest.fixture
def keys(api: KubernetesApi, tmp_path: Path) -> Keys:
    return Keys(api, tmp_path)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_a_key_is_made_that_the_server_takes(keys: Keys) -> None:
    outputs = keys.create(labels={"team": "shop"})
    assert keys.lines == [f"default {digest(keys.key)}"]
    assert parse_keys("\n".join(keys.lines).encode()) == {bytes.fromhex(digest(keys.key)): "key:default"}
    assert keys.key.startswith("modelberth_")
    assert len(keys.key) == len("modelberth_") + 43
    assert keys.secret["type"] == "Opaque"
    assert keys.secret["metadata"]["labels"] == {"team": "shop", **OWN}
    assert outputs == {
        **keys.inputs(labels={"team": "shop"}),
        "uid": keys.secret["metadata"]["uid"],
        "holder": keys.secret["metadata"]["annotations"]["modelberth/holder"],
        "fingerprint": digest(keys.key)[:12],
        "status": "valid",
    }


def test_every_key_is_another(keys: Keys) -> None:
    made = set()
    for _ in range(5):
        keys.create()
        made.add(keys.key)
        del keys.api.objects[PATH]
    assert len(made) == 5


def test_a_create_that_was_cut_off_is_taken_over(keys: Keys) -> None:
    first = keys.create()
    key, lines = keys.key, keys.lines
    second = keys.create()
    assert (keys.key, keys.lines) == (key, lines)
    assert second["uid"] == first["uid"]
    assert second["holder"] != first["holder"]
    # The engine deletes what it replaced: the new one's Secret stays.
    assert keys.read(first) is None
    keys.delete(first)
    assert keys.read(second) == second
    keys.delete(second)
    assert PATH not in keys.api.objects
    keys.delete(second)


def test_the_delete_spares_a_secret_that_was_made_anew(keys: Keys) -> None:
    outputs = keys.create()
    keys.secret["metadata"]["uid"] = "another"
    keys.delete(outputs)
    assert PATH in keys.api.objects
    assert keys.read(outputs) is None


@pytest.mark.parametrize(
    ("metadata", "whose"),
    [
        ({}, "not Modelberth's"),
        ({"labels": OWN}, "not Modelberth's"),
        ({"annotations": {"modelberth/endpoint": "shop-dev-iris"}}, "not Modelberth's"),
        ({"labels": OWN, "annotations": {"modelberth/endpoint": "rose"}}, "endpoint rose's"),
    ],
)
def test_a_secret_of_others_is_refused(keys: Keys, metadata: dict[str, Any], whose: str) -> None:
    others = {"metadata": {"name": "iris-api-keys", **metadata}, "data": {"key": "Y2FuYXJ5"}}
    keys.api.objects[PATH] = others
    (failure,) = keys.resource.check(keys.inputs(configPath="endpoints[2]"), {}).failures
    said = (
        "security.auth.secret: given nothing, allowed: the name of a Secret while team/iris-api-keys is "
        f"{whose}. "
    )
    assert (failure.property, failure.reason.startswith(f"endpoints[2].{said}")) == ("name", True)
    assert "kubectl delete secret iris-api-keys --namespace team" in failure.reason
    with pytest.raises(ResourceError, match="while team/iris-api-keys is") as refused:
        keys.resource.create(keys.inputs(), 0)
    assert str(refused.value).startswith(said)
    assert keys.api.objects[PATH] is others
    found = keys.resource.read("team/iris-api-keys", {"kubeconfig": keys.kubeconfig}, {})
    assert (found is None) == ("rose" not in whose)
    assert "canary" not in failure.reason


def test_a_check_passes_what_it_cannot_know(keys: Keys) -> None:
    assert not keys.resource.check(keys.inputs(name=UNKNOWN), {}).failures
    assert not keys.resource.check(keys.inputs(), keys.inputs()).failures
    assert not keys.api.requests
    assert not keys.resource.check(keys.inputs(), {}).failures
    assert not keys.resource.check(keys.inputs(kubeconfig="nowhere"), {}).failures


def test_a_rotation_keeps_the_old_key_until_the_next(keys: Keys) -> None:
    outputs = keys.create()
    made = [keys.key]
    for rotation in ("2026-12", "2027-01"):
        assert keys.resource.preview(keys.inputs(rotation=rotation), outputs)["fingerprint"] == UNKNOWN
        outputs = keys.update(outputs, rotation=rotation)
        made.append(keys.key)
        assert keys.lines == [f"default {digest(key)}" for key in (made[-1], made[-2])]
        assert outputs["fingerprint"] == digest(keys.key)[:12]
    assert len(set(made)) == 3
    assert keys.secret["metadata"]["uid"] == outputs["uid"]


def test_an_update_that_was_cut_off_rotates_once(keys: Keys) -> None:
    outputs = keys.create()
    first = keys.update(outputs, rotation="2")
    key, lines = keys.key, keys.lines
    assert keys.update(outputs, rotation="2") == first
    assert (keys.key, keys.lines) == (key, lines)


def test_what_is_no_rotation_keeps_the_key(keys: Keys) -> None:
    outputs = keys.create(rotation="1")
    key = keys.key
    for changes in ({"rotation": "1", "labels": {"a": "b"}}, {}, {"rotation": "1"}):
        assert keys.resource.preview(keys.inputs(**changes), outputs)["fingerprint"] == outputs["fingerprint"]
        outputs = keys.update(outputs, **changes)
        assert (keys.key, keys.lines) == (key, [f"default {digest(key)}"])


def test_lines_that_others_added_stay(keys: Keys) -> None:
    outputs = keys.create()
    added = f"shop {'A' * 64}"
    keys.write("# a comment", *keys.lines, "", added)
    keys.update(outputs, rotation="2")
    assert len(keys.lines) == 3
    assert keys.lines[2] == added.replace("A", "a")
    assert len(parse_keys("\n".join(keys.lines).encode())) == 3


def test_a_damaged_secret_is_mended(keys: Keys) -> None:
    outputs = keys.create()
    withdrawn = keys.key
    keys.write(f"shop {'a' * 64}")
    found = keys.read(outputs)
    assert found is not None
    assert found["status"] == "damaged: the server does not take the key that is handed out"
    inputs = keys.inputs()
    (change,) = keys.resource.diff(inputs, found, inputs)
    assert (change.property, change.replaces, change.from_inputs) == ("status", False, False)
    assert keys.resource.preview(inputs, found)["fingerprint"] == UNKNOWN
    mended = keys.update(found)
    assert mended["status"] == "valid"
    assert keys.key != withdrawn
    assert keys.lines == [f"default {digest(keys.key)}", f"shop {'a' * 64}"]


@pytest.mark.parametrize("data", [None, {}, {"key": "?", "keys": "?"}, {"key": "/w==", "keys": "/w=="}])
def test_a_secret_without_a_key_gets_one(keys: Keys, data: Any) -> None:
    outputs = keys.create()
    keys.secret["data"] = data
    assert keys.update(outputs)["status"] == "valid"
    assert keys.lines == [f"default {digest(keys.key)}"]


def test_a_lost_key_leaves_the_callers_that_have_it(keys: Keys) -> None:
    outputs = keys.create()
    old = keys.lines
    del keys.secret["data"]["key"]
    keys.update(outputs)
    assert keys.lines == [f"default {digest(keys.key)}", *old]


def test_who_writes_at_the_same_time_is_not_overwritten(keys: Keys) -> None:
    outputs = keys.create()
    missed = iter([True, True, False])

    def slow(seen: Seen) -> tuple[int, Any]:
        if next(missed):
            return status(409, "Conflict", "the object has been modified")
        del keys.api.answers["PATCH", PATH]
        return keys.api.answer(seen)

    keys.api.answers["PATCH", PATH] = slow
    assert keys.update(outputs, rotation="2")["status"] == "valid"
    assert len(keys.api.sent("PATCH")) == 3
    keys.api.answers["PATCH", PATH] = status(409, "Conflict", "the object has been modified")
    with pytest.raises(ResourceError, match="Secret team/iris-api-keys: others keep writing it; run the com"):
        keys.resource.update("team/iris-api-keys", outputs, keys.inputs(rotation="3"), 0)


def test_an_update_of_a_secret_that_is_gone_makes_it(keys: Keys) -> None:
    outputs = keys.create()
    del keys.api.objects[PATH]
    assert keys.read(outputs) is None
    assert keys.update(outputs)["uid"] == keys.secret["metadata"]["uid"]


def test_an_import_knows_the_id_alone(
    keys: Keys, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = keys.create()
    monkeypatch.setenv("KUBECONFIG", keys.kubeconfig)
    found = keys.resource.read("team/iris-api-keys", {}, {})
    assert found is not None
    inputs = {name: value for name, value in keys.inputs().items() if name != "kubeconfig"}
    assert found.inputs == inputs
    assert found.outputs == {name: value for name, value in outputs.items() if name != "kubeconfig"}


def test_what_moves_the_secret_replaces_it(keys: Keys) -> None:
    old = keys.inputs()
    changed = {
        change.property: change.replaces
        for change in keys.resource.diff(
            old,
            {"status": "valid"},
            keys.inputs(name="a", namespace="b", context="c", kubeconfig="d", rotation="e", configPath="f"),
        )
    }
    moved = dict.fromkeys(("context", "kubeconfig", "name", "namespace"), True)
    assert changed == {**moved, "rotation": False}


def test_a_preview_tells_what_it_knows(keys: Keys) -> None:
    computed = dict.fromkeys(("fingerprint", "holder", "uid"), UNKNOWN)
    assert keys.resource.preview(keys.inputs(), {}) == {**keys.inputs(), **computed, "status": "valid"}
    assert not keys.api.requests


@pytest.mark.parametrize("code", [403, 404, 422, 500])
def test_a_refusal_does_not_quote_the_key(keys: Keys, caplog: pytest.LogCaptureFixture, code: int) -> None:
    canaries: list[str] = []

    def tell(seen: Seen) -> tuple[int, Any]:
        encoded = seen.body["data"]["key"]
        canaries.extend([encoded, base64.b64decode(encoded).decode()])
        return status(code, "Invalid", f"no: {canaries}")

    keys.api.answers["POST", PATH.rpartition("/")[0]] = tell
    with caplog.at_level(logging.INFO), pytest.raises(ResourceError, match=r"iris-api-keys: .*no: ") as told:
        keys.resource.create(keys.inputs(), 0)
    assert len(canaries) == 2
    for canary in canaries:
        assert canary not in str(told.value) + caplog.text
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


def test_a_delete_that_is_not_allowed_says_so(keys: Keys) -> None:
    outputs = keys.create()
    keys.api.answers["DELETE", PATH] = status(403, "Forbidden", "secrets is forbidden for ada")
    with pytest.raises(ResourceError, match="forbidden for ada"):
        keys.delete(outputs)


def test_a_secret_shows_nothing_of_itself(keys: Keys) -> None:
    keys.create()
    assert repr(KeySecret(keys.secret)) == str(KeySecret(keys.secret)) == "KeySecret(team/iris-api-keys)"
