"""Bad input for Google Cloud on the real engine: the preview ends before anything is planned, and why."""

from collections.abc import Mapping
from typing import Any

import pytest

from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.project import Project, plain

pytestmark = pytest.mark.engine

KEY = "projects/shop-prod/locations/us-central1/keyRings/shop/cryptoKeys/iris"
NUMBER = gcp_cloud_run.mode({"project_number": "shop-prod"}).config
POOL = {**gcp_gke.POOL, "machine_type": "n1-standard-4"}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            gcp_cloud_run.mode(security={"key": KEY}).config,
            ["endpoints[0].security.key", "us-central1", "a key in location europe-west4"],
        ),
        (NUMBER, ["endpoints[0].target.project_number", "shop-prod", "gcloud projects describe"]),
        (
            gcp_vertex.mode({"machine_type": "n1-standard-4"}, **gcp_vertex.GPU).config,
            ["endpoints[0].target.machine_type", "n1-standard-4", "g2-standard-4 is the cheapest known one"],
        ),
        (
            gcp_vertex.mode(
                {"access": {"kind": "shared"}}, security=gcp_vertex.PUBLIC, limits={"max_body": "2Mi"}
            ).config,
            ["endpoints[0].limits.max_body", "2Mi", "at most 1500k", "dedicated"],
        ),
        (
            gcp_gke.with_gpus(gcp_gke.STANDARD, POOL),
            ["endpoints[0].target.gpu_pool.machine_type", "n1-standard-4", "g2-standard-4"],
        ),
    ],
    ids=["cloud_run", "number", "vertex", "shared", "gke"],
)
def test_bad_input_ends_the_preview(project: Project, config: Mapping[str, Any], words: list[str]) -> None:
    project.configure(dict(config))
    done = project.modelberth("preview", "--offline", "--no-state")
    said = plain(done.stdout + done.stderr)
    assert done.returncode == 1, said
    for word in words:
        assert word in said, said
    assert "would happen is not known" in said
    assert "Traceback" not in said
