"""Models of the Model Garden: private unless one says so, on machines that go with their GPUs."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.gcp.vertex.garden import GcpModelGarden, GcpModelGardenArgs
from modelberth.spec.resources import Gpu
from support.gcp_blocks import PLACE, GcpRecorder
from support.recording import RecordingMonitor, run

GEMMA = "publishers/google/models/gemma3@gemma-3-1b-it"
NUMBER = "mg-endpoint-7061871393"
ARGS = GcpModelGardenArgs(PLACE, "assistant", GEMMA, "g2-standard-12", Gpu(kind="l4"))


class GardenRecorder(GcpRecorder):
    """Gives the id that Google would choose."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        number, outputs = super().new_resource(args)
        return number, {**outputs, "endpoint": NUMBER}


def made(args: GcpModelGardenArgs) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs of what is registered, and the component's outputs."""
    recorder = GardenRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    run(recorder, lambda: GcpModelGarden("assistant", args))
    (outputs,) = [value for urn, value in recorder.outputs.items() if "GcpModelGarden" in urn]
    return recorder.named("assistant-endpoint").inputs, outputs


def test_networks_of_the_project_alone_reach_it() -> None:
    inputs, outputs = made(ARGS)
    assert (inputs["project"], inputs["location"]) == ("shop-prod", "europe-west4")
    assert inputs["publisherModelName"] == GEMMA
    assert "huggingFaceModelId" not in inputs
    assert inputs["endpointConfig"] == {
        "endpointDisplayName": "assistant",
        "privateServiceConnectConfig": {
            "enablePrivateServiceConnect": True,
            "projectAllowlists": ["shop-prod"],
        },
    }
    assert inputs["modelConfig"] == {"acceptEula": False, "modelDisplayName": "assistant"}
    assert inputs["deployConfig"]["dedicatedResources"] == {
        "machineSpec": {
            "machineType": "g2-standard-12",
            "acceleratorType": "NVIDIA_L4",
            "acceleratorCount": 1,
        },
        "minReplicaCount": 1,
        "maxReplicaCount": 1,
    }
    assert outputs == {
        "endpoint": f"{PLACE.parent}/endpoints/{NUMBER}",
        "url": f"https://{NUMBER}-europe-west4-123456789012.prediction.p.vertexai.goog",
    }


def test_it_has_an_address_on_the_internet_where_one_says_so() -> None:
    inputs, outputs = made(replace(ARGS, public=True))
    assert inputs["endpointConfig"] == {"endpointDisplayName": "assistant", "dedicatedEndpointEnabled": True}
    assert outputs["url"] == f"https://{NUMBER}.europe-west4-123456789012.prediction.vertexai.goog"


def test_a_token_of_the_hub_is_a_secret() -> None:
    args = GcpModelGardenArgs(PLACE, "assistant", "google/gemma-2-2b-it", token="hf_token", accept_eula=True)
    inputs, _ = made(args)
    assert inputs["huggingFaceModelId"] == "google/gemma-2-2b-it"
    assert "deployConfig" not in inputs
    config = inputs["modelConfig"]
    assert pulumi.runtime.rpc.is_rpc_secret(config)
    told = pulumi.runtime.rpc.unwrap_rpc_secret(config)
    assert told["acceptEula"] is True
    assert told["huggingFaceAccessToken"] == "hf_token"


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"display_name": ""}, "display_name", "1 to 128"),
    ({"model": "publishers/google/models/gemma3"}, "model", "another tomorrow"),
    ({"model": "gemma"}, "model", "ORGANISATION/NAME"),
    ({"token": "hf_token"}, "token", "Hugging Face Hub"),
    ({"min_replicas": 0}, "min_replicas", "at least one replica"),
    ({"min_replicas": 3, "max_replicas": 2}, "min_replicas", "at most max_replicas"),
    ({"public": True, "projects": ["shop-web"]}, "projects", "nothing with public"),
    ({"gpu": Gpu(kind="a10g")}, "gpu.kind", "t4, v100, l4"),
    ({"machine_type": None}, "machine_type", "since gpu is set"),
    ({"gpu": None}, "machine_type", "no GPU"),
    ({"gpu": Gpu(kind="l4", count=2)}, "machine_type", "g2-standard-24"),
    ({"gpu": Gpu(kind="t4")}, "machine_type", "Such as n1-"),
]


@pytest.mark.parametrize(("given", "path", "words"), REFUSED)
def test_what_google_would_refuse_is_refused_before(given: dict[str, Any], path: str, words: str) -> None:
    found = {problem.path: problem for problem in replace(ARGS, **given).problems()}
    assert [*found] == [path]
    assert words in str(found[path])
    with pytest.raises(pulumi.RunError, match=path):
        GcpModelGarden("assistant", replace(ARGS, **given))


def test_how_many_refusals_were_looked_at() -> None:
    assert len(REFUSED) == 12
    assert [*ARGS.problems()] == []
