"""The benchmark programs run, measure what they say, and print ratios. Nothing here judges a speed."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the benchmarks, which are programs and no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, BENCHMARKS / "run.py", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "subjects", "has_aim"),
    [
        ("imports", ["import modelberth, every public name"] * 2, True),
        ("previews", ["pulumi preview, 1 endpoint"], True),
        (
            "deployments",
            ["make up, no change", "make up, no change", "make up, one setting changed"],
            False,
        ),
        ("serving", ["server start to first right answer", "update to hand-over"], False),
    ],
)
def test_each_benchmark_runs_and_gives_ratios(name: str, subjects: list[str], has_aim: bool) -> None:
    done = run("--only", name, "--rounds", "1", "--endpoints", "1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["machine"]["cores"] >= 1
    comparisons = report["comparisons"]
    assert [comparison["subject"] for comparison in comparisons] == subjects
    for comparison in comparisons:
        (pair,) = comparison["pairs"]
        ratio = pair["subject"]["wall"] / pair["baseline"]["wall"]
        assert comparison["wall_ratio"] == {"median": ratio, "low": ratio, "high": ratio}
        assert isinstance(comparison["is_met"], bool) is has_aim


def test_the_table_has_a_line_for_each_comparison(benchmark: Any) -> None:
    cost, comparison = benchmark("timing").Cost, benchmark("comparison").Comparison
    pairs = ((cost(2.0, 3.0), cost(1.0, 2.0)), (cost(4.0), cost(1.0)))
    table = benchmark("report").as_table(
        [comparison("ours", "theirs", pairs, 1.5, 1.2), comparison("ours", "nothing", pairs, 1.5)]
    )
    head, rule, first, second = table.splitlines()
    assert head.startswith("| what ")
    assert set(rule) == {"|", "-", " "}
    cells = [cell.strip() for cell in first.split("|")[1:-1]]
    assert cells == [
        *("ours", "theirs", "3.00 / 1.00", "3.00 / 2.00"),
        *("3.00 (2.00 to 4.00)", "1.50 (1.50 to 1.50)", "1.2 MISSED", "1.5"),
    ]
    assert "MISSED" not in second


def test_contestants_run_in_turns_and_the_first_round_does_not_count(benchmark: Any) -> None:
    cost, ran = benchmark("timing").Cost, []

    def contestant(name: str) -> Any:
        def go() -> Any:
            ran.append(name)
            return cost(float(len(ran)))

        return go

    race = benchmark("comparison").Race.run({"a": contestant("a"), "b": contestant("b")}, 2)
    assert "".join(ran) == "ababab"
    assert [c.wall for c in race.costs["a"]] == [3.0, 5.0]
    ratio = race.compare("a", "b").wall_ratio
    assert (ratio.low, ratio.high) == (3 / 4, 5 / 6)


@pytest.mark.parametrize(("cpu", "is_met"), [(1.1, True), (1.3, False)])
def test_an_aim_is_met_only_if_both_clocks_say_so(benchmark: Any, cpu: float, is_met: bool) -> None:
    cost, comparison = benchmark("timing").Cost, benchmark("comparison").Comparison
    assert comparison("a", "b", ((cost(1.1, cpu), cost(1.0, 1.0)),), 0.0, 1.2).is_met is is_met


def test_what_did_not_happen_is_not_measured(benchmark: Any) -> None:
    timing = benchmark("timing")
    finished = timing.timed([sys.executable, "-c", "print('4 unchanged')"])
    assert finished.require("4 unchanged").wall > 0
    with pytest.raises(timing.BenchmarkError, match="'5 unchanged' was not printed, but:\n4 unchanged"):
        finished.require("5 unchanged")
    with pytest.raises(timing.BenchmarkError, match=r"exit status 3:\nno$"):
        timing.timed([sys.executable, "-c", "import sys; print('no', file=sys.stderr); sys.exit(3)"])


def test_unequal_programs_are_not_compared(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS.parent / "tools")
    previews, error = benchmark("previews"), benchmark("timing").BenchmarkError
    ours = {"urn:process": {"replicas": 1}, "urn:stack": {}}
    previews.require_same(ours, dict(ours))
    with pytest.raises(error, match=r"1 differ, first urn:process: \{'replicas': 2\}, not \{'replicas': 1\}"):
        previews.require_same(ours, {**ours, "urn:process": {"replicas": 2}})
    with pytest.raises(error, match="1 differ, first urn:stack: None"):
        previews.require_same(ours, {"urn:process": {"replicas": 1}})


def test_bad_input_is_told_without_a_traceback(tmp_path: Path) -> None:
    without_engine = run("--only", "imports", PATH=str(tmp_path))
    assert without_engine.returncode == 1
    assert without_engine.stderr == "error: pulumi is not on PATH; run the benchmarks with: make bench\n"
    no_rounds = run("--rounds", "0")
    assert no_rounds.returncode == 2
    assert "argument --rounds: given 0, allowed: 1 or more" in no_rounds.stderr
