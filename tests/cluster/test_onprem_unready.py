"""Pods that can never become ready: what serves goes on, and the command says why it gave up."""

from typing import Any

import pytest

from support.cluster import wait
from support.onprem import OPEN, OnPrem
from support.project import Config, predict
from support.request_loop import RequestLoop

pytestmark = pytest.mark.engine

NO_DIGEST = "0" * 64
# Of a start, and before it: the update is given up when both are over.
SOON = "15s"


def endpoint(stack: OnPrem, *, target: dict[str, Any] | None = None, **changes: Any) -> Config:
    limits = {"startup_timeout": SOON}
    return stack.endpoint(
        security=OPEN, limits=limits, target={"placement_timeout": SOON, **(target or {})}, **changes
    )


def without_image(stack: OnPrem) -> Config:
    """An endpoint in the same namespace, whose image can be pulled nowhere."""
    image = f"{stack.image.partition('@')[0]}@sha256:{NO_DIGEST}"
    target = {"create_namespace": False, "image": image}
    return endpoint(stack, name="other", target=target, scaling={"min": 1, "max": 1})


def test_a_wrong_digest_and_a_missing_image_are_told_while_the_old_version_serves(stack: OnPrem) -> None:
    stack.project.configure(endpoint(stack))
    stack.up()
    url, before = stack.url, {pod["metadata"]["name"] for pod in stack.namespace.pods("")}
    with RequestLoop(f"{url}/predict", callers=2, pause_s=0.05).running() as counts:
        wait("the callers are at work", lambda: counts.ok > 10)
        stack.project.configure(endpoint(stack, model={"sha256": NO_DIGEST}), without_image(stack))
        said = stack.refused()
        # The server's own words, and the kubelet's.
        assert f"expected {NO_DIGEST}" in said, said
        assert "ImagePullBackOff" in said or "ErrImagePull" in said, said
        serving = {
            pod["metadata"]["name"]
            for pod in stack.namespace.pods("app.kubernetes.io/name=iris")
            if all(one["ready"] for one in pod["status"]["containerStatuses"])
        }
        assert serving == before
        assert counts.ok > 500
        assert predict(url)["predictions"] == ["setosa"]

        stack.project.configure(endpoint(stack))
        stack.up()
    assert dict(counts.failed) == {}
    assert {pod["metadata"]["name"] for pod in stack.namespace.pods("")} == before
