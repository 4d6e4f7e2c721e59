"""checkov over the graphs: everything scanned, nothing unexplained, and what is bad goes red."""

import datetime as dt
from pathlib import Path

from support.clouds.audit import exemptions, scan, unexplained
from support.clouds.checkov_environment import program
from support.clouds.flips import flipped
from support.clouds.modes import renamed, together
from support.gcp.flips import FLIPS
from support.gcp.graph import in_gcp
from support.gcp.modes import MODES, graph_of, mode_of
from support.gcp.terraform import TERRAFORM

KNOWN = Path(__file__).with_name("checkov_exemptions.toml")
TODAY = dt.datetime.now(dt.UTC).date()

WITHOUT_CHECKS = {
    "blocks: garden",
    "gke: existing, model from elsewhere",
    "gke: existing, own identity",
}
"""Modes that make nothing in Google Cloud that checkov has a check for."""


def test_every_mode_is_explained_and_what_is_bad_goes_red(tmp_path: Path) -> None:
    """One scan of the modes, and of some with each control undone that checkov knows.

    checkov takes longer to start than to look.
    """
    good = together(graph_of(mode) for mode in MODES)
    undone = together(graph_of(mode) for mode in dict.fromkeys(mode_of(flip.name) for flip in FLIPS))
    bad = renamed(flipped(undone, FLIPS), "bad-")
    made = TERRAFORM.plan(together([good, bad]))
    done = scan(made, tmp_path, program())
    assert done.resources == len(in_gcp(good)) + len(in_gcp(bad))
    assert made.absent == []

    known = exemptions(KNOWN, TODAY)
    wrong = [failure for failure in done.failures if not failure.name.startswith("bad-")]
    assert unexplained(wrong, known) == []
    unused = [one for one in known if not any(one.covers(failure) for failure in wrong)]
    assert unused == [], "an exemption that nothing needs"
    passed = [one for one in done.passed if not one[1].startswith("bad-")]
    assert MODES.keys() - {mode_of(name) for _, name in passed} == WITHOUT_CHECKS

    # Each flip is green where it is not done, and red where it is; no exemption covers it.
    places = {(flip.check, flip.of or flip.name) for flip in FLIPS}
    assert places <= {*passed}
    red = {(one.check, one.name) for one in unexplained(done.failures, known)}
    assert {(check, f"bad-{name}") for check, name in places} - red == set()
    assert len({flip.row for flip in FLIPS}) >= 10
