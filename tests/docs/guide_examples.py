"""Examples of a cloud's guide: fields that stand in the place of its first endpoint's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
import yaml
from pulumi.runtime.settings import get_root_resource, set_root_resource

from docs.markdown import Block
from modelberth.spec import EndpointDeployment, parse

__all__ = ["endpoint_of", "own_stack", "read"]


def read(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(block.text)
    return found


def endpoint_of(
    files: Mapping[str, Block], base: str, examples: Iterable[str], name: str
) -> EndpointDeployment:
    """The example's fields in the place of the first endpoint's; those of the target beside the target's.

    An example that names a kind of target begins a section: it takes the first endpoint's place there.
    """
    first = read(files[base])["config"]["modelberth:endpoints"][0]
    stands = first
    for one in examples:
        example = {} if one == base else read(files[one])
        target = example.get("target", {})
        if begins := "kind" in target:
            stands = {**first, "target": {}}
        found = {**stands, **example, "target": {**stands["target"], **target}}
        if one == name:
            return parse(EndpointDeployment, found)
        stands = found if begins else stands
    raise KeyError(name)


@pytest.fixture(autouse=True)
def own_stack() -> Iterator[None]:
    """Pulumi makes the stack's resource once, and other tests have another one."""
    before = get_root_resource()
    yield
    set_root_resource(before)  # type: ignore[arg-type]
