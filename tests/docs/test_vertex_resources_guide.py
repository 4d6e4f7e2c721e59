"""The guide to our resources of Vertex AI: its program is taken as it stands."""

from typing import Any

import pytest
from pulumi.runtime import mocks

from docs.markdown import blocks
from modelberth.provider.translation import plain, struct
from modelberth.provider.vertex.deployed_model_resource import DeployedModel
from modelberth.provider.vertex.model_resource import Model
from support.project import REPOSITORY
from support.recording import Recorder, RecordingMonitor, run
from support.vertex_resources import World

GUIDE = REPOSITORY / "docs" / "vertex-resources.md"
PARENT = "projects/shop-prod/locations/europe-west4"


class VertexRecorder(Recorder):
    """Answers as Vertex AI and our provider do."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        made = {
            "gcp:vertex/aiEndpoint:AiEndpoint": (f"{PARENT}/endpoints/{args.inputs.get('name')}", {}),
            "modelberth:vertex:Model": (
                f"{PARENT}/models/iris@1",
                {"versionName": f"{PARENT}/models/iris@1"},
            ),
        }
        found, outputs = made.get(args.typ, (args.name, {}))
        return found, {**args.inputs, **outputs}


def test_the_program_is_what_the_provider_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = blocks(GUIDE)
    recorder = VertexRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", monitor=RecordingMonitor(recorder))
    run(recorder, lambda: exec(compile(program.text, str(GUIDE), "exec"), {}))
    world = World(monkeypatch)
    found = {one.type: one for one in recorder.resources}
    assert found["gcp:vertex/aiEndpoint:AiEndpoint"].ignored == ("trafficSplit",)
    for token, resource in (
        ("modelberth:vertex:Model", Model(world.settings)),
        ("modelberth:vertex:DeployedModel", DeployedModel(world.settings)),
    ):
        assert resource.check(plain(struct(found[token].inputs)), {}).failures == []
    (share,) = found["modelberth:vertex:DeployedModel"].inputs["shares"]
    assert share == {"model": f"{PARENT}/models/iris@1", "percent": 100, "machineType": "n1-standard-4"}
