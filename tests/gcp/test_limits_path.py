"""The whole way of a request: where the spec asks for more than fits through, the hop that binds is named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from modelberth.gcp.cloud_run.limits import limits as of_cloud_run
from modelberth.gcp.vertex.limits import limits as of_vertex
from support import gcp_cloud_run, gcp_vertex
from support.clouds.bad_input import refusals
from support.gcp_vertex import PUBLIC

GCP: Final = Path(__file__).parents[2] / "components" / "modelberth" / "gcp"
KIB: Final = 1024
WAYS: Final[Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    "dedicated": ({"access": {"kind": "dedicated"}}, {"security": PUBLIC}),
    "private_service_connect": ({}, {}),
    "shared": ({"access": {"kind": "shared"}}, {"security": PUBLIC}),
}
"""Ways to an endpoint in Vertex AI, by `target.access.kind`: fields of the target, and of the spec."""


def problems(config: Mapping[str, Any]) -> Mapping[str, str]:
    return {one.path: str(one) for one in refusals(config)}


def test_what_google_takes_is_what_the_documentation_says() -> None:
    """Cloud Run 32 MiB and an hour; Vertex AI 10 MB, and by the shared address 1.5 MB and a minute."""
    assert (of_cloud_run().body_bytes, of_cloud_run().timeout_seconds) == (32 * KIB * KIB, 3600)
    ways = {kind: (one.body_bytes, one.timeout_seconds) for kind, one in of_vertex().access.items()}
    assert ways["shared"] == (1_500_000, 60)
    assert ways["dedicated"] == ways["private_service_connect"] == (10_000_000, 600)
    assert ways.keys() == WAYS.keys()


def test_a_service_takes_what_fits_and_no_more() -> None:
    make, most = gcp_cloud_run.mode, of_cloud_run()
    fits = {"max_body": f"{most.body_bytes // KIB}Ki", "timeout": f"{most.timeout_seconds}s"}
    assert problems(make(limits=fits).config) == {}
    over = problems(make(limits={"max_body": f"{most.body_bytes // KIB + 1}Ki"}).config)
    assert list(over) == ["limits.max_body"]
    assert "at most 32Mi" in over["limits.max_body"]
    assert "HTTP/1" in over["limits.max_body"]
    late = problems(make(limits={"timeout": f"{most.timeout_seconds + 1}s"}).config)
    assert list(late) == ["limits.timeout"]


@pytest.mark.parametrize("kind", WAYS)
def test_the_way_to_vertex_is_named_with_the_one_that_takes_more(kind: str) -> None:
    target, spec = WAYS[kind]
    make, most = gcp_vertex.mode, of_vertex().access[kind]
    fits = {"max_body": f"{most.body_bytes // 1000}k", "timeout": f"{most.timeout_seconds}s"}
    assert problems(make(target, limits=fits, **spec).config) == {}
    over = {"max_body": f"{most.body_bytes // 1000 + 1}k", "timeout": f"{most.timeout_seconds + 1}s"}
    found = problems(make(target, limits=over, **spec).config)
    assert found.keys() == {"limits.max_body", "limits.timeout"}
    if kind == "shared":
        for said in found.values():
            assert "The hop that binds is Vertex AI's: the region's shared address" in said
            assert "With target.access dedicated or private_service_connect it can be had" in said


def test_every_limit_says_where_it_is_from_and_when_it_was_read() -> None:
    tables = [file for file in sorted(GCP.rglob("*.toml")) if file.name != "names.toml"]
    assert len(tables) >= 7
    for file in tables:
        text = file.read_text(encoding="utf-8")
        assert isinstance(tomllib.loads(text).get("captured"), date), file
        assert "https://" in text, file
