# ruff: noqa: E501 (a table is read by its lines)
import json
import re
from pathlib import Path

import pytest

from modelberth import reference
from modelberth.capability_table import load, paths
from modelberth.spec import EndpointDeployment, EndpointSpec, Target
from modelberth.spec.shape import leaves, models_in

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", reference.documents())
def test_the_committed_reference_is_current(name: str) -> None:
    path = ROOT / reference.FOLDER / name
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    assert written == reference.documents()[name], f"run `{reference.COMMAND}` in the repository's root"


def test_every_field_is_in_the_reference() -> None:
    text = reference.documents()["spec.md"]
    fields = {leaf.path.rpartition(".")[2] for leaf in leaves(EndpointSpec)}
    fields |= {name for model in models_in(Target) for name in model.model_fields}
    assert [name for name in fields if f"\n| `{name}` | " not in text] == []
    assert len(fields) >= 60
    rows = re.findall(r"^\| `.*$", text, re.MULTILINE)
    assert len(rows) >= 120
    for row in rows:
        cells = re.split(r"(?<!\\)\|", row)
        assert len(cells) == 7, row
        assert cells[5].strip(), row


@pytest.mark.parametrize(
    "row",
    [
        "| `name` | a text | required | 3 to 32 lower-case letters",
        "| `max` | a whole number | `1` | between 1 and 1000 |",
        "| `memory` | a size | `1Gi` | between 128Mi and 4Ti |",
        "| `timeout` | a duration | `30s` | between 100ms and 1h |",
        "| `gpu` | a mapping | unset |",
        "| `strategy` | rolling | `rolling` |",
        "| `steps` | a list, each a mapping | `{percent: 10, bake: 10m}`; `{percent: 50, bake: 10m}` | 1 to 10 entries |",
        "| `kind` | one of t4, l4,",
        "| `public` | true or false | `false` |",
        "| `labels` | a mapping of names to a text | empty | at most 32 entries |",
        "| `rollout` | a mapping with strategy: rolling, recreate, canary, blue_green, shadow | its defaults |",
    ],
)
def test_the_reference_tells_type_default_and_bounds(row: str) -> None:
    assert f"\n{row}" in reference.documents()["spec.md"]


def test_every_path_and_target_is_in_the_matrix() -> None:
    text = reference.documents()["capabilities.md"]
    assert [path for path in paths() if f"\n| `{path}` | " not in text] == []
    assert [kind for kind in load() if f"\n## `{kind}`\n" not in text] == []


def test_check_tells_what_is_stale_and_writing_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reference.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert said.count("run `python -m modelberth.reference`") == len(reference.documents()) == 5
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "docs/reference/spec.md").write_text("edited by hand", encoding="utf-8")
    capsys.readouterr()
    assert reference.main(["--check"]) == 1
    assert "spec.md is not current" in capsys.readouterr().err


def test_a_model_has_a_json_schema_that_closes_it() -> None:
    schema = json.loads(reference.json_schema(EndpointDeployment, "An endpoint"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "An endpoint"
    assert schema["additionalProperties"] is False
    assert sorted(schema["required"]) == ["model", "name", "target"]
    limits = schema["$defs"]["Limits"]["properties"]
    assert limits["timeout"]["default"] == "30s"
    assert limits["timeout"]["description"].startswith("Time after which")
    assert limits["max_body"]["default"] == "1Mi"
    assert set(schema["properties"]["target"]["discriminator"]["mapping"]) == set(load())
