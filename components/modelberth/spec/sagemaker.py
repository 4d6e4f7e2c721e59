"""What only Amazon SageMaker AI holds: how requests come to an endpoint, and what each way needs."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from modelberth.errors import Problem, SpecError, shown

from .aws import AwsTarget, EcrImage, Vpc
from .rules import Count, Matching, Part

__all__ = [
    "Async",
    "InferenceComponents",
    "RealTime",
    "SageMakerMode",
    "SageMakerTarget",
    "Serverless",
]

_KIND: Final = "How requests are answered."
_INSTANCE: Final = "Instance type. Unset: the cheapest known one that holds `resources`."

InstanceType = Annotated[str, Matching(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type such as ml.m7i.large")]
# The prefix becomes part of policies, in which an asterisk and a question mark stand for anything.
S3Prefix = Annotated[
    str,
    Matching(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*/?",
        "a prefix in S3, s3://BUCKET/PREFIX",
    ),
    Field(max_length=512),
]
SnsTopic = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}",
        "the ARN of an SNS topic, arn:aws:sns:REGION:ACCOUNT:NAME",
        "A FIFO topic takes no messages from SageMaker.",
    ),
]


class InferenceComponents(Part):
    """Copies of the model that AWS places on the endpoint's instances; with none left, no instance stays."""

    max_instances: Count | None = Field(
        None,
        ge=1,
        le=1000,
        description="Greatest number of instances that hold copies. Unset: `scaling.max`, one copy on each.",
    )


class RealTime(Part):
    """Instances that answer at once, up to 25 MB and 60 s; billed around the clock."""

    kind: Literal["real_time"] = Field("real_time", description=_KIND)
    instance_type: InstanceType | None = Field(None, description=_INSTANCE)
    inference_components: InferenceComponents | None = Field(
        None,
        description="Copies of the model instead of one on each instance, which `scaling.min: 0` needs. From "
        "zero on, requests fail for minutes until an instance is back. Unset: an instance is a replica.",
    )


class Serverless(Part):
    """Environments that are started by requests, up to 4 MB and 60 s; idle they cost nothing.

    `scaling.max` is the number of requests in progress at once, `scaling.min` the number of environments that
    stay warm and are paid for.
    """

    kind: Literal["serverless"] = Field("serverless", description=_KIND)


class Async(Part):
    """Instances that work through a queue of requests from S3, up to 1 GB and 60 min; they may go to zero."""

    kind: Literal["async"] = Field("async", description=_KIND)
    instance_type: InstanceType | None = Field(None, description=_INSTANCE)
    input: S3Prefix = Field(description="Existing prefix that callers put requests into; all that is read.")
    output: S3Prefix = Field(description="Existing prefix that answers are written to, failures below it.")
    success_topic: SnsTopic | None = Field(
        None, description="Existing SNS topic that hears of every answer. Unset: one is made."
    )
    error_topic: SnsTopic | None = Field(
        None, description="Existing SNS topic that hears of every failure. Unset: one is made."
    )


SageMakerMode = Annotated[RealTime | Serverless | Async, Field(discriminator="kind")]


class SageMakerTarget(AwsTarget):
    """An endpoint in Amazon SageMaker AI."""

    kind: Literal["sagemaker"] = Field("sagemaker", description="The target.")
    mode: SageMakerMode = Field(default_factory=RealTime, description="How requests are answered.")
    image: EcrImage | None = Field(
        None,
        description="Serving image by digest, in ECR of the same region, as `make image` builds it. "
        "`runtime.image` comes first.",
    )
    previous_image: EcrImage | None = Field(
        None,
        description="Image that holds `rollout.previous`, where models lie in images. Unset: the same image.",
    )
    vpc: Vpc | None = Field(
        None,
        description="Subnets and security groups of the instances, for what they connect to. Unset: the "
        "service's own network.",
    )
    capture: S3Prefix | None = Field(
        None, description="Existing prefix for `monitoring.capture`. Unset: none."
    )

    @model_validator(mode="after")
    def _images_of_the_region(self) -> Self:
        allowed = f"an image in ECR of {self.region}: SageMaker takes an image from its own region"
        problems = [
            Problem(path, shown(image), allowed)
            for path, image in (("image", self.image), ("previous_image", self.previous_image))
            if image is not None and f".ecr.{self.region}." not in image
        ]
        if problems:
            raise SpecError(*problems)
        return self
