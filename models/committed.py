"""The package and the card beside a `train.py`: what training writes, and what `--check` holds against it."""

import argparse
import difflib
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from modelberth.packaging import MANIFEST, Package

__all__ = ["Training", "check", "committed", "made_with", "main"]

MADE_WITH = "Made with: "


@dataclass(frozen=True)
class Training:
    """What one run of a `train.py` came to, and how it compares packages.

    `card` writes the model card of a package. `difference` says how the answers of two packages, the
    committed one first, differ by more than rounding; None if they do not.
    """

    package: Package
    card: Callable[[Package], str]
    difference: Callable[[Package, Package], str | None]


def made_with(*libraries: str) -> str:
    """Say which versions of `libraries` are installed; the one line of a card that `check` leaves out."""
    return MADE_WITH + ", ".join(f"{name} {version(name)}" for name in libraries)


def committed(folder: Path) -> Package:
    """Read the package that lies in `folder`."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    files = {name: (folder / name).read_bytes() for name in manifest.pop("files")}
    manifest.pop("format")
    return Package(manifest, files)


def check(folder: Path, training: Training) -> list[str]:
    """List what is wrong with the package and the card in `folder`, as another training sees them."""
    package = committed(folder / "package")
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    sha256 = hashlib.sha256((folder / "package" / MANIFEST).read_bytes()).hexdigest()
    if f"`{sha256}`" not in card:
        return [f"package/{MANIFEST} has sha256 {sha256}, which is not the one in MODEL_CARD.md"]
    if package.sha256 != sha256:
        return [f"package/{MANIFEST} does not pin the files that lie beside it"]
    problems = []
    # Another version of a library may write other bytes, yet it has to come to the same answers.
    if difference := training.difference(package, training.package):
        problems.append(f"training again gives another model: {difference}")
    told, measured = (
        [line for line in text.splitlines() if not line.startswith(MADE_WITH)]
        for text in (card, training.card(package))
    )
    if told != measured:
        diff = difflib.unified_diff(told, measured, "MODEL_CARD.md", "measured", n=0, lineterm="")
        problems.append("MODEL_CARD.md does not say what was measured:\n" + "\n".join(diff))
    return problems


def main(folder: Path, train: Callable[[], Training]) -> int:
    """Train, then write the package and the card into `folder`, or check those that lie there."""
    parser = argparse.ArgumentParser(description=f"Train the model of {folder.name}, or check what is there.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 on a difference")
    checking = parser.parse_args().check
    training = train()
    if checking:
        problems = check(folder, training)
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1 if problems else 0
    training.package.write(folder / "package")
    (folder / "MODEL_CARD.md").write_text(training.card(training.package), encoding="utf-8")
    return 0
