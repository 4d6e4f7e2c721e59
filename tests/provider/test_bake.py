"""A step of a rollout that comes before the live one has lasted: refused by an update, told by a preview."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelberth.provider.kubernetes.requirements import Requirements
from modelberth.provider.resource import UNKNOWN, ResourceError, Settings
from support.kubernetes_api import KubernetesApi, status

Inputs = dict[str, Any]

API = "/apis/gateway.networking.k8s.io/v1"
ROUTE = f"{API}/namespaces/team/httproutes/shop-dev-iris"
# Far from any machine's: it is the cluster's clock that counts.
NOW = datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC)
TEN_MINUTES = 600
STEPS = [{"percent": 10, "bakeSeconds": TEN_MINUTES}, {"percent": 50, "bakeSeconds": 3 * 3600}]
TO_STEP_2 = {
    "route": "shop-dev-iris",
    "new": "iris--new",
    "previous": "iris--old",
    "percent": 50,
    "steps": STEPS,
    "path": "rollout.step",
    "given": "2",
}
TO_ALL = {**TO_STEP_2, "percent": 100, "given": "3"}
WITHOUT_PREVIOUS = {**TO_ALL, "path": "rollout.previous", "given": "nothing"}
del WITHOUT_PREVIOUS["previous"]


class Rollout:
    """A route whose weights are live for some time, and what the resource says to the next step."""

    def __init__(self, api: KubernetesApi, folder: Path) -> None:
        self.api, self.folder = api, folder
        api.groups[API] = {"HTTPRoute": ("httproutes", True)}
        api.clock = NOW
        api.objects["/api/v1/namespaces/team"] = {"metadata": {"name": "team"}}
        self.kubeconfig = api.kubeconfig(folder)
        self.live([("iris--new", 10), ("iris--old", 90)], seconds=TEN_MINUTES - 1)

    def live(self, backends: list[tuple[str, int | None]], seconds: float = 0, **metadata: Any) -> None:
        """The route, with a rule for a header before that of the weights."""
        references = [
            {"name": name, "port": 80, **({} if weight is None else {"weight": weight})}
            for name, weight in backends
        ]
        first = {"matches": [{"headers": [{"name": "x"}]}], "backendRefs": [{**references[0], "weight": 1}]}
        fields = {"managedFields": [managed(NOW - timedelta(seconds=seconds))], **metadata}
        self.api.objects[ROUTE] = {
            "metadata": {"name": "shop-dev-iris", "namespace": "team", **fields},
            "spec": {"rules": [first, {"matches": [], "backendRefs": references}]},
        }

    def inputs(self, *bakes: Inputs, **changes: Any) -> Inputs:
        place = {"kubeconfig": str(self.kubeconfig), "namespace": "team", "instance": "shop-dev-iris"}
        return {**place, "configPath": "endpoints[0]", "bakes": [*bakes], **changes}

    def resource(self, **settings: Any) -> Requirements:
        return Requirements(Settings(root=self.folder, state_dir=self.folder, **settings))

    def goes(self, *bakes: Inputs) -> None:
        """An update and a create go through."""
        inputs = self.inputs(*bakes)
        assert self.resource().update("team/shop-dev-iris", {}, inputs, 0) == inputs
        assert self.resource().create(inputs, 0).outputs == inputs

    def held(self, *bakes: Inputs) -> str:
        """An update and a create are refused in the same words."""
        inputs = self.inputs(*bakes)
        with pytest.raises(ResourceError) as updating:
            self.resource().update("team/shop-dev-iris", {}, inputs, 0)
        with pytest.raises(ResourceError) as creating:
            self.resource().create(inputs, 0)
        assert str(updating.value) == str(creating.value)
        assert {seen.method for seen in self.api.requests} == {"GET"}
        return str(updating.value)


def managed(time: datetime, spec: Any = None, **more: Any) -> Inputs:
    """An entry of the API server's on who has set what, and when."""
    fields = {"f:spec": {"f:hostnames": {}, "f:rules": {}} if spec is None else spec}
    told = {"manager": "pulumi", "operation": "Apply", "time": f"{time:%Y-%m-%dT%H:%M:%SZ}"}
    return {**told, "fieldsV1": fields, **more}


@pytest.fixture
def rollout(api: KubernetesApi, tmp_path: Path) -> Rollout:
    return Rollout(api, tmp_path)


def test_a_step_that_comes_too_early_is_refused_with_the_time_and_the_way_out(rollout: Rollout) -> None:
    rollout.live([("iris--new", 10), ("iris--old", 90)], seconds=170)
    assert rollout.held(TO_STEP_2) == (
        "endpoints[0].rollout.step: given 2, allowed: at most 1 until step 1 (10 percent of the requests) "
        "has lasted 10 min. HTTPRoute team/shop-dev-iris is as it is since 2031-05-01 11:57:10 UTC: it may "
        "go on in 8 min, at 2031-05-01 12:07:10 UTC. "
        "Run the same again then, or set rollout.steps[0].bake: 0s."
    )


def test_a_preview_warns_of_it_and_is_no_failure(rollout: Rollout, caplog: pytest.LogCaptureFixture) -> None:
    inputs = rollout.inputs(TO_STEP_2)
    with caplog.at_level(logging.WARNING):
        assert not rollout.resource().check(inputs, {}).failures
        assert not caplog.records
        assert rollout.resource().preview(inputs, {}) == inputs
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("an update would be refused now: endpoints[0].rollout.step: given 2, allowed:")


def test_a_step_that_has_lasted_is_followed_by_the_next(
    rollout: Rollout, caplog: pytest.LogCaptureFixture
) -> None:
    rollout.live([("iris--new", 10), ("iris--old", 90)], seconds=TEN_MINUTES)
    with caplog.at_level(logging.WARNING):
        rollout.goes(TO_STEP_2)
        rollout.resource().preview(rollout.inputs(TO_STEP_2), {})
    assert not caplog.records


@pytest.mark.parametrize("wanted", [TO_ALL, WITHOUT_PREVIOUS])
def test_each_step_has_its_own_time(rollout: Rollout, wanted: Inputs) -> None:
    """Also where everything goes to the new model because the former one is taken away."""
    assert "step 1 (10 percent of the requests)" in rollout.held(wanted), "skipped steps are not asked for"
    rollout.live([("iris--new", 50), ("iris--old", 50)], seconds=TEN_MINUTES)
    told = rollout.held(wanted)
    assert f"endpoints[0].{wanted['path']}: given {wanted['given']}, allowed: " in told
    assert "until step 2 (50 percent of the requests) has lasted 3 h. " in told
    assert "in 2 h 50 min, at 2031-05-01 14:50:00 UTC" in told
    assert "rollout.steps[1].bake: 0s" in told
    rollout.live([("iris--new", 50), ("iris--old", 50)], seconds=3 * 3600)
    rollout.goes(wanted)


def test_to_take_the_former_model_away_is_told_by_that_field(rollout: Rollout) -> None:
    told = rollout.held(WITHOUT_PREVIOUS)
    assert "allowed: the model that the rollout comes from until step 1 (10 percent" in told


@pytest.mark.parametrize(
    "backends",
    [
        [("iris--new", 0), ("iris--old", 100)],  # the way back, from where any step may follow
        [("iris--new", 50), ("iris--old", 50)],  # it is live
        [("iris--new", 100), ("iris--old", 0)],  # back to a step before
        [("iris--next", 10), ("iris--old", 90)],  # another new model
        [("iris--new", 10), ("iris--older", 90)],  # from another model
        [("iris--old", 90), ("iris--new", 10)],  # the same two the other way round
        [("iris--new", 100)],
        [("iris--new", 10), ("iris--old", 80), ("iris--variant", 10)],
        [("iris--new", 0), ("iris--old", 0)],
    ],
)
def test_nothing_else_is_held_up(rollout: Rollout, backends: list[tuple[str, int | None]]) -> None:
    rollout.live(backends)
    rollout.goes(TO_STEP_2)


def test_a_first_deployment_is_not_held_up(rollout: Rollout) -> None:
    del rollout.api.objects[ROUTE]
    rollout.goes(TO_STEP_2)
    del rollout.api.groups[API]
    rollout.goes(TO_STEP_2)


def test_a_step_without_a_bake_lasts_as_long_as_one_likes(rollout: Rollout) -> None:
    steps = [{"percent": 10, "bakeSeconds": 0}, STEPS[1]]
    rollout.goes({**TO_STEP_2, "steps": steps})
    rollout.goes()


@pytest.mark.parametrize(
    ("steps", "number"),
    [
        ([(5, 60), (10, 3600), (60, 60)], 2),  # one was put in before it
        ([(8, 3600), (60, 60)], 1),  # what it has lies between two
    ],
)
def test_of_steps_that_were_changed_the_last_that_is_reached_is_live(
    rollout: Rollout, steps: list[tuple[int, int]], number: int
) -> None:
    given = [{"percent": percent, "bakeSeconds": seconds} for percent, seconds in steps]
    told = rollout.held({**TO_STEP_2, "percent": 60, "steps": given})
    assert f"allowed: at most {number} until step {number} " in told
    rollout.goes({**TO_STEP_2, "percent": 60, "steps": [{"percent": 20, "bakeSeconds": 3600}, given[-1]]})


def test_the_time_is_that_of_whoever_has_the_rules(
    rollout: Rollout, caplog: pytest.LogCaptureFixture
) -> None:
    backends: list[tuple[str, int | None]] = [("iris--new", 10), ("iris--old", 90)]
    long_ago, now = NOW - timedelta(days=1), NOW - timedelta(seconds=5)
    others = [
        managed(now, {}, manager="kubectl"),
        {"manager": "gateway", "subresource": "status", "time": f"{now:%Y-%m-%dT%H:%M:%SZ}"},
    ]
    rollout.live(backends, managedFields=[managed(long_ago), *others])
    rollout.goes(TO_STEP_2)
    rollout.live(backends, managedFields=[managed(long_ago), managed(now, manager="kubectl-edit")])
    assert "in 10 min" in rollout.held(TO_STEP_2)
    for untold in ([], others):
        rollout.live(backends, managedFields=untold)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            rollout.resource().preview(rollout.inputs(TO_STEP_2), {})
        (warning,) = [record.getMessage() for record in caplog.records]
        assert warning == (
            "rollout.step was not checked: HTTPRoute team/shop-dev-iris does not tell since when it is as it "
            "is"
        )
        rollout.goes(TO_STEP_2)


@pytest.mark.parametrize("header", ["", "soon", "Thu, 01 May 2031 12:00:00 -0000"])
def test_a_server_that_does_not_tell_the_time_is_taken_to_have_ours(rollout: Rollout, header: str) -> None:
    rollout.api.clock = header
    now = datetime.now(UTC)
    rollout.live([("iris--new", 10), ("iris--old", 90)], managedFields=[managed(now - timedelta(seconds=60))])
    assert "it may go on in 9 min" in rollout.held(TO_STEP_2)


@pytest.mark.parametrize(
    ("seconds", "told", "wait"),
    [
        (0.5, "1 s", "1 s"),
        (60, "1 min", "1 min"),
        (61, "1 min 1 s", "2 min"),
        (5400, "1 h 30 min", "1 h 30 min"),
        (7 * 86_400, "7 d", "7 d"),
        (90_001, "1 d 1 h 1 s", "1 d 1 h 1 min"),
    ],
)
def test_spans_are_told_in_peoples_units(rollout: Rollout, seconds: float, told: str, wait: str) -> None:
    rollout.live([("iris--new", 10), ("iris--old", 90)])
    given = {**TO_STEP_2, "steps": [{"percent": 10, "bakeSeconds": seconds}]}
    said = rollout.held(given)
    assert f"has lasted {told}. " in said
    assert f"it may go on in {wait}, at " in said


def test_who_may_not_see_the_route_is_not_held_up_and_is_told(
    rollout: Rollout, caplog: pytest.LogCaptureFixture
) -> None:
    rollout.api.answers["GET", ROUTE] = status(403, "Forbidden", "not for ada")
    with caplog.at_level(logging.WARNING):
        rollout.goes(TO_STEP_2)
    assert "rollout.step was not checked" in caplog.records[0].getMessage()


def test_offline_and_where_the_cluster_is_unknown_nothing_is_asked(rollout: Rollout) -> None:
    inputs = rollout.inputs(TO_STEP_2)
    assert rollout.resource(offline=True).preview(inputs, {}) == inputs
    unknown = {**inputs, "context": UNKNOWN}
    assert rollout.resource().preview(unknown, {}) == unknown
    assert not rollout.api.requests
