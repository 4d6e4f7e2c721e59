"""KServe's and KubeRay's own definitions, against what is written for them."""

import copy

import pytest

from modelberth.kubernetes.pods.kserve import inference_services
from modelberth.kubernetes.pods.ray import ray_services
from support.cluster import Namespace
from support.engine_modes import kserve, kserve_modes, parts, ray, ray_modes, within


@pytest.mark.usefixtures("defined")
def test_every_mode_of_every_engine_is_taken(namespace: Namespace) -> None:
    taken = 0
    for modes, made_by in ((kserve_modes(), inference_services), (ray_modes(), ray_services)):
        for mode, given in modes.items():
            made = within(given, namespace.name)
            manifests = made_by(made, parts(made)).values()
            done = namespace.try_apply(*map(dict, manifests), dry_run=True)
            assert done.returncode == 0, f"{mode}: {done.stdout}{done.stderr}"
            taken += len(manifests)
    assert taken == 21


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize("engine", ["InferenceService", "LLMInferenceService", "RayService"])
def test_a_field_that_there_is_not_is_refused(namespace: Namespace, engine: str) -> None:
    given = {"InferenceService": kserve(), "LLMInferenceService": kserve("vllm"), "RayService": ray()}[engine]
    made = within(given, namespace.name)
    made_by = ray_services if engine == "RayService" else inference_services
    (manifest,) = made_by(made, parts(made)).values()
    wrong = copy.deepcopy(dict(manifest))
    wrong["spec"]["unheard"] = 1
    done = namespace.try_apply(wrong, dry_run=True)
    assert done.returncode != 0
    assert "unheard" in done.stderr
