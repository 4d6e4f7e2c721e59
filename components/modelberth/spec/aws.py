"""What only a target in AWS holds: the account, the image, the network and what stands in front."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from modelberth.errors import Problem, SpecError, shown

from .quantities import Bytes
from .rules import Count, Flag, Matching, Part, between, each_once

__all__ = [
    "AwsTarget",
    "EcrImage",
    "FunctionUrl",
    "HttpApi",
    "InvokeApi",
    "LambdaFront",
    "LambdaTarget",
    "Vpc",
]

_KIND: Final = "Which one."

AwsAccount = Annotated[str, Matching(r"[0-9]{12}", "the 12 digits of an AWS account, as text")]
# Those of the partitions aws, aws-cn and aws-us-gov: the others have other ARNs and other domains.
AwsRegion = Annotated[
    str, Matching(r"(?!(us|eu)-iso)[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region such as eu-central-1")
]
EcrImage = Annotated[
    str,
    Matching(
        r"[0-9]{12}\.dkr\.ecr\.((?!cn-)[a-z0-9-]+\.amazonaws\.com|cn-[a-z0-9-]+\.amazonaws\.com\.cn)"
        r"/[a-z0-9]+([._/-][a-z0-9]+)*@sha256:[0-9a-f]{64}",
        "an image in ECR by digest, ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…",
        "A tag can be moved to another image; a digest cannot.",
    ),
]
SubnetId = Annotated[str, Matching(r"subnet-[0-9a-f]{8,17}", "the id of a subnet, subnet-…")]
SecurityGroupId = Annotated[str, Matching(r"sg-[0-9a-f]{8,17}", "the id of a security group, sg-…")]


class Vpc(Part):
    """Subnets that replicas have an address in."""

    subnets: tuple[SubnetId, ...] = Field(
        min_length=2, max_length=16, description="Existing subnets, in two availability zones or more."
    )
    security_groups: tuple[SecurityGroupId, ...] = Field(
        min_length=1, max_length=5, description="Existing security groups of the replicas."
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        each_once(subnets=self.subnets, security_groups=self.security_groups)
        return self


class AwsTarget(Part):
    """An account and a region of AWS; each kind of endpoint there adds what only it has."""

    kind: str = Field(description="The target.")  # first: it tells the targets apart
    account: AwsAccount = Field(
        description="AWS account. Credentials of another one are refused before anything is made."
    )
    region: AwsRegion = Field(description="AWS region.")


class FunctionUrl(Part):
    """An address of the function's own, for callers who sign their requests; on the internet."""

    kind: Literal["function_url"] = Field("function_url", description=_KIND)
    streaming: Flag = Field(
        default=False, description="Answers are passed on as they come, up to 200 MB instead of 6 MB."
    )


class HttpApi(Part):
    """API Gateway's HTTP API: tokens or signatures, throttles and a log of who called; on the internet."""

    kind: Literal["http_api"] = Field("http_api", description=_KIND)
    burst: Count = Field(
        100, ge=1, le=5000, description="Requests that may come at once before some are answered with 429."
    )


class InvokeApi(Part):
    """Lambda's own API: IAM says who calls, and within a VPC its interface endpoint leads there."""

    kind: Literal["invoke"] = Field("invoke", description=_KIND)


LambdaFront = Annotated[FunctionUrl | HttpApi | InvokeApi, Field(discriminator="kind")]


class LambdaTarget(AwsTarget):
    """A container function in AWS Lambda."""

    kind: Literal["lambda"] = Field("lambda", description="The target.")
    architecture: Literal["arm64", "x86_64"] = Field(
        "arm64", description="Instruction set of the image; arm64 costs a fifth less."
    )
    image: EcrImage | None = Field(
        None,
        description="Serving image by digest, in ECR of the same region, as `make image` builds it. "
        "`runtime.image` comes first.",
    )
    previous_version: (
        Annotated[str, Matching(r"[1-9][0-9]{0,9}", "a published version's number, such as '7'")] | None
    ) = Field(
        None,
        description="Number of the published version that serves `rollout.previous`: `revision` of the "
        "endpoint's contract while that model was all there was.",
    )
    front: LambdaFront | None = Field(
        None,
        description="How callers reach the function. Unset: `invoke` while `security.network.public` is off, "
        "else `http_api` with auth jwt and `function_url` without.",
    )
    vpc: Vpc | None = Field(
        None,
        description="Subnets and security groups of the function, for what it connects to. Unset: the "
        "service's own network.",
    )
    ephemeral_storage: Annotated[Bytes, between(Bytes, "512Mi", "10240Mi")] = Field(
        Bytes(512 * 2**20), description="Size of /tmp, into which a model is downloaded at start."
    )

    @model_validator(mode="after")
    def _image_of_the_region(self) -> Self:
        if self.image is not None and f".ecr.{self.region}." not in self.image:
            allowed = f"an image in ECR of {self.region}: a function takes its image from its own region"
            raise SpecError(Problem("image", shown(self.image), allowed))
        return self
