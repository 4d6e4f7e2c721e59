"""The tables of rules: every rule is shown to tell something, and to be silent about a tag."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

import pytest

from modelberth.preview import effects
from modelberth.preview.effects import Kind, durations, explain
from modelberth.preview.effects.durations import usual
from modelberth.preview.effects.explain import MODULES
from modelberth.preview.effects.machines import gpus_of
from modelberth.preview.effects.rule import Rules, matching
from support.effect_cases import CASES
from support.plans import plan, step


def _tokens() -> Iterator[str]:
    for module in MODULES:
        yield from module.RULES


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_rule_of_a_table_tells_something_in_some_case(module: ModuleType) -> None:
    table: Rules = module.RULES
    assert table
    missing = [
        f"{token}[{number}]"
        for token, rules in table.items()
        for number, rule in enumerate(rules)
        if not any(
            matching(table, case.step.type) is rules and [*rule(case.step, case.plan)] for case in CASES
        )
    ]
    assert not missing, f"no case is told by {missing}"


def test_a_tag_is_a_change_in_place_for_every_type() -> None:
    # The process on this machine has no tags: whatever changes hands over to new ones.
    tokens = {token.replace("*", "x").replace("[aA][mM]", "am") for token in _tokens()}
    tokens -= {"modelberth:local:Process"}
    assert len(tokens) > 90
    for token in tokens:
        changed = step(token, {"tags": {"team": "a"}}, {"tags": {"team": "b"}})
        (effect,) = explain(plan(changed), None, [changed])
        assert (effect.kind, "`tags.team` 'a' → 'b'" in effect.sentence) == (Kind.IN_PLACE, True), token


def test_a_pattern_fits_all_types_that_bind_a_role() -> None:
    tokens = (
        "gcp:projects/iAMMember:IAMMember",
        "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
        "gcp:storage/bucketIAMMember:BucketIAMMember",
        "gcp:cloudrun/iamMember:IamMember",
    )
    assert all(fnmatchcase(token, "gcp:*:*I[aA][mM]Member") for token in tokens)
    assert matching({"gcp:*:*I[aA][mM]Member": 1}, "gcp:serviceaccount/account:Account") is None


def test_the_names_of_the_cases_tell_them_apart() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


def test_usual_times_and_machines_are_read_from_their_files() -> None:
    assert usual("aws:sagemaker/endpoint:Endpoint") == (240, 600)
    assert usual("aws:s3/bucket:Bucket") is None
    assert [gpus_of(machine) for machine in ("ml.g5.12xlarge", "g5.xlarge", "ml.m5.large")] == [4, 1, 0]


def test_a_time_without_a_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "durations.toml"
    file.write_text('["a:b:C"]\nseconds = [1, 2]\n')
    monkeypatch.setattr(durations, "_FILE", file)
    durations._table.cache_clear()
    try:
        with pytest.raises(
            ValueError, match=r"a:b:C: wanted seconds = \[low, high\], a source and the day it was read"
        ):
            usual("a:b:C")
    finally:
        durations._table.cache_clear()


def test_what_the_package_gives_is_sorted() -> None:
    assert effects.__all__ == sorted(effects.__all__)
