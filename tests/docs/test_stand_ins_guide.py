"""The guide to the stand-in providers does what it says."""

from collections import Counter

import pytest

from docs.markdown import Session, blocks
from support.project import REPOSITORY

GUIDE = REPOSITORY / "docs" / "stand-ins.md"


@pytest.mark.engine
def test_every_block_runs(session: Session) -> None:
    found = blocks(GUIDE)
    for block in found:
        session.run(block)
    assert Counter(block.language for block in found) == {"yaml": 1, "python": 4, "sh": 2, "text": 1}
