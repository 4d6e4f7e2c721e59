"""The two forms of the server: as Python, which a checkout runs, and compiled, which the image runs."""

import subprocess
import sys
from functools import cache
from pathlib import Path

COMPILE = Path(__file__).resolve().parents[2] / "serving_image" / "image" / "compiled.py"


@cache
def compiled() -> dict[str, str]:
    """Variables of a process that runs the compiled form; the first to ask compiles it, in half a minute.

    Processes of tests run it, because tests in this process run the other one. Where nothing can be compiled
    for the image's system, both are the same.
    """
    if sys.platform != "linux":
        return {}
    done = subprocess.run([sys.executable, COMPILE], check=True, stdout=subprocess.PIPE, text=True)
    return {"PYTHONPATH": done.stdout.strip()}
