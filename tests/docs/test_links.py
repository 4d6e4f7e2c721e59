"""Links between documents lead somewhere, and no document has code that nobody runs."""

import re
from pathlib import Path

import pytest

from support.project import REPOSITORY

RUN = {
    "README.md",
    "docs/aws.md",
    "docs/gcp-monitoring.md",
    "docs/gcp.md",
    "docs/kubernetes.md",
    "docs/local.md",
    "docs/stand-ins.md",
    "docs/vertex-resources.md",
    "examples/clouds/README.md",
    "examples/composed/README.md",
    "examples/image_classification/README.md",
    "examples/pipeline/README.md",
}
"""Documents whose blocks a test runs."""
ELSEWHERE = {
    "docs/cluster.md",
    "docs/conformance.md",
    "docs/image.md",
    "docs/kubernetes-monitoring.md",
    "docs/model-package.md",
    "docs/optimizing.md",
    "docs/runtimes.md",
    "docs/watching.md",
    "serving_image/README.md",
}
"""Documents whose blocks are shown only; the tests of that folder answer for them."""

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "models/**/*.md", "serving_image/*.md")
    for path in REPOSITORY.glob(pattern)
    if ".venv" not in path.parts
)


def links(document: Path) -> list[str]:
    """Targets of the document's links to other files and to its own headings."""
    text = re.sub(r"(?ms)^```.*?^```$", "", document.read_text(encoding="utf-8"))
    found = re.findall(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(document: Path) -> set[str]:
    """The ids that GitHub gives to the headings of a document."""
    headings = re.findall(r"(?m)^#+ (.+)$", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_broken(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target)


def test_every_relative_link() -> None:
    found = [(document, link) for document in DOCUMENTS for link in links(document)]
    broken = [
        f"{document.relative_to(REPOSITORY)}: {link}" for document, link in found if is_broken(document, link)
    ]
    assert broken == []
    assert len(DOCUMENTS) >= 15
    assert len(found) >= 33


@pytest.mark.parametrize("link", ["gone.md", "README.md#gone", "#gone"])
def test_a_broken_link_is_found(link: str) -> None:
    assert is_broken(REPOSITORY / "README.md", link)
    assert not is_broken(REPOSITORY / "README.md", "README.md#targets")


def test_every_document_with_code_is_run() -> None:
    with_code = {
        str(document.relative_to(REPOSITORY))
        for document in DOCUMENTS
        if re.search(r"(?m)^```", document.read_text(encoding="utf-8"))
    }
    assert with_code == RUN | ELSEWHERE


def test_every_decision_is_dated_and_listed() -> None:
    folder = REPOSITORY / "docs" / "adr"
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert listed == sorted(file.name for file in folder.glob("0*.md"))
    assert len(listed) >= 6
    for name in listed:
        number, text = int(name[:4]), (folder / name).read_text()
        assert re.match(rf"# {number}\. .+\n\n\d{{4}}-\d\d-\d\d, (accepted|replaced by \d+)\n", text), name
        assert re.findall(r"(?m)^## (.+)$", text) == ["Context", "Decision", "Consequences"], name
