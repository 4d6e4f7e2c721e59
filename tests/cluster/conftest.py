"""A real Kubernetes: the one that $MODELBERTH_TEST_KUBECONFIG names, else one that is started for the tests.

Where neither can be had nothing here is collected, and the end of the run says in one line which command
would change that. What is made lies in namespaces of its own and is deleted again.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import definitions
from modelberth.kubernetes.crds import kinds
from support.cluster import IMAGE, KUBECONFIG, REPOSITORY_NAME, Cluster, Namespace, image_folder, lacking
from support.onprem import OnPrem

HERE = Path(__file__).parent
HOSTS = ["127.0.0.1", "::1", "198.18.0.0/15"]  # nodes, pods and Services: see tools/cluster/network.py
LONGEST_S = 1200  # the first test may wait for the image to be built

collect_ignore_glob = ["test_*.py"] if lacking() else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    named = os.environ.get(KUBECONFIG)
    # Where a person's own cluster lies is not known here.
    reachable = pytest.mark.enable_socket if named else pytest.mark.allow_hosts(HOSTS)
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(LONGEST_S))
            item.add_marker(reachable)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Cluster.running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def serving_image(cluster: Cluster) -> str:
    """The serving image with the iris model in it, on every node: `NAME@sha256:…`."""
    if cluster.own:
        return cluster.load(image_folder() / "image.oci.tar", REPOSITORY_NAME)
    reference = os.environ.get(IMAGE, "")
    assert "@sha256:" in reference, f"${KUBECONFIG} is set: name an image that its nodes have by ${IMAGE}"
    return reference


@pytest.fixture(scope="module")
def defined(cluster: Cluster) -> None:
    """The kinds of `crds.toml`; a person's own cluster is left as it is."""
    if cluster.own:
        definitions.apply(Path(cluster.kubectl_program), cluster.kubeconfig, os.environ)
    rows = [row.split() for row in cluster.kubectl("api-resources", "--no-headers").splitlines()]
    served = {(row[-3], row[-1]) for row in rows}
    missing = sorted(kind for kind, entry in kinds().items() if (entry.api_version, kind) not in served)
    if missing and not cluster.own:
        pytest.skip(f"the cluster that is named does not serve {', '.join(missing)}")
    assert missing == []


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace of the test's own that enforces Pod Security's `restricted`."""
    name = request.node.originalname.replace("_", "-")[:60].rstrip("-")
    with cluster.namespace(name) as namespace:
        yield namespace


@pytest.fixture
def stack(
    tmp_path: Path, cluster: Cluster, serving_image: str, request: pytest.FixtureRequest
) -> Iterator[OnPrem]:
    """The stack `onprem`, not deployed yet, for a namespace named after the test."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:50].rstrip("-")
    with OnPrem.running(tmp_path / "project", cluster, serving_image, name) as stack:
        yield stack
