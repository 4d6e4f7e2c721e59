"""The command line of `build.py`, with programs in the engines' places."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from context import ROOT


@pytest.fixture
def build(tmp_path: Path) -> "Build":
    return Build(tmp_path)


class Build:
    """Runs `build.py` with nothing on PATH but a Buildah that writes down what it was told, and fails."""

    def __init__(self, folder: Path) -> None:
        self.told = folder / "told"
        self.output = folder / "output"
        self.programs = folder / "programs"
        self.programs.mkdir()
        buildah = self.programs / "buildah"
        buildah.write_text(f'#!/bin/sh\n[ "$1" = info ] && exit 0\necho "$@" >>{self.told}\nexit 1\n')
        buildah.chmod(0o755)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "serving_image/image/build.py", "--output", str(self.output), *arguments]
        environ = {**os.environ, "PATH": str(self.programs)}
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--base", "python:3.13"], "--base python:3.13: allowed are IMAGE@sha256:DIGEST and `debian`"),
        (["--base", "debian"], "--base debian needs mmdebstrap"),
        (["--platform", "linux/s390x"], "--platform linux/s390x: allowed are linux/amd64 and linux/arm64"),
        (["--model", "no/such.onnx"], "--model no/such.onnx: there is no such file or folder"),
        (["--engine", "podman"], "podman: not on PATH"),
        (["--context", "x", "--base", "debian"], "allowed with --context is IMAGE@sha256:DIGEST"),
        (["--context", "docs"], "--context docs: it holds files of others"),
    ],
)
def test_what_cannot_be_built_is_one_line_and_no_build(build: Build, arguments: list[str], says: str) -> None:
    done = build(*arguments)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not build.told.exists()
