"""The real engine on stand-ins: a program of four clouds lives its whole life without one of them."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelberth.preview.standins import Call, Fault, StandIns, StandInSettings
from support.project import plain
from support.standin_stack import Stack

pytestmark = pytest.mark.engine

CANARY = "canary-5e8d1b7a"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SETTINGS = StandInSettings(aws_account="123456789012", gcp_project="shop-prod")

PROGRAM = f'''
import json, os
import pulumi
import pulumi_aws as aws
import pulumi_azure_native as azure
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes

second = os.environ.get("REVISION") == "2"
broken = os.environ.get("REVISION") == "broken"
assume = aws.iam.get_policy_document(statements=[{{
    "actions": ["sts:AssumeRole"],
    "principals": [{{"type": "Service", "identifiers": ["lambda.amazonaws.com"]}}],
}}])
frankfurt = pulumi.ResourceOptions(provider=aws.Provider("frankfurt", region="eu-central-1"))
repository = aws.ecr.Repository("images", name="iris",
    image_tag_mutability="MUTABLE" if second else "IMMUTABLE",
    encryption_configurations=[{{"encryption_type": "KMS" if second else "AES256"}}], opts=frankfurt)
role = aws.iam.Role("role", assume_role_policy=assume.json, opts=frankfurt)
function = aws.lambda_.Function("predict", package_type="Image", role=role.arn,
    image_uri=repository.repository_url.apply(lambda url: f"{{url}}@sha256:{{'0' * 64}}"),
    memory_size=2048 if second else 1024,
    environment={{"variables": {{"TOKEN": pulumi.Output.secret("{CANARY}"), "MODE": "on"}}}}, opts=frankfurt)
service = gcp.cloudrunv2.Service("service", name="iris", location="europe-west4", template={{
    "containers": [{{"image": "europe-west4-docker.pkg.dev/shop-prod/models/iris:1",
        "resources": "lots" if broken else {{"limits": {{"cpu": "1"}}}},
        **({{"imagee": 1}} if broken else {{}})}}]}})
group = azure.resources.ResourceGroup("group", location="westeurope")
environment = azure.app.ManagedEnvironment("environment", resource_group_name=group.name)
app = azure.app.ContainerApp("app", resource_group_name=group.name, managed_environment_id=environment.id,
    template={{"containers": [{{"name": "iris", "image": "iris:1"}}]}})
namespace = kubernetes.core.v1.Namespace("models")
deployment = kubernetes.apps.v1.Deployment("iris", metadata={{"namespace": namespace.metadata.name}}, spec={{
    "replicas": 2 if second else 1, "selector": {{"matchLabels": {{"app": "iris"}}}},
    "template": {{"metadata": {{"labels": {{"app": "iris"}}}},
                 "spec": {{"containers": [{{"name": "iris", "image": "iris:1"}}]}}}}}})
pulumi.export("role", role.arn)
pulumi.export("function", function.arn)
pulumi.export("repository", repository.repository_url)
pulumi.export("service", service.uri)
pulumi.export("app", app.id)
pulumi.export("namespace", namespace.metadata.name)
pulumi.export("assume", assume.json)
'''

ALONE = """
import pulumi_aws as aws
aws.sns.Topic("alarms", name="alarms")
"""

PLACES = """
import pulumi
import pulumi_aws as aws
import pulumi_azure_native as azure
import pulumi_gcp as gcp

where = pulumi.Config().require("where")
explicit = pulumi.ResourceOptions(provider=aws.Provider("explicit", region=where))
topic = aws.sns.Topic("alarms")
aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="a@example.com")
aws.sns.Topic("there", opts=explicit)
gcp.cloudrunv2.Service("service", location="europe-west4", template={"containers": [{"image": "iris:1"}]})
azure.resources.ResourceGroup("group", location="westeurope")
"""


@dataclass(frozen=True)
class Life:
    """What the engine said in each stage of one stack's life, and how the stack was then."""

    stack: Stack
    preview: dict[str, Any]
    outputs: dict[str, Any]
    resources: dict[str, dict[str, Any]]
    again: list[tuple[str, str]]
    update: str
    changed: list[tuple[str, str]]
    refresh: str
    destroyed: list[tuple[str, str]]
    left: dict[str, dict[str, Any]]
    everything: str
    """All that was said and all that was ever written, as one text."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    drift = Fault.drift("aws:lambda/*", changes={"environment.variables.MODE": "by hand"})
    with StandIns(settings=SETTINGS, faults=[drift]) as standins:
        stack = Stack.of(tmp_path_factory.mktemp("life"), standins, PROGRAM)
        preview = json.loads(stack.run("preview", "--json"))
        stack.run("up", "--yes", "--skip-preview")
        outputs, resources, count = stack.outputs(), stack.resources(), len(standins.calls)
        stack.run("up", "--yes", "--skip-preview", "--expect-no-changes")
        again, count = stack.changes(count), len(standins.calls)
        update = stack.run("up", "--yes", "--skip-preview", "--diff", revision="2")
        changed = stack.changes(count)
        refresh = stack.run("refresh", "--preview-only", "--expect-no-changes", "--diff", fails=True)
        count = len(standins.calls)
        written = _written(stack.project.folder)
        stack.run("destroy", "--yes", "--skip-preview")
        destroyed = stack.changes(count)
        everything = "\n".join([*stack.said, written, repr(standins.calls)])
        yield Life(
            stack, preview, outputs, resources, again, update, changed, refresh, destroyed,
            stack.resources(), everything,
        )  # fmt: skip
        assert standins.unfired == ()


def _made(resources: dict[str, dict[str, Any]]) -> set[str]:
    """The names of what a provider made: neither the stack nor the providers themselves."""
    return {
        name for name, each in resources.items() if each["custom"] and "pulumi:providers" not in each["type"]
    }


def _written(folder: Path) -> str:
    """Every file of the backend, the histories and backups too."""
    files = [file for file in (folder / ".state").rglob("*") if file.is_file() and "home" not in file.parts]
    assert any("history" in file.parts for file in files)
    return "\n".join(file.read_text(errors="replace") for file in files)


def test_a_preview_knows_what_is_given_and_not_what_is_computed(life: Life) -> None:
    planned = {
        step["urn"].rpartition("::")[2]: step["newState"]
        for step in life.preview["steps"]
        if step["op"] == "create"
    }
    assert planned["images"]["inputs"]["name"] == "iris"
    assert planned["predict"]["inputs"]["imageUri"] == UNKNOWN
    assert planned["predict"]["inputs"]["role"] == UNKNOWN
    assert planned["app"]["inputs"]["managedEnvironmentId"] == UNKNOWN
    assert planned["predict"]["inputs"]["memorySize"] == 1024
    assert (
        planned["iris"]["inputs"]["metadata"]["namespace"] == planned["models"]["inputs"]["metadata"]["name"]
    )
    assert planned["iris"]["inputs"]["metadata"]["name"].startswith("iris-")
    assert life.preview["changeSummary"] == {"create": 11}


def test_computed_outputs_are_what_the_clouds_would_give(life: Life) -> None:
    outputs = life.outputs
    assert outputs["repository"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/iris"
    assert outputs["role"].startswith("arn:aws:iam::123456789012:role/role-")
    assert outputs["function"].startswith("arn:aws:lambda:eu-central-1:123456789012:function:predict-")
    assert outputs["service"].startswith("https://iris-")
    assert outputs["app"].partition("/providers/")[2].startswith("Microsoft.App/containerApps/app")
    assert json.loads(outputs["assume"])["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert life.resources["images"]["id"] == "iris"
    assert life.resources["iris"]["outputs"]["metadata"]["namespace"] == outputs["namespace"]


def test_nothing_changes_without_a_change(life: Life) -> None:
    assert life.again == []


def test_a_change_is_made_in_place_or_replaces_as_the_table_says(life: Life) -> None:
    # The name of the repository is given: its successor cannot be made while it is there.
    assert life.changed.index(("delete", "images")) < life.changed.index(("create", "images"))
    assert ("update", "predict") in life.changed
    assert ("update", "iris") in life.changed
    assert len(life.changed) == 4
    update = plain(life.update)
    assert "memorySize: 1024 => 2048" in update
    assert "replicas: 1 => 2" in update


def test_drift_is_found_and_fails_what_expects_none(life: Life) -> None:
    assert "MODE" in life.refresh
    assert '"by hand"' in life.refresh
    assert "no changes were expected for refresh but changes were proposed" in life.refresh


def test_a_destroy_removes_each_resource_once(life: Life) -> None:
    made = _made(life.resources)
    assert sorted(life.destroyed) == sorted(("delete", name) for name in made)
    assert len(made) == 9
    assert life.left == {}


def test_a_secret_stands_nowhere(life: Life) -> None:
    token = life.resources["predict"]["outputs"]["environment"]["variables"]["TOKEN"]
    assert "ciphertext" in token
    assert CANARY not in life.everything
    assert any(
        call.inputs.get("environment", {}).get("variables", {}).get("TOKEN") == "[secret]"
        for call in life.stack.standins.calls
        if call.operation == "create"
    )


def test_faults_are_told_and_what_is_mended_comes_out_as_ever(life: Life, tmp_path: Path) -> None:
    faults = [
        Fault.fail("create", "gcp:*", message="permission run.services.create denied", times=1),
        Fault.throttle("create", "azure-native:app:ContainerApp", times=1),
        Fault.eventually_consistent("aws:iam/role:Role", times=1),
        Fault.partial("pod is in CrashLoopBackOff", "create", "kubernetes:apps/*"),
        Fault.delay(0.01, "create", "aws:ecr/*"),
    ]
    with StandIns(settings=SETTINGS, faults=faults) as standins:
        stack = Stack.of(tmp_path / "program", standins, PROGRAM)
        said = stack.run("up", "--yes", "--skip-preview", "--continue-on-error", fails=True)
        assert "permission run.services.create denied" in said
        assert "TooManyRequests" in said
        assert "aws:iam/role:Role 'role' not found: it was made a moment ago" in said
        assert "pod is in CrashLoopBackOff" in said
        assert standins.unfired == ()
        broken = stack.resources()
        assert broken.keys().isdisjoint({"service", "app", "predict"})
        assert broken["iris"]["initErrors"] == ["pod is in CrashLoopBackOff"]

        stack.run("up", "--yes", "--skip-preview")
        assert stack.outputs() == life.outputs
        mended = stack.resources()
        assert {name: mended[name]["id"] for name in _made(mended)} == {
            name: life.resources[name]["id"] for name in _made(life.resources)
        }
        assert "initErrors" not in mended["iris"]
        assert CANARY not in "\n".join([*stack.said, _written(stack.project.folder), repr(standins.calls)])


def test_a_wrong_input_fails_the_preview_and_names_resource_and_property(tmp_path: Path) -> None:
    with StandIns(["aws", "gcp", "azure-native", "kubernetes"]) as standins:
        stack = Stack.of(tmp_path / "program", standins, PROGRAM)
        said = stack.run("preview", revision="broken", fails=True)
        for wrong in (
            "template.containers[0].imagee: unknown",
            "template.containers[0].resources: given a string",
        ):
            assert f"gcp:cloudrunv2/service:Service resource 'service' has a problem: {wrong}" in said
        assert "Traceback" not in said
        assert CANARY not in said
        assert not [call for call in standins.calls if call.operation == "create" and not call.preview]


def test_another_region_or_project_replaces_what_it_replaces_with_the_real_providers(tmp_path: Path) -> None:
    with StandIns(["aws", "gcp", "azure-native"]) as standins:
        stack = Stack.of(tmp_path / "program", standins, PLACES)

        def configure(region: str, project: str, subscription: str) -> None:
            values = {
                "aws:region": region,
                "shop:where": region,
                "gcp:project": project,
                "azure-native:subscriptionId": f"{subscription * 8}-0000-4000-8000-000000000000",
            }
            words = (word for each in values.items() for word in ("--plaintext", "=".join(each)))
            stack.run("config", "set-all", *words)

        configure("eu-central-1", "shop-prod", "a")
        stack.run("up", "--yes", "--skip-preview")
        configure("us-east-1", "shop-test", "b")
        steps = json.loads(stack.run("preview", "--json"))["steps"]
        ops = {step["urn"].rpartition("::")[2]: step["op"] for step in steps}
        replaced = ("explicit", "alarms", "mail", "there")
        assert {name: op for name, op in ops.items() if not name.startswith("default_")} == {
            "shop-dev": "same",
            **dict.fromkeys(replaced, "replace"),
        }


@pytest.mark.parametrize("ended_by", ["the engine", "closing"])
def test_what_hangs_ends_with_the_engine_or_the_stand_ins(tmp_path: Path, ended_by: str) -> None:
    with StandIns(faults=[Fault.hang(type="aws:sns/*")]) as standins:
        stack = Stack.of(tmp_path / "program", standins, ALONE)
        running = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
            cwd=stack.project.folder,
            env={**stack.project.environment, **standins.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        call = _hanging(standins, running)
        assert (call.name, call.outcome) == ("alarms", "under way")
        if ended_by == "closing":
            standins.close()
        else:
            running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
        assert running.returncode != 0
        assert "create of alarms was cancelled while it waited" in said
        assert "alarms" not in stack.resources()
    standins.close()


def _hanging(standins: StandIns, running: "subprocess.Popen[str]") -> Call:
    while running.poll() is None:
        for call in standins.calls:
            if call.operation == "create":
                return call
        time.sleep(0.05)
    raise AssertionError(running.communicate()[0])
