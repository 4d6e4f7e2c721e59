"""Previews and rehearsals on stand-ins: both resources say what would come of them, and nobody is asked."""

import re
from pathlib import Path
from typing import Any

from modelberth.preview.standins.backend import Request
from modelberth.preview.standins.own import Own
from modelberth.provider.resource import UNKNOWN, Observed
from support.vertex_api import PARENT
from support.vertex_resources import DEPLOYED, SHARE, VERSION, World

SHOP = f"{PARENT}/models/shop"


def asked(kind: str, *, preview: bool) -> Request:
    token = f"modelberth:vertex:{kind}"
    return Request(urn=f"urn:pulumi:dev::shop::{token}::iris", type=token, name="iris", preview=preview)


def made(kind: str, inputs: dict[str, Any], *, preview: bool) -> Observed:
    own, request = Own(Path()), asked(kind, preview=preview)
    checked = own.check(request, {}, inputs)
    assert checked.failures == []
    return own.create(request, checked.inputs)


def test_a_version_has_a_number_after_a_rehearsal_and_none_in_a_preview(world: World) -> None:
    foreseen = made("Model", VERSION, preview=True).outputs
    assert {name for name, value in foreseen.items() if value == UNKNOWN} == {
        "versionName",
        "versionId",
        "holder",
    }
    outputs = made("Model", VERSION, preview=False).outputs
    assert re.fullmatch(rf"{SHOP}@\d+", outputs["versionName"])
    assert UNKNOWN not in outputs.values()
    assert outputs == made("Model", VERSION, preview=False).outputs
    renamed, request = {**VERSION, "displayName": "new"}, asked("Model", preview=False)
    (change,) = Own(Path()).diff(request, "", VERSION, outputs, renamed).changes
    assert (change.path, change.replaces) == ("displayName", False)
    assert Own(Path()).update(request, "", VERSION, outputs, renamed) == {**outputs, "displayName": "new"}
    assert world.api.requests == []


def test_an_endpoint_knows_its_ids_once_it_knows_the_versions(world: World) -> None:
    unknown = {**DEPLOYED, "shares": [{**SHARE, "model": UNKNOWN}]}
    assert made("DeployedModel", unknown, preview=True).outputs["traffic"] == UNKNOWN
    rehearsed = made("DeployedModel", DEPLOYED, preview=False)
    (number,) = rehearsed.outputs["deployedModelIds"]
    assert rehearsed.outputs["traffic"] == {number: 100}
    assert UNKNOWN not in rehearsed.outputs.values()
    (refused,) = (
        Own(Path()).check(asked("DeployedModel", preview=True), {}, {**DEPLOYED, "name": ""}).failures
    )
    assert refused.reason.startswith("name: given ''")
    assert world.api.requests == []
