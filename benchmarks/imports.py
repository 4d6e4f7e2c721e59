"""What importing the package costs, against the two libraries that it is made of."""

import sys
from collections.abc import Callable, Iterator

from comparison import Comparison, Race
from timing import BenchmarkError, Cost, timed

__all__ = ["compare"]

AIM = 1.2
# The components of a cloud need its SDK, which is not ours.
_OURS = """import modelberth
for name, home in modelberth._HOMES.items():
    if not home.startswith(("modelberth.aws.", "modelberth.gcp.")):
        getattr(modelberth, name)
"""
# pydantic imports a class when its name is first used: the bare import is less than any use of it.
_PROGRAMS = {
    "import modelberth, every public name": _OURS,
    "import pulumi, pydantic": "import pulumi, pydantic",
    "import pulumi, pydantic's BaseModel, Field": "import pulumi\nfrom pydantic import BaseModel, Field",
}
_CLOUDS = ("pulumi_", "boto", "google.cloud", "azure", "kubernetes", "onnxruntime", "numpy")


def compare(rounds: int) -> Iterator[Comparison]:
    """Whole processes, the interpreter's own start in both.

    Raises:
        BenchmarkError: importing the package imports a cloud's SDK.
    """
    _require_no_cloud()
    ours, *others = _PROGRAMS
    race = Race.run({name: _process(program) for name, program in _PROGRAMS.items()}, rounds)
    for other in others:
        yield race.compare(ours, other, AIM)


def _process(program: str) -> Callable[[], Cost]:
    return lambda: timed([sys.executable, "-c", program]).cost


def _require_no_cloud() -> None:
    look = f"import sys\nprint(*[name for name in sys.modules if name.startswith({_CLOUDS})])"
    found = timed([sys.executable, "-c", f"{_OURS}\n{look}"]).output.split()
    if found:
        raise BenchmarkError(f"import modelberth imports {', '.join(found)}")
