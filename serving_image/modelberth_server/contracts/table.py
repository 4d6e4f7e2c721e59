"""Which path speaks which contract: the fixed routes, and those that a platform asks for by variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from modelberth_server.contracts import azure_ml, open_inference, plain, sagemaker, tensorflow, vertex
from modelberth_server.contracts.contract import Contract
from modelberth_server.errors import SettingsError

__all__ = ["PredictionRoute", "ProbeRoute", "prediction_routes", "probe_routes"]

PREDICT_ROUTE: Final = "AIP_PREDICT_ROUTE"
HEALTH_ROUTE: Final = "AIP_HEALTH_ROUTE"


@dataclass(frozen=True)
class PredictionRoute:
    """A path for `POST`, with `{segments}`, and the contract that it speaks."""

    template: str
    contract: Contract


@dataclass(frozen=True)
class ProbeRoute:
    """A path for `GET` that answers as `/health/live` or `/health/ready` does."""

    template: str
    probe: Literal["live", "ready"]


_PREDICTIONS: Final = (
    PredictionRoute("/predict", plain.predict),
    PredictionRoute("/invocations", sagemaker.invocations),
    PredictionRoute("/score", azure_ml.score),
    PredictionRoute("/v1/models/{name}:predict", tensorflow.predict),
    PredictionRoute("/v1/models/{name}/versions/{version}:predict", tensorflow.predict),
    PredictionRoute("/v2/models/{name}/infer", open_inference.infer),
    PredictionRoute("/v2/models/{name}/versions/{version}/infer", open_inference.infer),
)
_PROBES: Final = (
    ProbeRoute("/health/live", "live"),
    ProbeRoute("/health/ready", "ready"),
    # SageMaker sends traffic once it is answered with 200.
    ProbeRoute("/ping", "ready"),
)
# Health checks of the Open Inference Protocol, which are ready and live as ours are.
_PROTOCOL_PROBES: Final = ("/v2/health/live", "/v2/health/ready")
# Paths with another use, whole or up to a slash.
_OCCUPIED: Final = ("/metrics", "/v1/models", "/v2")


def prediction_routes(environ: Mapping[str, str]) -> tuple[PredictionRoute, ...]:
    """Return the routes for predictions; of two that match a path the first counts.

    Vertex AI's `AIP_PREDICT_ROUTE` may be a path that has another contract, such as `/predict` or
    `/v1/models/iris:predict`: there the platform is the only caller, and its contract is spoken instead.

    Raises:
        SettingsError: `AIP_PREDICT_ROUTE` is no path or has another use.

    """
    route = _route(environ, PREDICT_ROUTE)
    if route is None:
        return _PREDICTIONS
    if not route.endswith(":predict"):
        _refuse_occupied(route, PREDICT_ROUTE)
    if route in _probe_paths() or route == environ.get(HEALTH_ROUTE):
        raise SettingsError(f"{PREDICT_ROUTE}: {route!r} is a path of health checks, choose another")
    others = tuple(other for other in _PREDICTIONS if other.template != route)
    return (PredictionRoute(route, vertex.predict), *others)


def probe_routes(environ: Mapping[str, str]) -> tuple[ProbeRoute, ...]:
    """Return the routes for health checks that are not part of a protocol.

    Raises:
        SettingsError: `AIP_HEALTH_ROUTE` is no path or has another use.

    """
    route = _route(environ, HEALTH_ROUTE)
    if route is None or route in _probe_paths():
        return _PROBES
    _refuse_occupied(route, HEALTH_ROUTE)
    if route in [prediction.template for prediction in _PREDICTIONS]:
        raise SettingsError(f"{HEALTH_ROUTE}: {route!r} is a path of predictions, choose another")
    return (*_PROBES, ProbeRoute(route, "ready"))


def _probe_paths() -> tuple[str, ...]:
    return (*[probe.template for probe in _PROBES], *_PROTOCOL_PROBES)


def _route(environ: Mapping[str, str], variable: str) -> str | None:
    """Return the path that a variable holds, if it is set."""
    route = environ.get(variable)
    if not route:
        return None
    if re.fullmatch(r"/[!-~]*", route) is None or set(route) & set("{}?#%"):
        raise SettingsError(
            f"{variable}: {route!r} is not a path: '/', then ASCII without space, {{}}, ?, # or %"
        )
    return route


def _refuse_occupied(route: str, variable: str) -> None:
    for taken in _OCCUPIED:
        if route == taken or route.startswith(f"{taken}/"):
            raise SettingsError(
                f"{variable}: {route!r} has another use, choose a path that is not under {taken}"
            )
