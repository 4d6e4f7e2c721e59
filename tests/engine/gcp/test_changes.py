"""The tables of changes hold on the real engine: every kind of line is among the rows that it confirms."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from support.clouds.kinds import named
from support.clouds.life import became, endpoints
from support.gcp.life import GCP
from support.gcp.modes import renamed
from support.gcp_changes import KINDS

pytestmark = pytest.mark.engine

TABLES: Final = Path(__file__).parents[2] / "gcp" / "golden"
CHANGED: Final = {
    "cloud_run": (
        "model.uri",
        "security.identity",
        "security.key",
        "security.auth.kind",
        "monitoring.slo",
        "target.ingress",
        "target.capture",
        "target.vpc",
    ),
    "vertex": (
        "model.uri",
        "runtime.image",
        "scaling.max",
        "security.identity",
        "security.key",
        "variants",
        "target.access",
    ),
    "gke": (
        "security.identity",
        "target.cluster.channel",
        "target.cluster.capacity.machine_type",
        "target.gpu_pool",
        "target.gpu_pool.spot",
    ),
}
OWN: Final = ("pods-requirements", "pods-api-key")
"""What Modelberth's own provider asks of a cluster, which is no part of the table."""
_DIGEST: Final = re.compile(r"-[0-9a-f]{8}\b")


def told(lines: Sequence[str]) -> list[str]:
    """Lines as they can be compared: in order, without what names have of the content."""
    return sorted(_DIGEST.sub("-*", line) for line in lines if not line.endswith(OWN))


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_changes_holds_on_the_engine(kind: str, tmp_path: Path) -> None:
    expected = json.loads((TABLES / f"{kind}_changes.json").read_text())
    names = {path: f"row-{number}" for number, path in enumerate(CHANGED[kind])}
    rows = {path: KINDS[kind].configs(path) for path in names}
    with endpoints(GCP, tmp_path / "project") as (journey, project):
        for which in (0, 1):
            project.configure(*(renamed(rows[path][which], name) for path, name in names.items()))
            changes = journey.up()
    for path, name in names.items():
        found = told(became(changes, f"{name}-{kind.replace('_', '-')}-"))
        assert found == told([named(line) for line in expected[path]]), path
