"""The graph that is captured without an engine is the one that the engine leaves."""

from pathlib import Path

import pytest

from modelberth.preview.standins.values import HIDDEN_VALUE
from support.clouds.graph import Graph, RefusedError, captured
from support.clouds.life import of_program
from support.clouds.modes import together
from support.gcp.graph import SETTINGS
from support.gcp.life import GCP
from support.gcp.modes import MODES, graph_of, name_of

WHICH = ("blocks: everything", "cloud run: everything", "vertex: everything")
PROGRAM = f"""
from support.gcp.modes import MODES, name_of

for mode in {WHICH}:
    MODES[mode](name_of(mode))
"""


@pytest.mark.engine
def test_the_engine_leaves_the_same_graph(tmp_path: Path) -> None:
    with of_program(GCP, tmp_path / "shop", PROGRAM) as journey:
        journey.up()
        left = {one.urn: one for one in Graph.of_state(journey.stack.resources().values()).resources}
    quick = {one.urn: one for one in together(graph_of(mode) for mode in WHICH).resources}
    assert left.keys() == quick.keys()
    assert len(left) >= 100
    for urn, one in quick.items():
        assert (left[urn].id, left[urn].inputs) == (one.id, one.inputs), urn
        # The SDK says of all labels together that they are secret.
        shown = {key: value for key, value in left[urn].outputs.items() if value != HIDDEN_VALUE}
        assert shown == {key: one.outputs.get(key) for key in shown}, urn
        told = {key: set(urns) for key, urns in one.origins.items() if urns}
        assert {key: set(urns) for key, urns in left[urn].origins.items() if urns} == told, urn


def test_models_of_vertex_are_asked_of_our_own_provider() -> None:
    """Who does not say so gets them back as they are, without the version that an endpoint names."""
    mode = "vertex: minimal"
    (version,) = [one for one in graph_of(mode).resources if one.token == "modelberth:vertex:Model"]
    assert version.outputs["versionName"].startswith("projects/shop-prod/locations/europe-west4/models/")
    with_echo = captured(lambda: MODES[mode](name_of(mode)), SETTINGS)
    (echo,) = [one for one in with_echo.resources if one.token == "modelberth:vertex:Model"]
    assert not echo.outputs.get("versionName")


def test_what_the_stand_in_refuses_is_an_error() -> None:
    def program() -> None:
        from pulumi_gcp import kms  # noqa: PLC0415 -- the SDK is large

        kms.KeyRing("ring", name="not a name", location="europe-west4", project="shop-prod")

    with pytest.raises(RefusedError, match="not a name"):
        captured(program, SETTINGS)
