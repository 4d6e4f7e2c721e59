"""An endpoint in Vertex AI under the real engine: our provider before the fake API, the rest on stand-ins."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from modelberth.gcp.vertex.access import endpoint_name
from modelberth.preview.standins import StandIns
from serving.model_sources import write_package
from support import gcp_vertex, vertex_api
from support.request_loop import RequestLoop
from support.standin_stack import Stack
from support.vertex.containers import Containers
from support.vertex_api import VertexApi
from support.vertex_stack import SETOSA, wait_until

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_gcp as gcp
from modelberth.gcp.vertex.endpoint import VertexEndpoint, VertexEndpointArgs
from modelberth.local.process import Provider

config = pulumi.Config()
asked = config.require_object("endpoint")
place = {"project": asked["target"]["project"], "region": asked["target"]["region"]}
providers = [gcp.Provider("gcp", **place), Provider("vertex", vertex_endpoint=config.require("address"))]
made = VertexEndpoint("iris", VertexEndpointArgs.parse(asked), pulumi.ResourceOptions(providers=providers))
pulumi.export("url", made.url)
"""


@contextmanager
def served(folder: Path) -> Iterator[tuple[VertexApi, dict[str, dict[str, Any]]]]:
    """A fake Vertex AI with the endpoint, and the config of each version of the model that it can read."""
    api, configs, buckets = VertexApi(looks=1), {}, {}
    for version in ("3", "4"):
        package = folder / version
        package.mkdir()
        uri = f"gs://models/iris/{version}"
        model = {"uri": f"{uri}/", "sha256": write_package(package, version=version), "version": version}
        configs[version], buckets[uri] = dict(gcp_vertex.mode(model=model, protect=False).config), package
    server = vertex_api.serve(api)
    api.add_endpoint(endpoint_name(gcp_vertex.plan()))
    api.containers = Containers(folder, buckets)
    try:
        yield api, configs
    finally:
        server.shutdown()
        server.server_close()
        api.containers.close()


def test_a_model_goes_onto_an_endpoint_and_is_updated_under_traffic_and_rolled_back(tmp_path: Path) -> None:
    with served(tmp_path) as (api, configs), StandIns(["gcp"]) as standins:
        stack = Stack.of(tmp_path / "project", standins, PROGRAM)

        def up(version: str) -> str:
            config = {"address": api.address, "endpoint": json.dumps(configs[version])}
            stack.run("up", "--yes", "--skip-preview", *(f"--config={k}={v}" for k, v in config.items()))
            ((name, endpoint),) = api.endpoints.items()
            (deployed,) = endpoint["deployedModels"]
            assert endpoint["trafficSplit"] == {deployed["id"]: 100}
            model, _, number = deployed["model"].partition("@")
            assert api.models[model][number]["artifactUri"] == f"gs://models/iris/{version}"
            assert list(api.models[model]) == [number], "the former version is gone"
            return str(name)

        name = up("3")
        loop = RequestLoop(
            f"{api.address}/v1/{name}:predict",
            callers=2,
            pause_s=0.02,
            body=SETOSA,
            headers={"authorization": "Bearer x"},
            header="x-deployed-model",
        )
        with loop.running() as counts:
            for version in ("4", "3"):
                before = counts.ok
                up(version)
                wait_until(lambda before=before: counts.ok > before + 50)  # type: ignore[misc]
        assert not counts.failed, counts
        assert len(counts.answered_by) == 3
        stack.run("destroy", "--yes", "--skip-preview")
        assert (api.endpoints[name]["deployedModels"], api.models) == ([], {})
        assert stack.resources() == {}
