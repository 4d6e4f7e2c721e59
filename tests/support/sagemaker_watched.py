"""Endpoints in SageMaker as the tests of their watching make them; between them every kind there is."""

from collections.abc import Mapping
from typing import Any, Final

from modelberth.aws.monitoring.alarm import Watched
from modelberth.aws.monitoring.signals import signals_of
from modelberth.aws.sagemaker import watching
from support.aws_blocks import EXISTING
from support.sagemaker_rooms import (
    A_GPU,
    CANARY,
    COMPONENTS,
    GPUS,
    QUEUE,
    REAL_TIME,
    SCALED,
    SERVERLESS,
    TO_ZERO,
    plan,
)

CONFIG: Final = "shop-dev-iris-config-1"
PROMISED: Final = {"slo": {"availability": 99.5, "latency_p99": "300ms"}}


def watched(mode: Mapping[str, Any] = REAL_TIME, **spec: Any) -> Watched:
    """The endpoint as it is handed to its alarms and its dashboard."""
    made = plan(mode, **spec)
    args = watching.monitoring(made, EXISTING, CONFIG)
    signals = signals_of(args.kind, args.where)
    return Watched(made, signals, args.capacity, args.warm, args.log_group, args.replicas, args.update)


MODES: Final[Mapping[str, Watched]] = {
    "real time": watched(),
    "promised": watched(scaling=SCALED, monitoring=PROMISED),
    "canary": watched(rollout=CANARY),
    "gpus": watched(GPUS, resources=A_GPU),
    "components": watched(COMPONENTS, scaling=TO_ZERO),
    "async": watched(QUEUE, scaling=TO_ZERO),
    "serverless": watched(SERVERLESS, scaling={"min": 2, "max": 20}),
}
