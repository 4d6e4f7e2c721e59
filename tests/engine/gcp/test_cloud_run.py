"""Endpoints in Google Cloud Run on the real engine, by the repository's own program."""

from pathlib import Path

import pytest

from support.clouds.life import MAIN, life_of_endpoints
from support.gcp.life import GCP
from support.gcp.modes import renamed
from support.gcp_cloud_run import MODES

pytestmark = pytest.mark.engine

HERE = Path(__file__)
GOLDEN = HERE.parent / "golden" / "cloud_run.json"
GUARDED = [f"iris-{mode}-cloud-run-service" for mode in ("everything", "prod")]


def test_the_life_of_every_mode(tmp_path: Path) -> None:
    configs = [renamed(MODES[mode].config, f"iris-{mode}") for mode in MAIN]
    life = life_of_endpoints(GCP, tmp_path / "project", configs, GOLDEN, str(HERE), GUARDED)
    # A service goes while it may still be called and use its key, and both while the APIs are there.
    for mode in MAIN:
        roles = ("service", "key-run-grant", "services-run")
        went = [life.deleted.index(f"iris-{mode}-cloud-run-{role}") for role in roles]
        assert went == sorted(went)
