"""Mirrors of registries, and the Secret that the kubelet pulls with."""

import pytest

from modelberth.kubernetes.pods.part import PodPart
from modelberth.kubernetes.registry.pull import pull, rewritten
from modelberth.spec.kubernetes import Registry
from support.endpoint_plans import plan

DIGEST = f"sha256:{'a' * 64}"
REGISTRY = Registry(
    mirrors={
        "docker.io": "mirror.internal:5000/hub",
        "docker.io/library": "mirror.internal:5000/official",
        "quay.io/team": "mirror.internal:5000/team",
        "ghcr.io/org/server": "mirror.internal:5000/server",
    }
)


@pytest.mark.parametrize(
    ("image", "pulled"),
    [
        ("docker.io/vllm/vllm-openai", "mirror.internal:5000/hub/vllm/vllm-openai"),
        ("docker.io/library/python", "mirror.internal:5000/official/python"),
        ("quay.io/team/iris", "mirror.internal:5000/team/iris"),
        ("quay.io/teams/iris", "quay.io/teams/iris"),
        ("quay.io/other/team", "quay.io/other/team"),
        ("ghcr.io/org/server", "mirror.internal:5000/server"),
        ("ghcr.io/org/server2", "ghcr.io/org/server2"),
        ("ghcr.io/org/server:1.2", "mirror.internal:5000/server:1.2"),
        ("docker.io:8443/team/iris", "docker.io:8443/team/iris"),
        ("docker.io.example.com/team/iris", "docker.io.example.com/team/iris"),
        # Without a registry it is Docker Hub's, and without a path the official image.
        ("team/iris", "mirror.internal:5000/hub/team/iris"),
        ("python", "mirror.internal:5000/official/python"),
        ("localhost/iris", "localhost/iris"),
        ("localhost:5000/iris", "localhost:5000/iris"),
    ],
)
def test_the_longest_beginning_is_replaced_and_the_digest_stays(image: str, pulled: str) -> None:
    assert rewritten(f"{image}@{DIGEST}", REGISTRY) == f"{pulled}@{DIGEST}"


def test_an_image_without_a_mirror_stays_as_it_was_written() -> None:
    assert rewritten(f"team/iris@{DIGEST}", Registry()) == f"team/iris@{DIGEST}"


def test_a_pull_secret_is_referred_to() -> None:
    named = plan({"registry": {"pull_secret": "site-pull"}})
    assert pull(named, named.main) == PodPart(pod={"imagePullSecrets": [{"name": "site-pull"}]})
    unnamed = plan()
    assert pull(unnamed, unnamed.main) == PodPart()
