"""KServe's and KubeRay's own definitions, against what is written for them."""

import copy
import os
from pathlib import Path

import pytest

from cluster import definitions
from modelberth.kubernetes.crds import kinds
from modelberth.kubernetes.kserve import inference_services
from modelberth.kubernetes.ray import ray_services
from support.cluster import Cluster, Namespace
from support.engine_modes import kserve, kserve_modes, parts, ray, ray_modes, within


@pytest.fixture(scope="module")
def defined(cluster: Cluster) -> None:
    """The kinds of `crds.toml`; a person's own cluster is left as it is."""
    if cluster.own:
        definitions.apply(Path(cluster.kubectl_program), cluster.kubeconfig, os.environ)
    rows = [row.split() for row in cluster.kubectl("api-resources", "--no-headers").splitlines()]
    served = {(row[-3], row[-1]) for row in rows}
    missing = sorted(kind for kind, entry in kinds().items() if (entry.api_version, kind) not in served)
    if missing and not cluster.own:
        pytest.skip(f"the cluster that is named does not serve {', '.join(missing)}")
    assert missing == []


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
