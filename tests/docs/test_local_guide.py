"""The guide to the local target does what it says."""

from collections import Counter

import pytest

from docs.markdown import Session, blocks
from support.project import REPOSITORY, Project

GUIDE = REPOSITORY / "docs" / "local.md"


@pytest.mark.engine
def test_every_block_runs(session: Session, project: Project) -> None:
    found = blocks(GUIDE)
    for block in found:
        session.run(block)
    assert Counter(block.language for block in found) == {"mermaid": 1, "sh": 6, "text": 4}
    assert project.leftovers() == []
