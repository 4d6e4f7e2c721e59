"""checkov over the graphs: everything scanned, nothing unexplained, and what is bad goes red."""

import datetime as dt
from pathlib import Path

from support.clouds.audit import exemptions, scan, unexplained
from support.clouds.checkov_environment import program
from support.clouds.flips import flipped
from support.clouds.modes import together
from support.gcp.flips import FLIPS
from support.gcp.graph import in_gcp
from support.gcp.modes import MODES, graph_of, mode_of
from support.gcp.terraform import TERRAFORM

KNOWN = Path(__file__).with_name("checkov_exemptions.toml")
TODAY = dt.datetime.now(dt.UTC).date()

WITHOUT_CHECKS = {"blocks: pods"}
"""Modes that make nothing in Google Cloud that checkov has a check for."""


def test_every_mode_is_explained(tmp_path: Path) -> None:
    """One scan: checkov takes longer to start than to look."""
    graph = together(graph_of(mode) for mode in MODES)
    made = TERRAFORM.plan(graph)
    done = scan(made, tmp_path, program())
    assert done.resources == len(in_gcp(graph))
    assert made.absent == []

    known = exemptions(KNOWN, TODAY)
    assert unexplained(done.failures, known) == []
    unused = [one for one in known if not any(one.covers(failure) for failure in done.failures)]
    assert unused == [], "an exemption that nothing needs"
    scanned = {mode_of(name) for _, name in done.passed}
    assert MODES.keys() - scanned == WITHOUT_CHECKS
    # What goes red below is green here.
    assert {(flip.check, flip.of or flip.name) for flip in FLIPS} <= {*done.passed}


def test_what_is_bad_is_unexplained(tmp_path: Path) -> None:
    """Each control that checkov knows, undone in the good modes, fails its check, and no exemption covers it."""
    bad = flipped(together(graph_of(mode) for mode in MODES), FLIPS)
    done = scan(TERRAFORM.plan(bad), tmp_path, program())
    left = {(one.check, one.name) for one in unexplained(done.failures, exemptions(KNOWN, TODAY))}
    assert left >= {(flip.check, flip.of or flip.name) for flip in FLIPS}
    assert len({flip.row for flip in FLIPS}) >= 4
