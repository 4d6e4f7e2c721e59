"""The commands of docs/cluster.md for a cluster by hand, as they stand there, in a folder of their own."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.cluster import Cluster, image_folder
from support.project import REPOSITORY

GUIDE = REPOSITORY / "docs" / "cluster.md"
BY_HAND = re.compile(r"^sudo python3 (tools/cluster \w.*?)(?:\s+#.*)?$", re.MULTILINE)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: sockets lie in it, which pytest's own folders are too deep for."""
    with TemporaryDirectory(prefix="mb-") as folder:
        yield Path(folder) / "c"


def test_a_cluster_by_hand_beside_that_of_the_tests(cluster: Cluster, folder: Path) -> None:
    lines = BY_HAND.findall(GUIDE.read_text())
    assert [line.split()[1] for line in lines] == ["up", "load", "down"]
    if not cluster.own:
        pytest.skip("a cluster is named: none is started")
    archive, said = str(image_folder() / "image.oci.tar"), ""
    try:
        for line in lines[:2]:
            said = run(line.replace("dist/image/image.oci.tar", archive), folder)
            if "up" in line:
                (kubeconfig,) = re.findall(r"export KUBECONFIG=(\S+)", said)
                other = Cluster(Path(kubeconfig), cluster.kubectl_program)
                nodes = other.kubectl("get", "nodes", "--output=name").split()
                assert nodes == ["node/node1", "node/node2"]
                cluster.kubectl("get", "nodes")  # the first one is still there
        assert re.search(r"every node has localhost/modelberth-server@sha256:[0-9a-f]{64}\n", said)
    finally:
        said = run(lines[2], folder)
    assert said == "cluster   down\n"
    assert not folder.exists()
    assert "there is no cluster in" in run(lines[2], folder)


def run(line: str, folder: Path) -> str:
    program, *arguments = shlex.split(line)
    command = [sys.executable, program, f"--folder={folder}", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
