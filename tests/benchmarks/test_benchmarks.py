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
            "offline-previews",
            [
                "modelberth preview --offline, 3 endpoints",
                "pulumi preview under stand-ins, 3 endpoints",
                "pulumi preview under stand-ins, 1 endpoint",
            ],
            True,
        ),
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
        judged = comparison["is_met"] if comparison["limit"] is None else comparison["is_within"]
        assert isinstance(judged, bool) is has_aim


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


@pytest.mark.parametrize(("wall", "is_within"), [(4.9, True), (5.1, False)])
def test_a_limit_is_the_subjects_own_time(benchmark: Any, wall: float, is_within: bool) -> None:
    cost, comparison = benchmark("timing").Cost, benchmark("comparison").Comparison
    found = comparison("a", "b", ((cost(wall), cost(9.0)),), 0.0, limit=5.0)
    assert found.is_within is is_within
    assert found.is_met is None
    row = benchmark("report").as_table([found]).splitlines()[-1]
    assert f"| 5 s {'met' if is_within else 'MISSED'} " in row


def test_an_endpoint_of_many_is_held_against_one_of_few(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS.parent / "tools")
    offline, cost, error = (
        benchmark("offline_previews"),
        benchmark("timing").Cost,
        benchmark("timing").BenchmarkError,
    )
    linear = {
        size: [cost(2 + size / 10, 1 + size / 20), cost(199.0 - size, 99.0)] for size in (1, 10, 30, 100)
    }
    (found,) = offline.per_endpoint(linear, 0.0)
    assert found.subject == "each endpoint from 30 to 100, under stand-ins"
    assert found.wall_ratio.median == pytest.approx(1.0)
    assert found.is_met
    (found,) = offline.per_endpoint({**linear, 100: [cost(22.0, 9.0)]}, 0.0)
    assert not found.is_met
    with pytest.raises(error, match=r"70 more endpoints took -1\.00 s more"):
        list(offline.per_endpoint({**linear, 100: [cost(4.0, 9.0)]}, 0.0))
    assert list(offline.per_endpoint({1: linear[1], 10: linear[10]}, 0.0)) == []
    assert [offline.resources(count) for count in (1, 2, 3, 4)] == [14, 19, 27, 40]


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
