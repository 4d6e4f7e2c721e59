"""The guide to the target `kubernetes`: its preview runs, its examples are deployable, its Role is enough."""

from collections import Counter
from typing import Any

import pytest
import yaml

from docs.markdown import Block, Session, blocks
from modelberth.capabilities import check
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.preflight.needs import needs
from modelberth.kubernetes.preflight.requirements import Permission
from modelberth.kubernetes.stages import stages
from modelberth.spec import EndpointDeployment, KubernetesTarget, parse
from support.endpoint_modes import MODES
from support.project import REPOSITORY

GUIDE = REPOSITORY / "docs" / "kubernetes.md"
FILES = {block.attributes["file"]: block for block in blocks(GUIDE) if block.language == "yaml"}
BASE, ROLE = "Pulumi.shop.yaml", "role.yaml"
EXAMPLES = [name for name in FILES if name not in {BASE, ROLE}]


def read(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(block.text)
    return found


def endpoint(name: str) -> EndpointDeployment:
    """The example's fields in the place of the first endpoint's; those of the target beside the target's."""
    base = read(FILES[BASE])["config"]["modelberth:endpoints"][0]
    example = {} if name == BASE else read(FILES[name])
    target = {**base["target"], **example.get("target", {})}
    return parse(EndpointDeployment, {**base, **example, "target": target})


def permissions(deployment: EndpointDeployment) -> list[Permission]:
    assert isinstance(deployment.target, KubernetesTarget)
    plan = Plan.of(deployment.spec, deployment.target, "shop", "dev")
    made = [*stages(plan)]
    assert len(made) >= 6
    return [*needs(plan, made).permissions]


def plural(kind: str) -> str:
    """As the API server names the kind."""
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return name if name.endswith("s") else f"{name}s"


@pytest.mark.engine
def test_every_command_runs(session: Session) -> None:
    found = [block for block in blocks(GUIDE) if block.attributes.get("file", BASE) == BASE]
    for block in found:
        session.run(block)
    assert Counter(block.language for block in found) == {"yaml": 1, "sh": 1, "text": 1}


@pytest.mark.parametrize("name", [BASE, *EXAMPLES])
def test_an_example_can_be_deployed(name: str) -> None:
    deployment = endpoint(name)
    assert check(deployment.spec, deployment.target) == ()
    assert permissions(deployment)


def test_there_is_an_example_of_each_way() -> None:
    assert len(EXAMPLES) == 10
    assert {endpoint(name).spec.rollout.strategy for name in EXAMPLES} >= {"rolling", "canary", "blue_green"}


def test_the_role_is_what_the_first_endpoint_needs_and_no_more() -> None:
    needed = {
        (one.api_version.rpartition("/")[0], plural(one.kind)): {*one.verbs}
        for one in permissions(endpoint(BASE))
    }
    rules = read(FILES[ROLE])["rules"]
    given = {resource: {*rule["verbs"]} for rule in rules for resource in rule["resources"]}
    assert given == {resource: verbs for (_, resource), verbs in needed.items()}
    for rule in rules:
        groups = {group for group, resource in needed if resource in rule["resources"]}
        assert groups == {*rule["apiGroups"]}


def test_the_table_has_all_that_a_setting_brings() -> None:
    text = GUIDE.read_text()
    table = text[text.index("| setting | resources |") : text.index("Whoever lacks one")]
    base = {one.kind for one in permissions(endpoint(BASE)) if "create" in one.verbs}
    brought = {
        one.kind
        for mode in MODES.values()
        for one in permissions(mode.deployment)
        if "create" in one.verbs and one.kind not in base
    }
    assert len(brought) > 14
    assert [kind for kind in sorted(brought) if plural(kind) not in table] == []
