"""The guide to the targets in Google Cloud: its preview runs, its examples deploy, its tables hold."""

import re
from collections import Counter

import pulumi
import pytest
from pulumi.runtime import mocks

from docs.guide_examples import endpoint_of, own_stack
from docs.markdown import Session, blocks
from modelberth.capabilities import check
from modelberth.capability_table import load
from modelberth.endpoint import ModelEndpoint, ModelEndpointArgs
from modelberth.gcp.plan import Plan
from modelberth.gcp.vertex import access
from modelberth.gcp.vertex.limits import limits
from modelberth.spec import EndpointDeployment, VertexTarget
from support.gcp_blocks import GcpRecorder
from support.gcp_gke import GkeMonitor, GkeRecorder
from support.gcp_vertex import VertexRecorder
from support.project import REPOSITORY
from support.recording import RecordingMonitor, run

__all__ = ["own_stack"]

GUIDE = REPOSITORY / "docs" / "gcp.md"
FILES = {block.attributes["file"]: block for block in blocks(GUIDE) if "file" in block.attributes}
BASE = "Pulumi.shop.yaml"
EXAMPLES = [name for name, block in FILES.items() if block.language == "yaml"]
PROGRAMS = {
    "platform.py": {
        "gcp:artifactregistry/repository:Repository": 1,
        "gcp:kms/cryptoKey:CryptoKey": 1,
        "gcp:projects/service:Service": 12,
        "gcp:storage/bucket:Bucket": 2,
    },
    "shared.py": {
        "gcp:container/cluster:Cluster": 1,
        "kubernetes:apps/v1:Deployment": 2,
        "kubernetes:core/v1:Namespace": 2,
    },
}
"""What of each kind a program makes."""


def endpoint(name: str) -> EndpointDeployment:
    return endpoint_of(FILES, BASE, EXAMPLES, name)


def recorder(kind: str) -> GcpRecorder:
    """A recorder that knows what Google would make for a kind; the next program registers with it."""
    made = GkeRecorder() if kind == "gke" else VertexRecorder()
    monitor = GkeMonitor(made) if isinstance(made, GkeRecorder) else RecordingMonitor(made)
    mocks.set_mocks(made, project="modelberth", stack="shop", preview=False, monitor=monitor)
    return made


@pytest.mark.engine
def test_every_command_runs(session: Session) -> None:
    found = [block for block in blocks(GUIDE) if block.attributes.get("file", BASE) == BASE]
    for block in found:
        session.run(block)
    assert Counter(block.language for block in found) == {"yaml": 1, "sh": 1, "text": 1}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_can_be_deployed(name: str) -> None:
    deployment = endpoint(name)
    assert check(deployment.spec, deployment.target) == ()
    made = recorder(deployment.target.kind)
    args = ModelEndpointArgs(deployment.spec, deployment.target)
    run(made, lambda: ModelEndpoint("iris", args))
    assert len(made.resources) > 10


def test_there_is_an_example_of_each_way() -> None:
    found = [endpoint(name) for name in EXAMPLES]
    assert Counter(one.target.kind for one in found) == {"cloud_run": 8, "vertex": 6, "gke": 4}
    strategies = {(one.target.kind, one.spec.rollout.strategy) for one in found}
    assert strategies >= {("cloud_run", "canary"), ("vertex", "canary"), ("gke", "rolling")}
    engines = {one.spec.runtime.engine for one in found}
    assert engines == {"onnxruntime", "tensorflow-serving", "custom", "triton"}


def test_the_first_table_has_each_target_in_google_cloud() -> None:
    rows = re.findall(r"(?m)^\| \[`(\w+)`\]\(#\w+\) \|", GUIDE.read_text())
    assert rows == [
        kind for kind, table in load().items() if table.status == "available" and "gcp" in table.extras
    ]


def test_the_table_of_ways_has_their_limits() -> None:
    rows = re.findall(
        r"(?m)^\| `(\w+)`(?: \(default[^)]*\))? \| [^|]+ \| ([\d.]+) MB \| (\d+) (s|min) \|",
        GUIDE.read_text(),
    )
    units = {"s": 1, "min": 60}
    assert {
        kind: (round(float(body) * 10**6), int(time) * units[unit]) for kind, body, time, unit in rows
    } == {kind: (one.body_bytes, one.timeout_seconds) for kind, one in limits().access.items()}


def test_the_table_of_metrics_is_that_of_the_capabilities() -> None:
    section = GUIDE.read_text().partition("\n## How many replicas\n")[2]
    told = {
        kind: set(re.findall(r"`(\w+)`", metrics))
        for kind, metrics in re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", section)
    }
    known = {kind: set(load()[kind].rows["scaling.metric"].values) for kind in ("cloud_run", "vertex")}
    assert {kind: told[kind] for kind in known} == known


def test_the_address_that_is_called_is_the_contracts() -> None:
    deployment = endpoint("dedicated.yaml")
    assert isinstance(deployment.target, VertexTarget)
    plan = Plan.of(deployment.spec, deployment.target, "modelberth", "shop")
    (shown,) = re.findall(r'(?m)^        "(https://\S+)"$', GUIDE.read_text())
    assert shown == f"{access.url(plan)}{access.predict_path(plan)}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_registers_what_it_is_for(name: str) -> None:
    made = recorder("gke")

    def program() -> None:
        exec(compile(FILES[name].text, name, "exec"), {})
        pulumi.export("done", "yes")

    run(made, program)
    kinds = Counter(resource.type for resource in made.resources)
    assert {kind: kinds[kind] for kind in PROGRAMS[name]} == PROGRAMS[name]
