"""An update of the stack that can never become ready, and takes as long as pods are given time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from support.cluster import Cluster, wait
from support.onprem import OPEN, OnPrem
from support.request_loop import Counts, RequestLoop

NO_DIGEST = "0" * 64
# Of a start; the cluster itself is given another five minutes to find a node and to pull.
STARTUP = "20s"


@dataclass
class Unready:
    """One endpoint that serves and is given a wrong digest, and another whose image nobody has."""

    stack: OnPrem
    update: "Popen[str]"
    callers: Counts
    """Of the endpoint that serves, from before the update on."""
    url: str
    """Of that one."""
    before: set[str]
    """The names of its pods before the update."""

    @classmethod
    @contextmanager
    def going_on(cls, folder: Path, cluster: Cluster, image: str) -> Iterator["Unready"]:
        """Deploy, and begin the update."""
        with OnPrem.running(folder, cluster, image, "onprem-unready") as stack:
            stack.project.configure(cls.good(stack))
            stack.up()
            url = stack.url
            before = {pod["metadata"]["name"] for pod in stack.namespace.pods("")}
            loop = RequestLoop(f"{url}/predict", callers=2, pause_s=0.1)
            with loop.running() as counts:
                wait("the callers are at work", lambda: counts.ok > 10)
                wrong = {**cls.good(stack), "model": {**cls.good(stack)["model"], "sha256": NO_DIGEST}}
                stack.project.configure(wrong, cls.without_image(stack))
                update = stack.start("up", "--stack", "onprem")
                try:
                    yield cls(stack, update, counts, url, before)
                finally:
                    update.kill()
                    update.wait()

    @staticmethod
    def good(stack: OnPrem) -> dict[str, Any]:
        """The endpoint as it serves."""
        return stack.endpoint(security=OPEN, limits={"startup_timeout": STARTUP})

    @staticmethod
    def without_image(stack: OnPrem) -> dict[str, Any]:
        """An endpoint in the same namespace, whose image can be pulled nowhere."""
        image = f"{stack.image.partition('@')[0]}@sha256:{NO_DIGEST}"
        target = {"create_namespace": False, "image": image}
        scaling = {"min": 1, "max": 1}
        return stack.endpoint(
            name="other", security=OPEN, limits={"startup_timeout": STARTUP}, target=target, scaling=scaling
        )
