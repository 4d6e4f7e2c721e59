"""Endpoints in Google Kubernetes Engine on the real engine, by the repository's own program."""

from pathlib import Path

import pytest

from support.clouds.life import life_of_endpoints
from support.gcp.life import GCP
from support.gcp.modes import renamed
from support.gcp_gke import CLASS, MODES, NEW, with_gpus

pytestmark = pytest.mark.engine

HERE = Path(__file__)
GOLDEN = HERE.parent / "golden" / "gke.json"


def test_the_life_of_every_mode(tmp_path: Path) -> None:
    configs = {
        "minimal": MODES["existing"],
        "everything": MODES["everything"],
        "prod": with_gpus(NEW, CLASS, labels={"team": "plants"}, protect=True),
    }
    modes = [renamed(one, f"iris-{name}") for name, one in configs.items()]
    life = life_of_endpoints(GCP, tmp_path / "project", modes, GOLDEN, str(HERE))
    there = [name for name, one in life.state.items() if one.get("external")]
    assert there == ["iris-minimal-gke-cluster"]
    # Pods go while there are nodes, and nodes while there is a cluster; one that was given stays.
    roles = ("pods-deployment", "cluster-nodes", "cluster-cluster")
    went = [life.deleted.index(f"iris-everything-gke-{role}") for role in roles]
    assert went == sorted(went)
    assert not [name for name in life.deleted if name.startswith("iris-minimal-gke-cluster")]
