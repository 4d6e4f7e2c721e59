"""What docs/watching.md says, against the code."""

import json
import re
from pathlib import Path

import pytest
import yaml

from modelberth_server.model.signature import Signature
from modelberth_server.settings import VARIABLES
from modelberth_server.telemetry import drift, stability, writer
from modelberth_server.telemetry.drift import Tracker
from modelberth_server.telemetry.exporter import exporter
from modelberth_server.telemetry.families import FAMILIES
from modelberth_server.telemetry.instruments import Kind
from modelberth_server.tensors import TensorSpec
from serving.watching import FLOAT, STRING

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "watching.md").read_text()


def test_the_table_of_metrics_is_that_of_the_code() -> None:
    expected = [
        f"| `{family.name}` | {family.kind.value} | {', '.join(family.labels)} | {family.documentation} |"
        for family in FAMILIES.values()
    ]
    written = [line for line in GUIDE.splitlines() if re.match(r"\| `modelberth_\w+` \| [a-z]+ \|", line)]
    assert written == expected, "put into docs/watching.md:\n" + "\n".join(expected)


def test_only_metrics_and_variables_that_there_are_are_named() -> None:
    metrics = set(re.findall(r"modelberth_[a-z_]+", GUIDE))
    known = FAMILIES.keys() | {
        f"{family.name}_{suffix}"
        for family in FAMILIES.values()
        if family.kind is Kind.HISTOGRAM
        for suffix in ("bucket", "count", "sum")
    }
    assert len(metrics) > len(FAMILIES)
    assert metrics - known == set()
    variables = set(re.findall(r"MODELBERTH_[A-Z_0-9]+", GUIDE))
    assert variables <= {variable.name for variable in VARIABLES}
    assert {"MODELBERTH_CAPTURE_URI", "MODELBERTH_LOG_FORMAT"} <= variables


@pytest.mark.parametrize(
    "sentence",
    [
        f"first {drift.MAX_COLUMNS} columns",
        f"first {drift.UNASKED_COLUMNS} columns",
        f"at least {stability.LEAST_ROWS} rows",
        f"last {stability.WINDOW_ROWS:,} to {2 * stability.WINDOW_ROWS:,} rows",
        f"{writer.ROWS_PER_FILE:,} rows",
        f"{writer.BYTES_PER_FILE >> 20} MiB",
        f"{writer.SECONDS_PER_FILE / 60:.0f} minutes",
        f"{len(writer._RETRY_DELAYS) + 1} attempts",
    ],
)
def test_numbers_are_those_of_the_code(sentence: str) -> None:
    assert sentence in " ".join(GUIDE.split())


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", GUIDE)


def test_the_reference_of_the_guide_is_one() -> None:
    (block,) = blocks("json")
    inputs = (TensorSpec("X", FLOAT, (-1, 1)), TensorSpec("channel", STRING, (-1,)))
    signature = Signature("m", "1", "a" * 64, inputs, (TensorSpec("label", STRING, (-1,)),))
    tracker = Tracker(signature, json.loads(block)["reference"])
    assert (tracker.inputs, tracker.outputs) == (("X", "channel"), ("label",))


def test_the_settings_of_the_guide_are_good() -> None:
    (scrape,) = blocks("yaml")
    assert yaml.safe_load(scrape)["scrape_configs"][0]["job_name"] == "modelberth"
    (shell,) = blocks("sh")
    environ = dict(re.findall(r"(OTEL_\w+)=(\S+)", shell))
    assert len(environ) == 4
    assert exporter(environ) == "otlp"


def test_the_queries_of_the_guide_name_labels_that_there_are() -> None:
    queries = "".join(blocks("promql"))
    used = re.findall(r"(modelberth_\w+?)(?:_bucket|_sum|_count)?\{([^}]*)\}", queries)
    assert len(used) >= 4
    for name, labels in used:
        family = FAMILIES.get(name) or FAMILIES[f"{name}_bucket"]
        assert set(re.findall(r"(\w+)=", labels)) <= set(family.labels)
