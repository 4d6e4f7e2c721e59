"""Pods that can never become ready: what serves goes on, and the command says why it gave up.

The update is begun before the tests of other files that ask for it, and runs beside them: it gives up when
the cluster does, after more than five minutes.
"""

from subprocess import TimeoutExpired

import pytest

from support.project import plain, predict
from support.unready import NO_DIGEST, Unready

pytestmark = pytest.mark.engine

LONGEST_S = 480


def test_a_wrong_digest_and_a_missing_image_are_told_while_the_old_version_serves(unready: Unready) -> None:
    stack = unready.stack
    try:
        said, _ = unready.update.communicate(timeout=LONGEST_S)
    except TimeoutExpired:
        pytest.fail(f"`modelberth up` does not give up: {stack.namespace.symptoms()}")
    said = plain(said)
    assert unready.update.returncode != 0, said
    assert "Traceback" not in said, said
    # The server's own words, and the kubelet's.
    assert f"expected {NO_DIGEST}" in said, said
    assert "ImagePullBackOff" in said or "ErrImagePull" in said, said

    counts = unready.callers
    assert dict(counts.failed) == {}
    assert counts.ok > 1000
    assert predict(unready.url)["predictions"] == ["setosa"]
    serving = {
        pod["metadata"]["name"]
        for pod in stack.namespace.pods("app.kubernetes.io/name=iris")
        if all(one["ready"] for one in pod["status"]["containerStatuses"])
    }
    assert serving == unready.before

    stack.project.configure(Unready.good(stack))
    stack.up()
    assert dict(counts.failed) == {}
    assert {pod["metadata"]["name"] for pod in stack.namespace.pods("")} == unready.before
