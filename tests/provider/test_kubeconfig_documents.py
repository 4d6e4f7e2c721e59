"""A kubeconfig that is given as itself: of a cluster that the program makes or looks up."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelberth.kubernetes.api.connection import connect
from modelberth.provider.kubernetes.api_key import ApiKey
from modelberth.provider.kubernetes.requirements import Requirements
from modelberth.provider.kubernetes.server import is_document, is_same_cluster
from modelberth.provider.resource import UNKNOWN, Change, ResourceError, Settings
from support.kubernetes_api import KubernetesApi


@pytest.fixture
def document(api: KubernetesApi, tmp_path: Path) -> str:
    """The kubeconfig of a cluster that answers."""
    return api.kubeconfig(tmp_path).read_text()


def of(server: str, **user: Any) -> str:
    """A kubeconfig as EKS's are."""
    return json.dumps(
        {
            "contexts": [{"name": "iris", "context": {"cluster": "iris", "user": "iris"}}],
            "clusters": [{"name": "iris", "cluster": {"server": server}}],
            "users": [{"name": "iris", "user": user}],
            "current-context": "iris",
        }
    )


INPUTS = {"namespace": "team", "instance": "iris", "configPath": "endpoints[0]"}


def settings(folder: Path) -> Settings:
    return Settings(root=folder, state_dir=folder / "state")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_cluster_is_reached_by_the_document_itself(
    document: str, form: str, api: KubernetesApi, tmp_path: Path
) -> None:
    text = document if form == "yaml" else json.dumps(yaml.safe_load(document))
    (tmp_path / "kubeconfig").unlink()
    Requirements(settings(tmp_path)).check({**INPUTS, "kubeconfig": text}, {})
    assert [(one.method, one.path) for one in api.requests[:1]] == [("GET", "/version")]
    assert api.requests[0].headers["authorization"] == "Bearer a-token"


def test_a_cluster_that_does_not_answer_is_told_without_the_document(tmp_path: Path) -> None:
    text = of("http://127.0.0.1:9", token="secret-token")
    (failure,) = Requirements(settings(tmp_path)).check({**INPUTS, "kubeconfig": text}, {}).failures
    assert failure.reason.startswith("endpoints[0].target: given a cluster, allowed: one that answers")
    assert "A private endpoint is reached from within its network alone" in failure.reason
    assert "secret-token" not in failure.reason


def test_a_cluster_that_is_not_there_yet_is_passed_over_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checked = Requirements(settings(tmp_path)).check({**INPUTS, "kubeconfig": UNKNOWN}, {})
    assert list(checked.failures) == []
    assert caplog.messages == [
        "the requirements were not checked: their cluster is only made by the update",
    ]


@pytest.mark.parametrize("text", ["{", "a: b\nc: d", "- 1\n- 2", "{}"])
def test_what_is_no_kubeconfig_is_an_error(text: str) -> None:
    assert is_document(text)
    with pytest.raises(ResourceError, match="kubeconfig the target: cannot be used"):
        connect(text, None, timeout=1)


@pytest.mark.parametrize("path", ["~/.kube/config", "config", None, ".state/kubeconfig.json"])
def test_a_path_is_no_document(path: str | None) -> None:
    assert not is_document(path)


SAME = of("https://a.example.com", token="1")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (SAME, SAME, True),
        (SAME, of("https://a.example.com", exec={"command": "aws"}), True),
        (SAME, of("https://b.example.com", token="1"), False),
        (SAME, UNKNOWN, False),
        (SAME, None, False),
        ("config", "other", False),
        ("config", SAME, False),
        ("{}", "{ }", False),
    ],
)
def test_another_way_to_log_in_is_no_other_cluster(old: Any, new: Any, same: bool, tmp_path: Path) -> None:
    assert is_same_cluster(old, new) is same
    if old != new:
        key = {"name": "keys", "namespace": "team", "endpoint": "iris"}
        changes = ApiKey(settings(tmp_path)).diff({**key, "kubeconfig": old}, {}, {**key, "kubeconfig": new})
        # The key that callers have is made anew with another cluster only.
        assert changes == [Change("kubeconfig", replaces=not same)]
