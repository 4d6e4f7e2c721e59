"""Every component of AWS in each of its modes: the programs that schemas, checkov and moto judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

from modelberth.aws.lambda_.endpoint import LambdaEndpoint, LambdaEndpointArgs
from modelberth.aws.sagemaker.endpoint import SageMakerEndpoint, SageMakerEndpointArgs
from modelberth.endpoint import ModelEndpoint, ModelEndpointArgs
from support import aws_eks, aws_plans, aws_sagemaker
from support.aws.graph import captured
from support.aws.lint import REGIONS
from support.aws.mode_blocks import BLOCKS
from support.aws.mode_paths import IMAGES, NETWORKS, PIPELINES
from support.aws.mode_watching import WATCHING
from support.aws_blocks import PLACE
from support.clouds import modes
from support.clouds.graph import Graph

__all__ = ["MODES", "Program", "graph_of", "mode_of", "name_of"]

Program = Callable[[str, str], Any]
"""Registers a mode under a name of the program's resources, which it begins all others with, in a region."""


_INSTEAD: Final[Mapping[str, Mapping[str, str]]] = {
    # AWS's own list of instances for hosting, of 2026-10-20, has it in none of the regions.
    "ml.m8g.large": dict.fromkeys(REGIONS, "ml.m5.xlarge"),
    # The components refuse what a region does not have; this one has GPUs of an earlier kind.
    "l4": {"ap-southeast-1": "t4"},
    "g6.xlarge": {"ap-southeast-1": "g4dn.xlarge"},
}
"""What a mode has in a region in the place of what that region does not have."""


def _in_region(config: Mapping[str, Any], region: str, name: str) -> dict[str, Any]:
    """The config with everything that names the tests' region in another, and another endpoint's name."""
    text = json.dumps(config).replace(PLACE.region, region)
    for kind, instead in _INSTEAD.items():
        text = text.replace(f'"{kind}"', f'"{instead.get(region, kind)}"')
    moved: dict[str, Any] = json.loads(text)
    return {**moved, "name": name}


def _lambda(mode: aws_plans.Mode, name: str, region: str) -> None:
    read = LambdaEndpointArgs.parse(_in_region(mode.config, region, name))
    image = mode.image and mode.image.replace(PLACE.region, region)
    LambdaEndpoint(name, LambdaEndpointArgs(read.spec, read.target, image=image))


def _sagemaker(mode: aws_sagemaker.Mode, name: str, region: str) -> None:
    read = SageMakerEndpointArgs.parse(_in_region(mode.config, region, name))
    image = mode.image and mode.image.replace(PLACE.region, region)
    SageMakerEndpoint(name, SageMakerEndpointArgs(read.spec, read.target, image=image))


def _eks(config: Mapping[str, Any], name: str, region: str) -> None:
    ModelEndpoint(name, ModelEndpointArgs.parse(_in_region(config, region, name)))


MODES: Final[Mapping[str, Program]] = {
    **{f"lambda: {mode}": partial(_lambda, one) for mode, one in aws_plans.MODES.items()},
    **{f"sagemaker: {mode}": partial(_sagemaker, one) for mode, one in aws_sagemaker.MODES.items()},
    **{f"eks: {mode}": partial(_eks, one) for mode, one in aws_eks.MODES.items()},
    **{f"blocks: {mode}": program for mode, program in BLOCKS.items()},
    **{f"watching: {mode}": program for mode, program in WATCHING.items()},
    **{f"image: {mode}": program for mode, program in IMAGES.items()},
    **{f"network: {mode}": program for mode, program in NETWORKS.items()},
    **{f"pipeline: {mode}": program for mode, program in PIPELINES.items()},
}


@cache
def graph_of(mode: str, region: str = "us-east-1") -> Graph:
    """The resources of a mode, which no other mode has under the same names."""
    return captured(lambda: MODES[mode](name_of(mode), region), region=region)


def mode_of(name: str) -> str:
    """The mode that a resource belongs to, by the resource's name in the program."""
    return modes.mode_of(name, MODES)


def name_of(mode: str) -> str:
    """The beginning of the names of a mode's resources."""
    return modes.name_of(mode, MODES)
