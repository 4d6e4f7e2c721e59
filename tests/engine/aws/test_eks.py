"""Endpoints in Amazon EKS on the real engine, by the repository's own program."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.aws.graph import ACCOUNT
from support.aws.life import AWS, accounts
from support.aws_changes import KINDS
from support.aws_eks import EXISTING, GPU, MODES, NEW, POOL, WATCHED, config
from support.clouds.change import merged
from support.clouds.golden import same_as
from support.clouds.life import became, endpoints, life_of_endpoints

pytestmark = pytest.mark.engine

Config = Mapping[str, Any]

HERE = Path(__file__)
GOLDEN = HERE.parent / "golden" / "eks.json"
KEY = f"arn:aws:kms:eu-central-1:123456789012:key/{'1' * 8}-1111-1111-1111-{'1' * 12}"
TABLE = HERE.parents[2] / "aws" / "golden" / "eks_changes.json"
CHANGED = (
    "security.identity",
    "target.cluster.administrators",
    "target.cluster.capacity.instance_types",
    "target.gpu_pool",
    "target.gpu_pool.role",
)
"""Fields whose rows in the table of changes the engine confirms: every kind of line is among them."""
OWN = ("pods-requirements", "pods-api-key")
ELSEWHERE = {
    "security.key": (config(NEW), {"security": {"key": KEY}}),
    "target.cluster": (config(NEW), {"target": {"cluster": {**dict.fromkeys(NEW), **EXISTING}}}),
}
"""Fields whose change makes another cluster, or goes to one: what lies in it is made anew, there."""


def test_the_life_of_every_mode(tmp_path: Path) -> None:
    configs = {
        "minimal": MODES["existing"],
        "everything": MODES["everything"],
        "prod": config(NEW, {"gpu_pool": POOL, **WATCHED}, **GPU, labels={"team": "plants"}, protect=True),
    }
    modes = [merged(one, {"name": f"iris-{name}"}) for name, one in configs.items()]
    life = life_of_endpoints(AWS, tmp_path / "project", modes, GOLDEN, str(HERE))
    assert [name for name, one in life.state.items() if one.get("external")] == ["iris-minimal-eks-cluster"]
    assert accounts(life.state) == {"aws": {ACCOUNT}}
    # Pods go while there are nodes, and nodes while there is a cluster; one that was given stays.
    roles = ("pods-deployment", "gpu-spot", "cluster-cluster")
    went = [life.deleted.index(f"iris-prod-eks-{role}") for role in roles]
    assert went == sorted(went)
    assert not [name for name in life.deleted if name.startswith("iris-minimal-eks-cluster")]


def test_changes_and_nodes(tmp_path: Path) -> None:
    """The table of changes holds on the engine, and pods have nodes while a group of them is replaced."""
    names = {path: f"row-{number}" for number, path in enumerate(CHANGED)}
    rows = {path: KINDS["eks"].configs(path) for path in CHANGED}
    with endpoints(AWS, tmp_path / "project") as (journey, project):

        def configure(which: int, *elsewhere: Config) -> None:
            of_rows = (merged(rows[path][which], {"name": name}) for path, name in names.items())
            project.configure(*of_rows, *elsewhere)

        there = [merged(config, {"name": name_of(path)}) for path, (config, _) in ELSEWHERE.items()]
        configure(0, *there)
        journey.up()
        configure(1, *there)
        changed = journey.up()
        expected = json.loads(TABLE.read_text())
        for path, name in names.items():
            lines = sorted(line.partition(":")[0] for line in expected[path])
            # What Modelberth's own provider asks of the cluster is no part of the table.
            found = [line for line in became(changed, f"{name}-eks-") if not line.endswith(OWN)]
            assert found == lines, path
        for path, group in (
            ("target.cluster.capacity.instance_types", "cluster-nodes"),
            ("target.gpu_pool.role", "gpu-nodes"),
        ):
            nodes = [operation for operation, name in changed if name == f"{names[path]}-eks-{group}"]
            assert nodes == ["create", "delete"], "the next nodes are there before the last ones go"

        moved = [merged(one, change) for one, (_, change) in zip(there, ELSEWHERE.values(), strict=True)]
        configure(1, *moved)
        found = {path: planned(journey.preview(), f"{name_of(path)}-eks-") for path in ELSEWHERE}
        assert found["security.key"]["cluster-cluster"] == "replace"
        for ops in found.values():
            assert ops["pods-deployment"] == ops["pods-service"] == "replace"
        same_as(HERE.parent / "golden" / "eks_elsewhere.json", found, str(HERE))


def name_of(path: str) -> str:
    """The name of the endpoint in which a field is changed."""
    return path.replace(".", "-")


def planned(preview: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """What becomes of an endpoint's resources, by their names without its own."""
    return {
        name.removeprefix(endpoint): op for name, op in sorted(preview.items()) if name.startswith(endpoint)
    }
