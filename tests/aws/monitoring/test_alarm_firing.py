"""That each alarm fires when it should, and stays silent otherwise: evaluated as CloudWatch does."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.alarms import alarms
from modelberth.aws.monitoring.burn_alarms import burn_alarms
from modelberth.aws.monitoring.signals import Role
from support.aws_watched import KINDS, PROMISED, watched
from support.cloudwatch import Metrics, composite, state

HOUR: Final = 60
DAY: Final = 24 * HOUR
NOW: Final = 10 * DAY
"""The minute at whose end alarms are looked at."""


class Load:
    """What comes in at an endpoint, minute by minute."""

    def __init__(self, endpoint: Watched) -> None:
        self.endpoint = endpoint
        self.metrics = Metrics()

    def goes(
        self,
        since: int,
        until: int = 0,
        *,
        requests: float = 100,
        failed: float = 0,
        refused: float = 0,
        milliseconds: float = 50,
        in_progress: float = 2,
        spilled: float = 0,
        new: float = 0,
        new_failed: float = 0,
        new_milliseconds: float = 50,
        every: int = 1,
    ) -> "Load":
        """Let the same come in each minute, from `since` to `until` minutes ago."""
        accepted = requests - refused
        sent: Mapping[Role, tuple[tuple[float, float], ...]] = {
            "requests": ((1, requests),),
            "failed": ((1, failed), (0, requests - failed)),
            "accepted": ((1, accepted),),
            "refused": ((1, refused),),
            "latency": ((milliseconds, accepted),),
            "in_progress": ((in_progress, 1),),
            "spilled": ((1, spilled),),
            "new_requests": ((1, new),),
            "new_failed": ((1, new_failed), (0, new - new_failed)),
            "new_latency": ((new_milliseconds, new),),
        }
        signals = self.endpoint.signals
        for minute in range(NOW - since, NOW - until, every):
            for role, samples in sent.items():
                if signals.has(role):
                    (query,) = signals.queries(role, 60)
                    self.metrics.put(query["metric"], minute, *samples)
        return self

    def up(self, later: int = 0) -> set[str]:
        """Roles of the alarms that are up, the windows of others left out; `later` in minutes."""
        burning = burn_alarms(self.endpoint)
        single = {**alarms(self.endpoint), **burning.windows}
        states = {role: state(alarm, self.metrics, NOW + later) for role, alarm in single.items()}
        by_name = {single[role]["name"]: found for role, found in states.items()}
        both = {role: composite(alarm, by_name) for role, alarm in burning.both.items()}
        told = {**{role: found for role, found in states.items() if role not in burning.windows}, **both}
        return {role for role, found in told.items() if found == "ALARM"}


def promised() -> Load:
    return Load(watched(version=True, **PROMISED))


def plain() -> Load:
    return Load(watched(scaling={"min": 2, "max": 10}))


CASES: Final[dict[str, tuple[Callable[[], Load], Callable[[], Load]]]] = {
    # role: what it fires at, and what comes close.
    "errors": (
        lambda: plain().goes(5, failed=6),
        lambda: plain().goes(5, failed=5),
    ),
    "refusals": (
        lambda: plain().goes(5, refused=2),
        lambda: plain().goes(5, refused=1),
    ),
    "latency": (
        lambda: promised().goes(15, milliseconds=301),
        lambda: promised().goes(15, milliseconds=300),
    ),
    "saturation": (
        lambda: plain().goes(10, in_progress=9),
        lambda: plain().goes(10, in_progress=8),
    ),
    "cold-starts": (
        lambda: plain().goes(15, spilled=11),
        lambda: plain().goes(15, spilled=10),
    ),
    "guard-errors": (
        lambda: promised().goes(5, new=10, new_failed=1),
        lambda: promised().goes(5, new=100, new_failed=1),
    ),
    "guard-latency": (
        lambda: promised().goes(5, new=10, new_milliseconds=401),
        lambda: promised().goes(5, new=10, new_milliseconds=400),
    ),
    # 14.4, 6, 3 and 1 times the budget of half a percent.
    "burn-1h": (
        lambda: promised().goes(HOUR, failed=7.3),
        lambda: promised().goes(HOUR, failed=7.1),
    ),
    "burn-6h": (
        lambda: promised().goes(6 * HOUR, failed=3.1),
        lambda: promised().goes(6 * HOUR, failed=2.9),
    ),
    "burn-1d": (
        lambda: promised().goes(DAY, failed=1.6),
        lambda: promised().goes(DAY, failed=1.4),
    ),
    "burn-3d": (
        lambda: promised().goes(3 * DAY, failed=0.6),
        lambda: promised().goes(3 * DAY, failed=0.4),
    ),
}


def test_each_alarm_has_its_two_cases() -> None:
    made: set[str] = set()
    for load in (promised(), plain()):
        burning = burn_alarms(load.endpoint)
        made |= {*alarms(load.endpoint), *burning.both}
    assert made == CASES.keys()
    assert len(made) == 11


@pytest.mark.parametrize("role", CASES)
def test_it_fires(role: str) -> None:
    assert role in CASES[role][0]().up()


@pytest.mark.parametrize("role", CASES)
def test_it_stays_silent(role: str) -> None:
    assert role not in CASES[role][1]().up()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fields", [PROMISED, {"scaling": {"min": 2, "max": 10}}, {}])
def test_without_traffic_nothing_fires(kind: str, fields: dict[str, Any]) -> None:
    load = Load(watched(kind, version=bool(fields.get("rollout")), **fields))
    assert load.up() == set()
    assert len({**alarms(load.endpoint), **burn_alarms(load.endpoint).windows}) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_traffic_fires_nothing(kind: str) -> None:
    load = Load(watched(kind, version=True, **PROMISED)).goes(3 * DAY, new=10)
    assert load.up() == set()


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_fires_with_every_kind(kind: str) -> None:
    load = Load(watched(kind, version=True, **PROMISED)).goes(HOUR, failed=100, new=10, new_failed=10)
    assert load.up() >= {"burn-1h", "burn-6h", "guard-errors"}


def test_all_refused_is_refused_though_nothing_was_accepted() -> None:
    load = plain().goes(5, refused=100)
    accepted = load.endpoint.signals.queries("accepted", 300)[0]["metric"]
    assert load.metrics.point(accepted, NOW) is None
    assert "refusals" in load.up()


def test_one_failed_request_of_few_tells_nobody() -> None:
    once = plain().goes(1, requests=1, failed=1)
    assert once.up() == set()
    hour = promised().goes(HOUR, 1, requests=1, every=20).goes(1, requests=1, failed=1)
    assert hour.up() == set()


def test_a_rarely_called_endpoint_that_always_fails_is_told() -> None:
    load = promised().goes(HOUR, requests=1, failed=1, every=10)
    load.goes(1, requests=1, failed=1)
    assert {"burn-1h", "burn-6h"} <= load.up()


def test_it_ends_soon_after_the_cause_though_the_long_window_still_remembers() -> None:
    load = promised().goes(HOUR, 10, failed=50).goes(10)
    long = burn_alarms(load.endpoint).windows["burn-1h-long"]
    assert state(long, load.metrics, NOW) == "ALARM"
    assert "burn-1h" not in load.up()


def test_a_bad_half_hour_is_not_a_bad_day() -> None:
    load = promised().goes(3 * DAY).goes(30, failed=20)
    assert load.up() == {"burn-1h"}


def test_it_ends_when_the_traffic_does() -> None:
    load = promised().goes(HOUR, failed=50)
    assert "burn-1h" in load.up()
    # CloudWatch looks two more periods back for data points before it takes them as missing.
    assert "burn-1h" not in load.up(later=16)


def test_a_slow_quarter_of_an_hour_is_needed() -> None:
    assert "latency" in promised().goes(15, milliseconds=2000).up()
    assert "latency" not in promised().goes(30, 10).goes(10, milliseconds=2000).up()


def test_without_a_promise_the_timeout_bounds_the_latency() -> None:
    endpoint = watched(limits={"timeout": "10s"})
    assert "latency" in Load(endpoint).goes(15, milliseconds=8001).up()
    assert "latency" not in Load(endpoint).goes(15, milliseconds=7999).up()


def test_the_guard_watches_the_new_version_alone() -> None:
    bad_new = promised().goes(5, requests=1000, failed=1, new=1, new_failed=1)
    assert bad_new.up() == {"guard-errors"}
    bad_old = promised().goes(5, requests=100, failed=50, new=1)
    assert "guard-errors" not in bad_old.up()


def test_an_alarm_that_takes_missing_data_for_bad_data_would_page_an_idle_endpoint() -> None:
    load = plain()
    bad = {**alarms(load.endpoint)["errors"], "treat_missing_data": "breaching"}
    assert state(bad, load.metrics, NOW) == "ALARM"
