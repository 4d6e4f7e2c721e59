"""Programs that hold most types that an endpoint in AWS is built of, well and badly."""

from __future__ import annotations

from typing import Final

from pulumi_aws import cloudwatch, ecr, iam, kms, lambda_, s3

from modelberth.aws.place import Place
from modelberth.aws.policies import Statement, policy
from support.aws.graph import ACCOUNT
from support.aws.sample_data import DIGEST, Shared, assumed, registry, store
from support.aws.sample_function import function, http_api
from support.aws.sample_instances import cluster, sagemaker_endpoint
from support.aws.sample_watching import monitoring

__all__ = ["BARE", "HARDENED", "bare", "hardened"]

HARDENED: Final = 58
"""How many resources of AWS the good program has."""

BARE: Final = 6


def hardened(region: str = "us-east-1") -> None:
    """Everything as it should be."""
    place = Place(ACCOUNT, region)
    everything = Statement("Admin", ["kms:*"], ["*"], {"AWS": [place.root]})
    key = kms.Key(
        "key",
        region=region,
        description="model",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        policy=policy(everything),
        tags={"team": "shop"},
    )
    kms.Alias("key-alias", region=region, name="alias/iris", target_key_id=key.key_id)
    shared = Shared(place, key)
    registry(shared)
    store(shared)
    topic = monitoring(shared)
    http_api(shared, function(shared, topic))
    sagemaker_endpoint(shared)
    cluster(shared)


def bare(region: str = "us-east-1") -> None:
    """As little as the services take."""
    kms.Key("key", region=region, enable_key_rotation=False)
    ecr.Repository("images", region=region, name="iris")
    cloudwatch.LogGroup("logs", region=region, name="/aws/lambda/iris")
    role = iam.Role("role", name="iris", assume_role_policy=assumed("lambda.amazonaws.com"))
    lambda_.Function(
        "function",
        region=region,
        name="iris",
        role=role.arn,
        package_type="Image",
        image_uri=f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/iris@{DIGEST}",
    )
    s3.Bucket("models", region=region, bucket="iris-models")
