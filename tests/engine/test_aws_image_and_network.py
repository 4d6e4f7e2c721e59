"""The serving image that a program builds and the private network, on the real engine and stand-ins."""

import json
from collections import Counter
from pathlib import Path

import pytest

from modelberth.preview.standins import StandIns, StandInSettings
from support.project import Project

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
from pulumi_aws import Provider

from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs
from modelberth.aws.network.private_network import AwsPrivateNetwork, AwsPrivateNetworkArgs
from modelberth.aws.network.services import needed
from modelberth.aws.place import Place
from modelberth.aws.registry import AwsRegistry, AwsRegistryArgs
from modelberth.aws.serving_image import AwsServingImage, AwsServingImageArgs
from modelberth.serving_image import BuildContext, BuildOptions, RegistryLogin

place = Place("123456789012", "eu-central-1")
cloud = pulumi.ResourceOptions(providers=[Provider("aws", region=place.region)])
key = AwsEncryptionKey("key", AwsEncryptionKeyArgs(place, "models"), cloud)
registry = AwsRegistry("registry", AwsRegistryArgs(place, "models/server", key.key), cloud)
image = AwsServingImage("iris", AwsServingImageArgs(
    place,
    BuildContext.of("build"),
    registry.url,
    architecture="arm64",
    options=BuildOptions(login=RegistryLogin("AWS", pulumi.Config().require_secret("token"))),
))
network = AwsPrivateNetwork("private", AwsPrivateNetworkArgs(
    place,
    "shop-dev",
    "vpc-0123456789abcdef0",
    {"eu-central-1a": "subnet-0123456789abcdef0", "eu-central-1b": "subnet-0123456789abcdef1"},
    services=needed("lambda", "sagemaker"),
    callers=["10.0.0.0/16"],
    route_tables=["rtb-0123456789abcdef0"],
), cloud)
pulumi.export("image", image.reference)
pulumi.export("endpoints", network.endpoints)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / ".state" / "backend").mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    prepare(tmp_path / "build", "1" * 64)
    return Project(tmp_path)


def prepare(folder: Path, content: str) -> None:
    """What `build.py --context` leaves, as far as a program reads it."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text("FROM scratch AS model\n")
    told = {
        "platform": "linux/arm64",
        "target": "model",
        "arguments": {"MODEL_NAME": "iris"},
        "content": content,
    }
    (folder / "build.json").write_text(json.dumps(told))


def test_both_live_on_stand_ins(project: Project) -> None:
    with StandIns(settings=StandInSettings(aws_account="123456789012")) as standins:
        said: list[str] = []

        def pulumi(*arguments: str) -> str:
            done = project.run("pulumi", *arguments, "--non-interactive", env=standins.environment)
            said.append(done.stdout + done.stderr)
            assert done.returncode == 0, said[-1]
            return done.stdout

        pulumi("stack", "init", "dev")
        pulumi("config", "set", "--secret", "token", "canary-of-the-day")
        pulumi("up", "--yes", "--skip-preview")
        outputs = json.loads(pulumi("stack", "output", "--json"))
        registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/models/server"
        image, _, digest = outputs["image"].partition("@sha256:")
        assert image == registry
        assert len(digest) == 64
        assert set(outputs["endpoints"]) == {"lambda", "sagemaker.runtime", "s3"}
        assert all(one.startswith("vpce-") for one in outputs["endpoints"].values())
        kinds = Counter(each["type"] for each in project.state())
        assert kinds["aws:ec2/vpcEndpoint:VpcEndpoint"] == 3
        assert kinds["docker-build:index:Image"] == 1

        pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        prepare(project.folder / "build", "2" * 64)
        since = len(standins.calls)
        pulumi("up", "--yes", "--skip-preview")
        changed = [
            (call.operation, call.name)
            for call in standins.calls[since:]
            if call.operation in {"create", "update", "delete"} and not call.preview
        ]
        assert changed == [("update", "iris-image")]
        pulumi("destroy", "--yes", "--skip-preview")
        assert project.state() == []
        assert "canary-of-the-day" not in "".join(said)
        assert ("delete", "iris-image") not in [
            (call.operation, call.name) for call in standins.calls if not call.preview
        ], "another stack may run the same digest"
