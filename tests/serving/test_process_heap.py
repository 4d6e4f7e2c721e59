"""What large bodies free is kept for the next ones: the kernel is not asked for the same pages again."""

import platform
import subprocess
import sys

import pytest

from modelberth_server.process.heap import OVERRIDES

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")

# Four images at once, freed before the next four; more is freed than glibc by itself would keep.
PROGRAM = """
import resource, sys
import numpy as np
from modelberth_server.process.heap import keep_freed

if sys.argv[1] == "kept":
    assert keep_freed({})
else:
    assert not keep_freed(dict.fromkeys(sys.argv[2:], "1"))

def images():
    return [np.full(602_112, 1, np.uint8) for _ in range(4)]

for _ in range(5):
    images()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    images()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    """Pages that the kernel had to give for 200 images, of 147 each, in a process of its own."""
    program = [sys.executable, "-c", PROGRAM, *arguments]
    finished = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60, env={})
    return int(finished.stdout)


def test_pages_are_asked_for_once() -> None:
    assert faults("kept") < 500


@pytest.mark.parametrize("variable", OVERRIDES)
def test_who_sets_the_allocator_is_left_alone(variable: str) -> None:
    assert faults("left", variable) > 5000
