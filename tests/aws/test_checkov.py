"""checkov over the graphs: everything scanned, nothing unexplained, and what is bad goes red."""

import datetime as dt
import json
from pathlib import Path

import pytest

from support.aws.graph import captured, in_aws
from support.aws.modes import MODES, graph_of, mode_of
from support.aws.samples import BARE, HARDENED, bare, hardened
from support.aws.terraform import TERRAFORM
from support.clouds.audit import exemptions, scan, unexplained
from support.clouds.checkov_environment import program
from support.clouds.graph import Graph
from support.clouds.modes import renamed, together

KNOWN = Path(__file__).with_name("checkov_exemptions.toml")
TODAY = dt.datetime.now(dt.UTC).date()

# Each of these is a row of the controls that has a check in checkov.
BAD = {
    "CKV_AWS_7": "key",
    "CKV_AWS_21": "models",
    "CKV_AWS_50": "function",
    "CKV_AWS_51": "images",
    "CKV_AWS_66": "logs",
    "CKV_AWS_115": "function",
    "CKV_AWS_116": "function",
    "CKV_AWS_117": "function",
    "CKV_AWS_136": "images",
    "CKV_AWS_145": "models",
    "CKV_AWS_158": "logs",
    "CKV_AWS_163": "images",
    "CKV_AWS_338": "logs",
    "CKV2_AWS_6": "models",
    "CKV2_AWS_64": "key",
}

WITHOUT_CHECKS = {"eks: existing, model from elsewhere", "eks: existing, own identity and key"}
"""Modes that make nothing in AWS that checkov has a check for: the cluster is there."""


def test_every_mode_is_explained_and_what_is_bad_goes_red(tmp_path: Path) -> None:
    """One scan: checkov takes longer to start than to look."""
    modes, good, bad = together(graph_of(mode) for mode in MODES), captured(hardened), captured(bare)
    graph = together([modes, renamed(good, "good-"), renamed(bad, "bad-")])
    made = TERRAFORM.plan(graph)
    done = scan(made, tmp_path, program())
    assert done.resources + len(made.absent) == len(in_aws(graph)) == len(in_aws(modes)) + HARDENED + BARE
    assert {one.token for one in made.absent} == {"aws-native:sagemaker:InferenceComponent"}

    known = exemptions(KNOWN, TODAY)
    wrong = [failure for failure in done.failures if not failure.name.startswith("bad-")]
    assert unexplained(wrong, known) == []
    unused = [one for one in known if not any(one.covers(failure) for failure in wrong)]
    assert unused == [], "an exemption that nothing needs"
    scanned = {mode_of(name) for _, name in done.passed if not name.startswith(("good-", "bad-"))}
    assert MODES.keys() - scanned == WITHOUT_CHECKS

    failed = {(one.check, one.name) for one in done.failures}
    red = {(check, f"bad-{name}") for check, name in BAD.items()}
    assert failed >= red, red - failed
    assert {check for check, name in done.passed if not name.startswith("bad-")} >= BAD.keys()
    assert unexplained([one for one in done.failures if one.name.startswith("bad-")], known)


def test_an_empty_plan_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing would be checked"):
        scan(TERRAFORM.plan(Graph(())), tmp_path, program())


@pytest.mark.parametrize(
    ("count", "errors"), [(0, 0), (BARE - 1, 0), (BARE, 1)], ids=["nothing", "one less", "one unreadable"]
)
def test_a_plan_that_checkov_does_not_see_is_an_error(tmp_path: Path, count: int, errors: int) -> None:
    """It ends well when it found nothing to look at: its summary is then all that it prints."""
    checkov = tmp_path / "checkov"
    said = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": errors, "resource_count": count}
    checkov.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    checkov.chmod(0o755)
    with pytest.raises(ValueError, match=f"the plan has {BARE} resources"):
        scan(TERRAFORM.plan(captured(bare)), tmp_path, checkov)
