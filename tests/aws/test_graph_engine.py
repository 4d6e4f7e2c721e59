"""The graph that is captured without an engine is the one that the engine leaves."""

from pathlib import Path

import pytest

from modelberth.preview.standins import StandIns, StandInSettings
from support.aws.graph import ACCOUNT, captured
from support.aws.samples import HARDENED, hardened
from support.clouds.graph import Graph
from support.project import REPOSITORY, Project

pytestmark = pytest.mark.engine


def test_the_engine_leaves_the_same_graph(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / ".state" / "backend").mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").write_text("from support.aws.samples import hardened\n\nhardened()\n")
    settings = StandInSettings(aws_account=ACCOUNT, aws_region="us-east-1")
    with StandIns(["aws"], settings=settings) as standins:
        env = {**standins.environment, "PYTHONPATH": str(REPOSITORY / "tests")}
        for command in (["stack", "init", "dev"], ["up", "--yes", "--skip-preview"]):
            done = project.run("pulumi", *command, "--non-interactive", env=env)
            assert done.returncode == 0, done.stdout + done.stderr
    left = {one.urn: one for one in Graph.of_state(project.state()).resources}
    quick = {one.urn: one for one in captured(hardened).resources}
    assert len(left) == HARDENED
    assert left.keys() == quick.keys()
    for urn, one in quick.items():
        assert (left[urn].id, left[urn].inputs) == (one.id, one.inputs)
        assert left[urn].outputs == {**left[urn].outputs, **one.outputs}
        told = {key: set(urns) for key, urns in one.origins.items() if urns}
        assert {key: set(urns) for key, urns in left[urn].origins.items() if urns} == told
