"""Every form of a few reports, compared as a whole: a change of what people see is seen in review."""

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from modelberth.preview.render import markdown, terminal, to_dict
from modelberth.preview.report import Report
from support.reports import readable

GOLDEN = Path(__file__).with_name("golden") / "reports"
REGENERATE = f"PYTHONPATH=tests python {Path(__file__).relative_to(Path(__file__).parents[2])}"
REPORTS = dict(readable())


def forms(report: Report) -> dict[str, str]:
    """The three forms by file ending."""
    out = io.StringIO()
    terminal(report, Console(file=out, width=80, no_color=True, color_system=None))
    return {
        "md": markdown(report),
        "txt": out.getvalue(),
        "json": json.dumps(to_dict(report), indent=2, allow_nan=False) + "\n",
    }


@pytest.mark.parametrize("name", REPORTS)
def test_every_form_is_as_it_was(name: str) -> None:
    shown = forms(REPORTS[name])
    for ending, text in shown.items():
        file = GOLDEN / f"{name}.{ending}"
        was = file.read_text(encoding="utf-8") if file.exists() else ""
        assert text == was, f"if this is meant, regenerate: {REGENERATE}"
    assert len(shown) == 3


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(REPORTS)
    assert len(list(GOLDEN.iterdir())) == 15


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, report in REPORTS.items():
        for ending, text in forms(report).items():
            (GOLDEN / f"{name}.{ending}").write_text(text, encoding="utf-8")
    sys.stdout.write(f"wrote {3 * len(REPORTS)} files\n")
