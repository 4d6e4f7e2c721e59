"""Which path speaks which contract, by default and as a platform asks for it."""

import re

import pytest

from modelberth_server.contracts import plain, vertex
from modelberth_server.contracts.table import prediction_routes, probe_routes
from modelberth_server.errors import SettingsError
from modelberth_server.http.routing import Route, Router


def contract_at(environ: dict[str, str], path: str) -> str | None:
    """The module of the contract that a path speaks, found as the server finds it."""
    router = Router(Route("POST", route.template, route.contract) for route in prediction_routes(environ))
    match = router.match(path)
    return match.route.handler.__module__.rpartition(".")[2] if match else None


def probes(environ: dict[str, str]) -> dict[str, str]:
    return {route.template: route.probe for route in probe_routes(environ)}


@pytest.mark.parametrize(
    ("path", "contract"),
    [
        ("/predict", "plain"),
        ("/invocations", "sagemaker"),
        ("/score", "azure_ml"),
        ("/v1/models/iris:predict", "tensorflow"),
        ("/v1/models/iris/versions/3:predict", "tensorflow"),
        ("/v2/models/iris/infer", "open_inference"),
        ("/v2/models/iris/versions/3/infer", "open_inference"),
        ("/v1/models/iris", None),
        ("/v1/models/iris:classify", None),
        ("/predict/", None),
    ],
)
def test_the_fixed_routes(path: str, contract: str | None) -> None:
    assert contract_at({}, path) == contract


def test_the_fixed_probes() -> None:
    assert probes({}) == {"/health/live": "live", "/health/ready": "ready", "/ping": "ready"}
    assert probes({"AIP_HEALTH_ROUTE": ""}) == probes({})


@pytest.mark.parametrize(
    "route",
    [
        "/predict",
        "/invocations",
        "/vertex",
        "/v1/endpoints/1/deployedModels/2:predict",
        "/v1/models/iris:predict",
        "/",
    ],
)
def test_vertex_gets_the_route_that_it_asks_for(route: str) -> None:
    assert contract_at({"AIP_PREDICT_ROUTE": route}, route) == "vertex"
    routes = prediction_routes({"AIP_PREDICT_ROUTE": route})
    assert len({one.template for one in routes}) == len(routes)
    assert contract_at({"AIP_PREDICT_ROUTE": route}, "/score") == "azure_ml"
    assert vertex.predict is not plain.predict


@pytest.mark.parametrize("route", ["/health", "/v1/endpoints/1/deployedModels/2", "/isalive", "/"])
def test_vertex_gets_the_probe_that_it_asks_for(route: str) -> None:
    assert probes({"AIP_HEALTH_ROUTE": route}) == {**probes({}), route: "ready"}


@pytest.mark.parametrize("route", ["/health/ready", "/ping", "/health/live", "/v2/health/ready"])
def test_a_probe_that_is_there_serves_vertex_too(route: str) -> None:
    assert probes({"AIP_HEALTH_ROUTE": route}) == probes({})


@pytest.mark.parametrize("variable", ["AIP_PREDICT_ROUTE", "AIP_HEALTH_ROUTE"])
@pytest.mark.parametrize(
    "value", ["predict", "/a b", "/{name}", "/a?b", "/a#b", "/a%20", "/é", "/a\n", "http://x/y"]
)
def test_what_is_no_path_is_refused(variable: str, value: str) -> None:
    routes = {"AIP_PREDICT_ROUTE": prediction_routes, "AIP_HEALTH_ROUTE": probe_routes}[variable]
    with pytest.raises(SettingsError, match=re.escape(f"{variable}: {value!r} is not a path")):
        routes({variable: value})


@pytest.mark.parametrize("route", ["/metrics", "/v2", "/v2/models/iris/infer", "/v1/models/iris"])
def test_a_path_with_another_use_is_refused(route: str) -> None:
    for variable, routes in (("AIP_PREDICT_ROUTE", prediction_routes), ("AIP_HEALTH_ROUTE", probe_routes)):
        with pytest.raises(SettingsError, match=f"^{variable}: '{route}' has another use, choose a path"):
            routes({variable: route})


def test_predictions_and_probes_do_not_share_a_path() -> None:
    for route in ("/ping", "/health/ready", "/v2/health/live"):
        with pytest.raises(SettingsError, match=f"^AIP_PREDICT_ROUTE: '{route}' "):
            prediction_routes({"AIP_PREDICT_ROUTE": route})
    with pytest.raises(SettingsError, match=r"^AIP_HEALTH_ROUTE: '/predict' is a path of predictions"):
        probe_routes({"AIP_HEALTH_ROUTE": "/predict"})
    with pytest.raises(SettingsError, match=r"^AIP_PREDICT_ROUTE: '/same' is a path of health checks"):
        prediction_routes({"AIP_PREDICT_ROUTE": "/same", "AIP_HEALTH_ROUTE": "/same"})
