"""The table of names: complete, and by the rules that AWS's own pages give."""

import pytest

from modelberth.aws.names import name_problems, name_rules


@pytest.mark.parametrize("kind", name_rules())
def test_every_rule_takes_its_bounds_and_nothing_beyond(kind: str) -> None:
    rule = name_rules()[kind]
    assert rule.source.startswith("https://docs.aws.amazon.com/")
    assert rule.takes("a" * rule.shortest)
    assert rule.takes("a" * rule.longest)
    assert not rule.takes("a" * (rule.longest + 1))
    assert not rule.takes("a" * (rule.shortest - 1))
    for kept in rule.beginnings:
        assert not rule.takes(f"{kept}abc")
    for kept in rule.endings:
        assert not rule.takes(f"abc{kept}")


def test_the_table_has_the_kinds_that_are_checked() -> None:
    assert {"alias", "bucket", "repository", "role"} <= {*name_rules()}


def test_a_refusal_says_how_long_the_name_is_and_what_aws_keeps() -> None:
    (found,) = name_problems("bucket", "b" * 64, "bucket")
    assert found.hint.startswith("It has 64 characters. AWS keeps xn--")
    (short,) = name_problems("role", "", "role")
    assert short.hint == ""
