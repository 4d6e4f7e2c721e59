"""Exceptions to an audit: a reason, an end, and only what they name."""

import datetime as dt
from pathlib import Path

import pytest

from support.clouds.audit import Exemption, Failure, exemptions, unexplained

TODAY = dt.date(2026, 11, 22)
FAILURE = Failure("CKV_AWS_272", "aws:lambda/function:Function", "iris-function", "code signing")
REASON = "Lambda signs no container images"


def written(folder: Path, *, reason: str = REASON, expires: str = "2027-05-01") -> Path:
    file = folder / "exemptions.toml"
    what = 'check = "CKV_AWS_272"\ntype = "aws:lambda/function:Function"\n'
    file.write_text(f'[[exemptions]]\n{what}reason = "{reason}"\nexpires = {expires}\n')
    return file


def test_what_an_exemption_covers(tmp_path: Path) -> None:
    known = exemptions(written(tmp_path), TODAY)
    others = [
        Failure("CKV_AWS_50", FAILURE.token, FAILURE.name, "tracing"),
        Failure(FAILURE.check, "aws:kms/key:Key", FAILURE.name, "rotation"),
    ]
    assert unexplained([FAILURE, *others], known) == others


def test_an_exemption_for_some_names() -> None:
    one = Exemption(FAILURE.check, FAILURE.token, REASON, TODAY, name="*-function")
    assert one.covers(FAILURE)
    assert not one.covers(Failure(FAILURE.check, FAILURE.token, "iris-edge", "code signing"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"expires": "2026-11-21"}, "which is over"),
        ({"expires": "2028-01-01"}, "within a year"),
        ({"reason": "later"}, "allowed: a sentence"),
    ],
)
def test_an_exemption_that_is_refused(tmp_path: Path, given: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        exemptions(written(tmp_path, **given), TODAY)


def test_an_exemption_holds_on_its_last_day(tmp_path: Path) -> None:
    assert len(exemptions(written(tmp_path, expires="2026-11-22"), TODAY)) == 1
