"""Where and when the figures were taken."""

import os
import platform
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

__all__ = ["Machine"]

_PACKAGES = ("pulumi", "pydantic", "onnxruntime")


@dataclass(frozen=True)
class Machine:
    """What a figure depends on beside the code."""

    date: str
    system: str
    processor: str
    cores: int
    python: str
    engine: str
    packages: dict[str, str]

    @classmethod
    def here(cls, engine: str) -> Self:
        """Look at this machine; `engine` is the version of the Pulumi CLI."""
        return cls(
            date=datetime.now(UTC).date().isoformat(),
            system=platform.platform(),
            processor=_processor(),
            cores=os.cpu_count() or 1,
            python=platform.python_version(),
            engine=engine,
            packages={name: version(name) for name in _PACKAGES},
        )

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.date}, {self.cores} cores of {self.processor}, {self.system}, "
            f"Python {self.python}, Pulumi CLI {self.engine}, {packages}"
        )


def _processor() -> str:
    """The processor's name, which only Linux tells in a file and only macOS tells Python."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
