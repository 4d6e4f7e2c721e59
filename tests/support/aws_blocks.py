"""What the tests of AWS's building blocks share: a place, a key, specs, and a recorder that gives ARNs."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from pulumi.runtime import mocks

from modelberth.aws.encryption import EncryptionKey
from modelberth.aws.needs import Needs
from modelberth.aws.network.private_network import AwsPrivateNetworkArgs
from modelberth.aws.network.services import interfaces
from modelberth.aws.permissions import statements
from modelberth.aws.place import Place
from modelberth.serving_image import BuildContext
from modelberth.spec import EndpointSpec, parse
from support.iam import document
from support.recording import Recorder, RecordingMonitor, Registered

PLACE: Final = Place("123456789012", "eu-central-1")
CHINA: Final = Place("123456789012", "cn-north-1")
KEY_ID: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY: Final = f"arn:aws:kms:eu-central-1:123456789012:key/{KEY_ID}"
OTHER_KEY: Final = f"arn:aws:kms:us-east-1:123456789012:key/{KEY_ID.replace('1234', '4321')}"
EXISTING: Final = EncryptionKey(KEY)
REPOSITORY: Final = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/server"
BUILD: Final = BuildContext(
    "build/iris", "linux/arm64", "model", {"VERSION": "0.1.0", "MODEL_NAME": "iris"}, "c" * 64
)
"""A prepared build of the serving image, whose folder nobody reads."""
NETWORK: Final = AwsPrivateNetworkArgs(
    PLACE,
    "shop-dev",
    "vpc-0123456789abcdef0",
    {"eu-central-1a": "subnet-0123456789abcdef0", "eu-central-1b": "subnet-0123456789abcdef1"},
    services=tuple(interfaces()),
    callers=("10.0.0.0/16",),
    route_tables=("rtb-0123456789abcdef0",),
)
"""Every interface endpoint, and the way to S3."""


def spec(**fields: Any) -> EndpointSpec:
    """The spec of `iris`, with fields as a person writes them."""
    model = {"uri": "s3://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
    return parse(EndpointSpec, {"name": "iris", "model": model, **fields})


FUNCTION: Final = "arn:aws:lambda:eu-central-1:123456789012:function:shop-dev-iris"
GROUP: Final = "/aws/lambda/shop-dev-iris"
NEEDS: Final = Needs(spec(), PLACE, "lambda", GROUP, function="shop-dev-iris")
ALL: Final = replace(
    NEEDS,
    spec=spec(monitoring={"tracing": {"percent": 5}}),
    vpc=True,
    dead_letters="shop-dev-iris-dead",
    capture="s3://samples/iris",
)
SAGEMAKER: Final = Needs(
    spec(), PLACE, "sagemaker", "/aws/sagemaker/Endpoints/iris", repository="models/server", vpc=True
)


def rights(needs: Needs = NEEDS, *model_keys: str) -> Any:
    """What the role of an endpoint may do, as IAM reads it."""
    return document(*statements(needs, KEY, model_keys))


class AwsRecorder(Recorder):
    """Gives the ids that AWS would make."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        made = {
            "aws:kms/key:Key": {"arn": KEY, "keyId": KEY_ID},
            "aws:iam/role:Role": {"arn": PLACE.arn("iam", f"role/{args.inputs.get('name')}")},
            "aws:ecr/repository:Repository": {
                "arn": PLACE.arn("ecr", f"repository/{args.inputs.get('name')}"),
                "repositoryUrl": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/{args.inputs.get('name')}",
            },
            "aws:s3/bucket:Bucket": {"arn": PLACE.arn("s3", str(args.inputs.get("bucket")))},
        }
        return f"{args.name}-id", {**args.inputs, **made.get(args.typ, {})}

    def of(self, kind: str) -> list[Registered]:
        """The resources of a type, by its last part such as `Key`."""
        return [one for one in self.resources if one.type.rpartition(":")[2] == kind]

    def document(self, name: str, field: str = "policy") -> Any:
        """A JSON document that a resource was registered with."""
        return json.loads(self.named(name).inputs[field])


@pytest.fixture
def aws() -> AwsRecorder:
    """A recorder that the next program registers with."""
    recorder = AwsRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    return recorder


def regional(recorder: Recorder) -> list[str]:
    """Types of what was registered in a region; IAM has none."""
    return [one.type for one in recorder.resources if one.inputs.get("region") == PLACE.region]


def outputs_of(recorder: Recorder) -> Any:
    """What the one component of a program has registered as its outputs."""
    (found,) = [outputs for urn, outputs in recorder.outputs.items() if "modelberth:index:" in urn]
    return found
