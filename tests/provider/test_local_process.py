"""What no engine and no model server can bring about: the machine itself fails."""

import sys
from pathlib import Path

import pytest

from modelberth.provider.local_process import LocalProcess
from modelberth.provider.resource import ResourceError, Settings
from support.project import IRIS


def test_a_supervisor_that_ends_at_once_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = LocalProcess(Settings(root=IRIS.parent, state_dir=tmp_path))
    inputs = process.check({"name": "iris", "model": IRIS.name}, {}).inputs
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no module named modelberth'\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(ResourceError, match="did not answer: no module named modelberth"):
        process.create(inputs, timeout=0)
    assert [path.name for path in tmp_path.iterdir()] == ["python"]
