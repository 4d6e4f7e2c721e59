"""The table of engines is checked, and so is what is written from it."""

import tomllib
from collections.abc import Callable
from copy import deepcopy
from typing import Any, get_args

import pytest

from modelberth import runtime_reference
from modelberth.runtime_table import TABLE, captured, read, runtimes
from modelberth.spec.runtime import Engine

DATA: dict[str, Any] = tomllib.loads(TABLE.read_text(encoding="utf-8"))


def test_every_engine_of_the_spec_has_its_row() -> None:
    assert tuple(runtimes()) == get_args(Engine)
    assert len(runtimes()) == 5
    assert captured().isoformat() == "2026-11-21"


def test_every_option_and_image_has_a_source() -> None:
    known = [option for runtime in runtimes().values() for option in runtime.options]
    assert [option.name for option in known if not option.source] == []
    assert len(known) == 45
    outside = [source for source in DATA["sources"].values() if source.startswith("https://")]
    assert len(outside) == len(DATA["sources"]) - 1 >= 20


def _add_engine(data: Any) -> None:
    data["engines"]["other"] = data["engines"]["vllm"]


def _unknown_format(data: Any) -> None:
    data["engines"]["vllm"]["formats"].append("gguf")


def _unknown_field(data: Any) -> None:
    data["engines"]["vllm"]["refused"].append({"path": "limits.tokens", "reason": "counts none"})


def _unknown_option_field(data: Any) -> None:
    data["engines"]["vllm"]["options"].append({"name": "--x", "from": "limits.x", "source": "vllm-flags"})


def _unknown_port(data: Any) -> None:
    data["engines"]["vllm"]["metrics"]["port"] = "metrics"


def _unknown_source(data: Any) -> None:
    data["engines"]["vllm"]["options"][0]["source"] = "hearsay"


def _unused_source(data: Any) -> None:
    data["sources"]["more"] = "https://example.com"


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_add_engine, "the engines are onnxruntime, .*, not .*other"),
        (_unknown_format, "engine vllm: no format of the spec: gguf"),
        (_unknown_field, r"engine vllm: no field of the spec: limits\.tokens"),
        (_unknown_option_field, r"engine vllm: no field of the spec: limits\.x"),
        (_unknown_port, "engine vllm: no such port: metrics"),
        (_unknown_source, "sources that are not listed, or not used: hearsay"),
        (_unused_source, "sources that are not listed, or not used: more"),
    ],
)
def test_a_wrong_table_is_refused(spoil: Callable[[Any], None], fault: str) -> None:
    data = deepcopy(DATA)
    assert read(data) == runtimes()
    spoil(data)
    with pytest.raises(ValueError, match=fault):
        read(data)


def test_the_reference_tells_of_every_option_and_refusal() -> None:
    text = runtime_reference.document("")
    told = 0
    for runtime in runtimes().values():
        section = text.partition(f"\n## `{runtime.engine}`\n")[2].partition("\n## ")[0]
        for option in runtime.options:
            assert f"\n| `{option.name}` | " in section
            assert f"- Source: {option.source}." in section
            told += 1
        for reasons in runtime.unhonoured.values():
            for path, reason in reasons.items():
                assert f"- `{path}` keeps its default" in section
                assert f"{runtime.title} {reason}." in section
                told += 1
    assert told == 67
    rows = [row for row in text.partition("\n## ")[0].splitlines() if row.startswith("|")]
    assert len(rows) == 14
    assert {row.count(" | ") for row in rows if not row.startswith("|---")} == {5}
