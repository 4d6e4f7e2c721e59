"""Ways to and from an endpoint: its image, the private network, and the pipeline between two buckets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs
from modelberth.aws.lambda_.endpoint import LambdaEndpointArgs
from modelberth.aws.network.private_network import AwsPrivateNetwork, AwsPrivateNetworkArgs
from modelberth.aws.network.services import interfaces, needed
from modelberth.aws.place import Place
from modelberth.aws.prediction_pipeline import AwsPredictionPipeline, AwsPredictionPipelineArgs
from modelberth.aws.registry import AwsRegistry, AwsRegistryArgs
from modelberth.aws.serving_image import AwsServingImage, AwsServingImageArgs
from modelberth.serving_image import BuildOptions, RegistryLogin
from support import aws_plans
from support.aws.graph import ACCOUNT
from support.aws_blocks import BUILD, NETWORK, PLACE

__all__ = ["IMAGES", "NETWORKS", "PIPELINES"]

_TAGS: Final = {"team": "plants"}


def _image(name: str, region: str) -> AwsServingImageArgs:
    place = Place(ACCOUNT, region)
    key = AwsEncryptionKey(f"{name}-key", AwsEncryptionKeyArgs(place, name)).key
    registry = AwsRegistry(f"{name}-registry", AwsRegistryArgs(place, f"models/{name}", key))
    return AwsServingImageArgs(place, BUILD, registry.url, architecture="arm64")


def _built(name: str, region: str) -> None:
    AwsServingImage(name, _image(name, region))


def _built_with_everything(name: str, region: str) -> None:
    args = _image(name, region)
    options = BuildOptions(
        login=RegistryLogin("AWS", "token-of-the-day"),
        cache=f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/models/cache:iris",
        builder="fast",
        in_preview=True,
    )
    AwsServingImage(name, replace(args, tag_beginning="live-canary-", options=options))


def _there_already(name: str, region: str) -> None:
    args = _image(name, region)
    digest = f"sha256:{'0' * 64}"
    existing = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/models/{name}@{digest}"
    AwsServingImage(name, AwsServingImageArgs(args.place, existing=existing))


def _network(name: str, region: str) -> AwsPrivateNetworkArgs:
    subnets = {zone.replace(PLACE.region, region): subnet for zone, subnet in NETWORK.subnets.items()}
    return replace(NETWORK, place=Place(ACCOUNT, region), name=name, subnets=subnets)


def _callers_of_a_function(name: str, region: str) -> None:
    args = replace(
        _network(name, region), services=needed("lambda"), route_tables=(), vpc="vpc-0123456789abcdef1"
    )
    AwsPrivateNetwork(f"{name}-network", args)


def _every_service(name: str, region: str) -> None:
    args = replace(
        _network(name, region),
        services=tuple(interfaces()),
        callers=("10.0.0.0/16", "fd00:1::/64"),
        caller_groups=("sg-0123456789abcdef0",),
        accounts=("210987654321",),
        tags=_TAGS,
    )
    AwsPrivateNetwork(f"{name}-network", args)


def _pipeline(name: str, region: str, **spec: Any) -> AwsPredictionPipelineArgs:
    config = {**aws_plans.mode(**spec).config, "name": name}
    moved = json.loads(json.dumps(config).replace(PLACE.region, region))
    return AwsPredictionPipelineArgs(
        LambdaEndpointArgs.parse(moved), f"{ACCOUNT}-{name}-in", f"{ACCOUNT}-{name}-out"
    )


def _minimal(name: str, region: str) -> None:
    AwsPredictionPipeline(name, _pipeline(name, region))


def _everything(name: str, region: str) -> None:
    args = replace(
        _pipeline(name, region, scaling={"min": 0, "max": 10}, protect=True),
        input_prefix="a/b/",
        output_prefix="c/",
        suffixes=(".json", ".jsonl", ".ndjson", ".csv", ".npy"),
        input_days=1,
        output_days=30,
        record_days=400,
        tags=_TAGS,
    )
    AwsPredictionPipeline(name, args)


IMAGES: Final[Mapping[str, Callable[[str, str], None]]] = {
    "built": _built,
    "built with everything": _built_with_everything,
    "there already": _there_already,
}
NETWORKS: Final[Mapping[str, Callable[[str, str], None]]] = {
    "callers of a function": _callers_of_a_function,
    "every service": _every_service,
}
PIPELINES: Final[Mapping[str, Callable[[str, str], None]]] = {"minimal": _minimal, "everything": _everything}
"""Each registers its component under a name in a region."""
