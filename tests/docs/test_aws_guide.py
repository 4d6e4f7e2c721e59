"""The guide to the targets in AWS: its preview runs, its examples are deployable, its programs do as told."""

import io
import re
import shlex
from collections import Counter

import boto3
import pulumi
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.session import get_session
from pulumi.runtime import mocks
from urllib3 import HTTPResponse

from docs.guide_examples import endpoint_of, own_stack
from docs.markdown import Session, blocks
from modelberth.aws.plan import Plan
from modelberth.aws.sagemaker.contract import contract
from modelberth.aws.sagemaker.limits import limits
from modelberth.capabilities import check
from modelberth.capability_table import load
from modelberth.contract import EndpointContract
from modelberth.endpoint import ModelEndpoint, ModelEndpointArgs
from modelberth.spec import EndpointDeployment, SageMakerTarget
from support.aws_blocks import AwsRecorder
from support.aws_eks import EksMonitor, EksRecorder
from support.aws_plans import LambdaRecorder
from support.aws_sagemaker import EndpointRecorder
from support.project import REPOSITORY
from support.recording import RecordingMonitor, run

__all__ = ["own_stack"]

GUIDE = REPOSITORY / "docs" / "aws.md"
FILES = {block.attributes["file"]: block for block in blocks(GUIDE) if "file" in block.attributes}
BASE = "Pulumi.shop.yaml"
EXAMPLES = [name for name, block in FILES.items() if block.language == "yaml"]
PROGRAMS = {
    "platform.py": {
        "aws:ecr/repository:Repository": 1,
        "aws:kms/key:Key": 1,
        "aws:s3/bucket:Bucket": 2,
        "aws:ec2/vpcEndpoint:VpcEndpoint": 1,
    },
    "shared.py": {
        "aws:eks/cluster:Cluster": 1,
        "kubernetes:apps/v1:Deployment": 2,
        "kubernetes:core/v1:Namespace": 2,
    },
}
"""What of each kind a program makes."""
CALLS = {"call.py": "instances.yaml", "call_component.py": "to-zero.yaml"}
"""Whom a program calls."""
ANSWER = b'{"predictions": ["setosa"]}'


def endpoint(name: str) -> EndpointDeployment:
    return endpoint_of(FILES, BASE, EXAMPLES, name)


def recorder(kind: str) -> AwsRecorder:
    """A recorder that knows what AWS would make for a kind of target; the next program registers with it."""
    kinds = {"lambda": LambdaRecorder, "sagemaker": EndpointRecorder, "eks": EksRecorder}
    made: AwsRecorder = kinds[kind]()
    monitor = EksMonitor(made) if isinstance(made, EksRecorder) else RecordingMonitor(made)
    mocks.set_mocks(made, project="modelberth", stack="shop", preview=False, monitor=monitor)
    return made


def told(name: str) -> EndpointContract:
    """The contract of an example in SageMaker."""
    deployment = endpoint(name)
    assert isinstance(deployment.target, SageMakerTarget)
    plan = Plan.of(deployment.spec, deployment.target, "modelberth", "shop")
    return contract(plan, revision="any", image="any")


@pytest.mark.engine
def test_every_command_runs(session: Session) -> None:
    found = [block for block in blocks(GUIDE) if block.attributes.get("file", BASE) == BASE]
    for block in found:
        session.run(block)
    assert Counter(block.language for block in found) == {"yaml": 1, "sh": 1, "text": 1}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_can_be_deployed(name: str) -> None:
    deployment = endpoint(name)
    assert check(deployment.spec, deployment.target) == ()
    made = recorder(deployment.target.kind)
    args = ModelEndpointArgs(deployment.spec, deployment.target)
    run(made, lambda: ModelEndpoint("iris", args))
    assert len(made.resources) > 10


def test_there_is_an_example_of_each_way() -> None:
    found = [endpoint(name) for name in EXAMPLES]
    assert Counter(one.target.kind for one in found) == {"lambda": 5, "sagemaker": 10, "eks": 4}
    strategies = {(one.target.kind, one.spec.rollout.strategy) for one in found}
    assert strategies >= {("lambda", "canary"), ("sagemaker", "canary"), ("eks", "rolling")}
    modes = {one.target.mode.kind for one in found if isinstance(one.target, SageMakerTarget)}
    assert modes == {*limits().modes}


def test_the_first_table_has_each_target_in_aws() -> None:
    rows = re.findall(r"(?m)^\| \[`(\w+)`\]\(#\w+\) \|", GUIDE.read_text())
    assert rows == [
        kind for kind, table in load().items() if table.status == "available" and "aws" in table.extras
    ]


def test_the_table_of_modes_has_their_limits() -> None:
    rows = re.findall(
        r"(?m)^\| `(\w+)`(?: \(default\))? \| [^|]+ \| (\d+) (MB|GB)[^|]* \| (\d+) (s|min) \|",
        GUIDE.read_text(),
    )
    units = {"MB": 10**6, "GB": 10**9, "s": 1, "min": 60}
    assert {
        mode: (int(body) * units[size], int(time) * units[unit]) for mode, body, size, time, unit in rows
    } == {mode: (one.body_bytes, one.timeout_seconds) for mode, one in limits().modes.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_registers_what_it_is_for(name: str) -> None:
    made = recorder("eks")

    def program() -> None:
        exec(compile(FILES[name].text, name, "exec"), {})
        pulumi.export("done", "yes")

    run(made, program)
    kinds = Counter(resource.type for resource in made.resources)
    assert {kind: kinds[kind] for kind in PROGRAMS[name]} == PROGRAMS[name]


@pytest.mark.parametrize("name", CALLS)
def test_a_program_calls_what_the_contract_tells(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    sent: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent.append(request)
        raw = HTTPResponse(io.BytesIO(ANSWER), preload_content=False)
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, raw)

    own = boto3.Session()
    own.events.register("before-send.sagemaker-runtime.InvokeEndpoint", answer)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", own)
    exec(compile(FILES[name].text, name, "exec"), {})

    assert capsys.readouterr().out == "{'predictions': ['setosa']}\n"
    (request,) = sent
    asked = told(CALLS[name])
    assert request.url == f"{asked.url}{asked.predict_path}"
    headers = {
        key: value.decode() if isinstance(value, bytes) else value for key, value in request.headers.items()
    }
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256")
    component = {
        key: value for key, value in headers.items() if key == "X-Amzn-SageMaker-Inference-Component"
    }
    assert component == asked.predict_headers
    assert bool(component) == (name == "call_component.py")


def test_the_command_line_has_the_options_that_are_shown() -> None:
    shown = re.search(r"(?m)^    aws (.+)\\\n(.+)$", GUIDE.read_text())
    assert shown is not None
    service, command, *rest = shlex.split(shown[1] + shown[2])
    options = {word for word in rest if word.startswith("--")}
    model = get_session().get_service_model(service)
    operations = {xform_name(one, "-"): model.operation_model(one) for one in model.operation_names}
    members = {f"--{xform_name(one, '-')}" for one in operations[command].input_shape.members}
    assert options - members == {"--region"}
    assert rest[rest.index("--endpoint-name") + 1] in str(told("instances.yaml").predict_path)
    queued = {f"--{xform_name(one, '-')}" for one in operations["invoke-endpoint-async"].input_shape.members}
    assert "--input-location" in queued
