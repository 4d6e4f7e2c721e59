"""When two costs can be compared, and when a difference would pass a missing price for a saving."""

from dataclasses import replace
from typing import Any

import pytest

from modelberth.preview.cost import Cost, Unpriced
from modelberth.preview.cost.comparison import Comparison
from modelberth.preview.plan import Op
from support import costs
from support.reports import cost

Half = list[tuple[str, str, bool]]


def half(before: Cost | None, after: Cost | None) -> Half:
    found = Comparison.of(before, after).half_priced
    return [(one.urn.rpartition("::")[2], one.side, one.in_part) for one in found]


WHOLE = cost("f", 1, 5, 9)
GAP = cost("f", 1, 5, 9, unpriced=("f",))
NONE = cost("f", 0, 0, 0, unpriced=("f",))
QUEUE = cost("f", 0, 0, 0, unpriced=("q",))


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (WHOLE, GAP, [("f", "after", True)]),
        (GAP, WHOLE, [("f", "before", True)]),
        (WHOLE, NONE, [("f", "after", False)]),
        (NONE, WHOLE, [("f", "before", False)]),
        # one gap on both sides, but on one of them it is all that there is
        (GAP, NONE, [("f", "after", False)]),
        # the endpoint moves to what has no price
        (WHOLE, QUEUE, [("q", "after", False)]),
        (QUEUE, WHOLE, [("q", "before", False)]),
    ],
)
def test_a_price_on_one_side_alone(before: Cost, after: Cost, found: Half) -> None:
    assert half(before, after) == found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WHOLE, WHOLE),
        (GAP, replace(GAP, unpriced=(Unpriced(GAP.unpriced[0].urn, "for another reason"),))),
        (NONE, NONE),
        (None, GAP),
        (GAP, None),
        (WHOLE, cost("f", 1, 5, 9, unpriced=("q",))),
        (QUEUE, cost("f", 1, 5, 9, unpriced=("q",))),
        (None, QUEUE),
    ],
)
def test_what_is_alike_can_be_compared(before: Cost | None, after: Cost | None) -> None:
    assert half(before, after) == []


def service(location: str, low: int) -> dict[str, Any]:
    limits = {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1"}
    return {
        "location": location,
        "template": {
            "containers": [{"resources": {"limits": limits}}],
            "scaling": {"minInstanceCount": low, "maxInstanceCount": 2},
            "nodeSelector": {"accelerator": "nvidia-l4"},
            "gpuZonalRedundancyDisabled": True,
        },
    }


def compared(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    changed = costs.step("gcp:cloudrunv2/service:Service", after, "api", op=Op.REPLACE, before=before)
    return Comparison.of(costs.cost(changed, side="before"), costs.cost(changed))


def test_a_region_without_a_price_of_the_gpu_is_no_saving() -> None:
    found = compared(service("us-central1", 1), service("europe-west4", 1))
    assert found.after.expected.usd < found.before.expected.usd
    assert [(one.side, one.in_part) for one in found.half_priced] == [("after", True)]


def test_a_least_instance_costs_no_more_where_the_load_keeps_one_up_anyway() -> None:
    """A request every 2.6 seconds: with 15 minutes of idling the first instance never stops."""
    found = compared(service("us-central1", 0), service("us-central1", 1))
    assert not found.half_priced
    assert found.before.least.usd == 0
    month = found.after.least.usd
    assert month == found.after.expected.usd == found.before.expected.usd == pytest.approx(1037.27, abs=0.01)


def test_things_without_a_price_are_counted_by_resource() -> None:
    before = cost("f", 1, 5, 9, unpriced=("a", "a", "b"))
    found = Comparison.of(before, cost("f", 1, 5, 9, unpriced=("a", "c", "d", "e")))
    assert (found.more, found.fewer) == (3, 2)
    together = Comparison.total([found, Comparison.of(WHOLE, GAP)])
    assert (together.more, together.fewer, len(together.half_priced)) == (4, 2, 1)
    assert together.after.expected.usd == 10
