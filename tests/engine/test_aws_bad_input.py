"""Bad input for AWS on the real engine: the preview ends before anything is planned, and says why."""

from collections.abc import Mapping
from typing import Any

import pytest

from support import aws_eks, aws_plans, aws_sagemaker
from support.project import Project, plain

pytestmark = pytest.mark.engine

KEY = f"arn:aws:kms:us-east-1:123456789012:key/{'1' * 8}-1111-1111-1111-{'1' * 12}"
ELSEWHERE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/models/iris@sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            aws_plans.mode(security={"key": KEY}).config,
            ["endpoints[0].security.key", "us-east-1", "in region eu-central-1"],
        ),
        (
            aws_sagemaker.mode({"mode": {"kind": "real_time", "instance_type": "ml.p5.48xlarge"}}).config,
            ["endpoints[0].target.mode.instance_type", "ml.p5.48xlarge", "it is in eu-west-2"],
        ),
        (
            aws_eks.config(target={"image": ELSEWHERE}),
            ["endpoints[0].target.image", "us-east-1", "an image in ECR of eu-central-1"],
        ),
    ],
    ids=["lambda", "sagemaker", "eks"],
)
def test_bad_input_ends_the_preview(project: Project, config: Mapping[str, Any], words: list[str]) -> None:
    project.configure(dict(config))
    done = project.modelberth("preview", "--offline", "--no-state")
    said = plain(done.stdout + done.stderr)
    assert done.returncode == 1, said
    for word in words:
        assert word in said, said
    assert "would happen is not known" in said
