"""Each change by its name, and no false alarm."""

import pytest

from support.effect_cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change_is_called_by_its_name(case: Case) -> None:
    case.check()
