import re

import pytest

from modelberth.preview.plan import Op
from modelberth.preview.render import mermaid
from modelberth.preview.render.diagram import MOST_NODES, tree
from support.hostile import HOSTILE, hostile
from support.reports import component, dangerous, hundred, plan, step, urn

NODE = re.compile(r'  n\d+\["([A-Za-z0-9 ,_/<>#;-]*)"\](?::::(created|changed|replaced|removed))?')
EDGE = re.compile(r"  n(\d+) --> n(\d+)")
PARENT = urn("modelberth:index:ModelEndpoint", "iris")


def read(text: str) -> tuple[list[tuple[str, str]], list[tuple[int, int]]]:
    """The nodes and edges of a picture; fails on every line that is neither, nor a style."""
    first, *lines = text.splitlines()
    assert first == "flowchart LR"
    nodes, edges = [], []
    for line in lines:
        if node := NODE.fullmatch(line):
            nodes.append((node[1], node[2] or ""))
        elif edge := EDGE.fullmatch(line):
            edges.append((int(edge[1]), int(edge[2])))
        else:
            assert re.fullmatch(r"  classDef (created|changed|replaced|removed) [#\w,:; -]+", line), line
    # A tree: each node but the first has one parent, which comes before it.
    assert sorted(child for _, child in edges) == list(range(1, len(nodes)))
    assert all(parent < child for parent, child in edges)
    return nodes, edges


def test_what_changes_is_marked() -> None:
    nodes, edges = read(mermaid(dangerous().plan))
    assert ("churn-endpoint<br/>Endpoint, replaced", "replaced") in nodes
    assert ("churn-config<br/>EndpointConfiguration, created", "created") in nodes
    assert ("churn-access<br/>RolePolicy, changed", "changed") in nodes
    assert ("old-models<br/>Bucket, removed", "removed") in nodes
    assert ("churn-log<br/>LogGroup", "") in nodes
    assert (len(nodes), len(edges)) == (12, 11)


def test_what_stays_is_folded_into_a_count() -> None:
    still = [step("aws:iam/role:Role", f"role-{n}", Op.SAME, parent=PARENT) for n in range(7)]
    changed = step("aws:s3/bucket:Bucket", "store", Op.UPDATE, {"a": 1}, {"a": 2}, parent=PARENT)
    nodes, _ = read(mermaid(plan(component("iris"), *still, changed, component("b"), component("c"))))
    labels = [
        "shop/prod",
        "iris<br/>ModelEndpoint",
        "store<br/>Bucket, changed",
        "7 unchanged",
        "2 unchanged",
    ]
    assert [label for label, _ in nodes] == labels


def test_providers_are_shown_where_they_change() -> None:
    token = "pulumi:providers:aws"
    quiet = step(token, "east", Op.SAME)
    moved = step(token, "west", Op.UPDATE, {"region": "a"}, {"region": "b"})
    nodes, _ = read(mermaid(plan(quiet, moved)))
    assert [label for label, _ in nodes] == ["shop/prod", "west<br/>aws, changed"]


@pytest.mark.parametrize("most", [3, 10, 60, 120])
def test_a_large_stack_is_folded(most: int) -> None:
    whole = tree(hundred().plan)
    assert whole.size == 1101
    small = tree(hundred().plan, most)
    assert small.size <= most
    if most < 101:
        assert small.children[-1].label == f"{100 - (most - 2)} more"
    nodes, _ = read(mermaid(hundred().plan, most))
    assert len(nodes) == small.size
    if most < 120:
        assert nodes[1][0] == "endpoint-000-with-a-name-of-usual-length<br/>ModelEndpoint, 11 created"


def test_what_is_grave_is_folded_last() -> None:
    steps = []
    for number in range(80):
        op = Op.REPLACE if number == 70 else Op.CREATE
        parent = urn("modelberth:index:ModelEndpoint", f"e{number}")
        bucket = step("aws:s3/bucket:Bucket", f"b{number}", op, {"a": 1}, {"a": 2}, parent=parent)
        steps += [component(f"e{number}"), bucket]
    nodes, _ = read(mermaid(plan(*steps)))
    assert len(nodes) == MOST_NODES
    assert ("e70<br/>ModelEndpoint, 1 replaced", "replaced") in nodes
    assert nodes[-1] == ("22 more<br/>22 created", "created")
    nodes, _ = read(mermaid(plan(*steps), 100))
    assert ("b70<br/>Bucket, replaced", "replaced") in nodes
    assert ("e0<br/>ModelEndpoint", "") in nodes
    assert ("e79<br/>ModelEndpoint, 1 created", "created") in nodes


def test_what_is_below_an_unknown_parent_hangs_at_the_stack() -> None:
    lost = step("aws:s3/bucket:Bucket", "lost", Op.CREATE, None, {}, parent="urn:pulumi:x::y::z::gone")
    _, edges = read(mermaid(plan(lost)))
    assert edges == [(0, 1)]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_leaves_its_label(text: str) -> None:
    nodes, _ = read(mermaid(hostile(text).plan))
    assert len(nodes) == 6


def test_the_same_plan_gives_the_same_picture() -> None:
    assert mermaid(dangerous().plan) == mermaid(dangerous().plan)
