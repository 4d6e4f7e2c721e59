"""The image itself: named by $MODELBERTH_TEST_IMAGE, the folder that `make image` writes, and never guessed.

Without it the tests of a built image are not collected, so that no test skips; those of the programs that
build it run everywhere. The image has to be one with the iris model in it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from archive import Image

FOLDER = "MODELBERTH_TEST_IMAGE"

collect_ignore_glob = [] if os.environ.get(FOLDER) else ["test_built_*.py"]


@dataclass(frozen=True)
class BuiltImage:
    folder: Path
    tag: str
    base: str
    image: Image

    @property
    def sbom(self) -> str:
        return (self.folder / "sbom.cdx.json").read_text()


@pytest.fixture(scope="session")
def built() -> BuiltImage:
    folder = Path(os.environ[FOLDER])
    report = json.loads((folder / "report.json").read_text())
    image = Image(folder / "image.oci.tar")
    assert image.digest == report["digest"], "the report and the archive are of two builds"
    return BuiltImage(folder, report["tag"], report["base"], image)
