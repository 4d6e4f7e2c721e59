"""The cross checks of all rooms together."""

import pkgutil
from importlib import import_module
from typing import Any

import pytest

import modelberth.kubernetes as rooms
from modelberth.capabilities import check as check_all
from modelberth.errors import Problem
from modelberth.kubernetes import checks
from modelberth.kubernetes.checks import check
from support.endpoint_modes import MODES
from support.endpoint_plans import IMAGE, PREVIOUS, PREVIOUS_IMAGE, REMOTE, canary, plan
from support.workload_modes import GPU

# These have problems of their own arguments, or are called by another room.
NO_ROOMS = {"models.rules", "registry.server"}


def found(target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Problem]:
    made = plan(target, **spec)
    problems = check(made.spec, made.target)
    assert len({problem.path for problem in problems}) == len(problems)
    return {problem.path: problem for problem in problems}


@pytest.mark.parametrize("mode", MODES)
def test_what_can_be_had_is_let_through(mode: str) -> None:
    deployment = MODES[mode].deployment
    assert check(deployment.spec, MODES[mode].target) == ()
    assert check_all(deployment.spec, deployment.target) == ()


def test_every_room_with_rules_is_asked() -> None:
    within = f"{rooms.__name__}."
    names = {one.name for one in pkgutil.walk_packages(rooms.__path__, within) if not one.ispkg}
    modules = {name: import_module(name) for name in names - {f"{within}endpoint"}}
    with_rules = {name for name, module in modules.items() if "problems" in getattr(module, "__all__", ())}
    asked = {module.__name__ for module in checks._ROOMS}
    assert {name.removeprefix(within) for name in with_rules - asked} == NO_ROOMS
    assert asked <= with_rules
    assert len(asked) >= 13


@pytest.mark.parametrize(
    ("target", "spec", "path"),
    [
        # No image: by the engine, the rollout and the way of the model.
        ({"image": None}, {}, "target.image"),
        ({"image": None}, {"runtime": {"engine": "triton"}, "model": {**REMOTE}}, "runtime.image"),
        ({}, {"rollout": {"strategy": "rolling"}, "resources": {"gpu": {"kind": "l4"}}}, "resources.gpu"),
        ({"previous_image": PREVIOUS_IMAGE}, {}, "target.previous_image"),
        ({}, {"rollout": {"strategy": "blue_green", "previous": REMOTE}}, "rollout.previous"),
        # One of each room.
        ({"runtime_class": "nvidia"}, {}, "target.runtime_class"),
        (
            {},
            {
                "runtime": {"engine": "tensorflow-serving", "image": IMAGE},
                "model": {**REMOTE, "uri": "s3://models/iris", "format": "savedmodel"},
            },
            "security.auth.kind",
        ),
        ({}, {"scaling": {"min": 0, "max": 2}}, "scaling.min"),
        ({"delivery": {"kind": "image_volume"}}, {}, "target.delivery.kind"),
        ({"route": {"kind": "service", "tls": True}}, {}, "target.certificates"),
        (
            {"engine": "kserve"},
            {
                "runtime": {"engine": "vllm", "image": IMAGE},
                "model": {**REMOTE, "uri": "s3://models/l", "format": "safetensors"},
                "resources": GPU,
                "security": {"auth": {"kind": "none"}},
            },
            "rollout",
        ),
        ({}, {"monitoring": {"metrics": False, "slo": {}}}, "monitoring.metrics"),
        ({}, {"security": {"network": {"public": True}}}, "security.network.public"),
        ({}, {"monitoring": {"alerts": {"notify": ["mailto:x@example.com"]}}}, "monitoring.alerts.notify"),
        ({"engine": "ray"}, {}, "runtime.engine"),
        ({}, {"rollout": canary()}, "rollout.strategy"),
        ({"otlp": "http://collector:4318"}, {}, "target.otlp"),
        ({}, {"security": {"identity": "Upper"}}, "security.identity"),
    ],
)
def test_a_refusal_of_every_room_arrives(target: dict[str, Any], spec: dict[str, Any], path: str) -> None:
    problems = found(target, **spec)
    assert path in problems
    assert problems[path].allowed


def test_all_problems_are_told_at_once_and_each_once() -> None:
    problems = found(
        {"image": None, "otlp": "http://collector:4318", "runtime_class": "nvidia"},
        rollout=canary(),
        security={"tls": {"min_version": "1.3"}},
        scaling={"min": 0, "max": 2},
    )
    assert list(problems) == [
        "target.image",
        "target.runtime_class",
        "scaling.min",
        "security.tls.min_version",
        "rollout.strategy",
        "target.otlp",
    ]


@pytest.mark.parametrize(
    ("engine", "model_format", "limit", "refused"),
    [
        ("triton", "onnx", {"timeout": "90s"}, ["service"]),
        ("tensorflow-serving", "savedmodel", {"max_body": "10Mi"}, ["service", "gateway"]),
        ("tensorflow-serving", "savedmodel", {"timeout": "90s"}, []),
    ],
)
def test_what_stands_in_front_honours_what_the_engine_does_not(
    engine: str, model_format: str, limit: dict[str, str], refused: list[str]
) -> None:
    gateway = {"kind": "gateway", "gateway": "web"}
    routes = {"service": None, "gateway": gateway, "envoy": {**gateway, "envoy": True}}
    (field,) = limit
    told = [
        name
        for name, route in routes.items()
        if f"limits.{field}"
        in found(
            {"route": route} if route else {},
            model={**REMOTE, "format": model_format},
            runtime={"engine": engine, "image": IMAGE},
            limits=limit,
            security={"auth": {"kind": "none"}, **({"tls": {"domain": "iris.example.com"}} if route else {})},
        )
    ]
    assert told == refused


def test_a_rollout_from_the_same_model_in_another_image_is_one() -> None:
    rollout = {"strategy": "blue_green", "previous": REMOTE}
    delivery = {"kind": "image"}
    assert "rollout.previous" in found({"delivery": delivery}, rollout=rollout)
    assert "rollout.previous" in found({"delivery": delivery, "previous_image": IMAGE}, rollout=rollout)
    assert found({"delivery": delivery, "previous_image": PREVIOUS_IMAGE}, rollout=rollout) == {}
    assert found(rollout={**rollout, "previous": PREVIOUS}) == {}
