"""`examples/clouds`: what the program registers, and how it answers to wrong settings."""

import json
import re
import runpy
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from packaging.requirements import Requirement
from pulumi.runtime import mocks

from docs.markdown import Session, blocks
from support.project import REPOSITORY, VENV, Project
from support.recording import Recorder, RecordingMonitor, Registered, run

# The SDK warns of a type of its own that is deprecated, when its module is loaded.
pytestmark = pytest.mark.filterwarnings("ignore:aws.lambda/microvmsimage:DeprecationWarning")

EXAMPLE = REPOSITORY / "examples" / "clouds"
MODULES = {"config", "scoring", "vision", "ranking"}
# What a provider computes and the program uses.
COMPUTED = {
    "aws:ecr/repository:Repository": {"repositoryUrl": "registry.example/images"},
    "aws:lambda/function:Function": {"version": "7"},
    "aws:lambda/functionUrl:FunctionUrl": {"functionUrl": "https://scoring.example/"},
    "gcp:artifactregistry/repository:Repository": {"registryUri": "docker.example/vision-images"},
    "gcp:cloudrunv2/service:Service": {"uri": "https://vision.example"},
    "gcp:serviceaccount/account:Account": {"email": "vision-model@example"},
}


class Cloud(Recorder):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        name = args.inputs.get("name") or args.name
        made = {"name": name, "arn": f"arn:{args.name}", **COMPUTED.get(args.typ, {})}
        if args.typ.startswith("kubernetes:"):
            made = {"metadata": {"name": name, **args.inputs.get("metadata", {})}}
        return f"{args.name}-id", {**args.inputs, **made}

    def inputs(self, name: str) -> dict[str, Any]:
        return self.named(name).inputs


@pytest.fixture(autouse=True)
def _modules_of_the_example(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Its modules have plain names, which nothing else may find afterwards."""
    monkeypatch.syspath_prepend(EXAMPLE)
    yield
    for name in MODULES & sys.modules.keys():
        del sys.modules[name]


def settings(**changes: dict[str, Any]) -> dict[str, Any]:
    """The example's config, with changes by endpoint."""
    config: dict[str, Any] = yaml.safe_load((EXAMPLE / "Pulumi.dev.yaml").read_text())["config"]
    for endpoint, changed in changes.items():
        config[f"shop:{endpoint}"] = {**config[f"shop:{endpoint}"], **changed}
    return config


def deploy(**changes: dict[str, Any]) -> Cloud:
    """Run the program on mocks."""
    cloud = Cloud()
    mocks.set_mocks(cloud, project="shop", stack="dev", monitor=RecordingMonitor(cloud))
    pulumi.runtime.set_all_config(
        {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in settings(**changes).items()
        }
    )
    run(cloud, lambda: runpy.run_path(str(EXAMPLE / "__main__.py")))
    return cloud


def children(cloud: Cloud, component: str) -> list[Registered]:
    return [resource for resource in cloud.resources if resource.parent.endswith(component)]


def test_three_components_hold_all_that_is_made() -> None:
    cloud = deploy()
    scoring = children(cloud, "shop:index:ScoringFunction::scoring")
    vision = children(cloud, "shop:index:VisionService::vision")
    ranking = children(cloud, "shop:index:RankingDeployment::ranking")
    assert Counter(resource.type.rpartition(":")[2] for resource in scoring) == {
        **dict.fromkeys(
            ["Key", "Repository", "RepositoryPolicy", "LogGroup", "Role", "RolePolicy", "Function"], 1
        ),
        **dict.fromkeys(["Alias", "FunctionUrl", "MetricAlarm"], 1),
        "Permission": 2,
    }
    assert [resource.type.rpartition(":")[2] for resource in vision] == [
        *("Repository", "Account", "Service", "ServiceIamMember"),
    ]
    assert {resource.type.rpartition(":")[2] for resource in ranking} == {
        *("Namespace", "ServiceAccount", "Deployment", "HorizontalPodAutoscaler"),
        *("PodDisruptionBudget", "NetworkPolicy", "Service"),
    }
    # Pulumi registers the stack for the first of the tests of a process only.
    made = [resource for resource in cloud.resources if resource.type != "pulumi:pulumi:Stack"]
    assert len(scoring) + len(vision) + len(ranking) == 23 == len(made) - 3  # components
    urls = [
        outputs["url"] for urn, outputs in cloud.outputs.items() if "shop:index:" in urn and "url" in outputs
    ]
    assert sorted(urls) == [
        "http://ranking.ranking.svc.cluster.local",
        "https://scoring.example/",
        "https://vision.example",
    ]


def test_the_function_may_do_what_it_has_to_and_no_more() -> None:
    cloud = deploy()
    allowed = {
        (action, statement["Resource"])
        for statement in json.loads(cloud.inputs("scoring-may")["policy"])["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert allowed == {
        ("logs:CreateLogStream", "arn:scoring-logs:*"),
        ("logs:PutLogEvents", "arn:scoring-logs:*"),
        ("kms:Decrypt", "arn:scoring-key"),
    }
    assert cloud.inputs("scoring-images")["encryptionConfigurations"] == [
        {"encryptionType": "KMS", "kmsKey": "arn:scoring-key"}
    ]
    assert cloud.inputs("scoring-function")["architectures"] == ["arm64"]
    (container,) = cloud.inputs("ranking-deployment")["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]


DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("endpoint", "changed", "resource", "path", "value"),
    [
        ("scoring", {"digest": DIGEST}, "scoring-function", "imageUri", f"registry.example/images@{DIGEST}"),
        ("scoring", {"memoryMib": 4096}, "scoring-function", "memorySize", 4096),
        ("scoring", {"maxInstances": 30}, "scoring-function", "reservedConcurrentExecutions", 30),
        ("scoring", {"timeoutSeconds": 30}, "scoring-function", "timeout", 30),
        ("scoring", {"minInstances": 2}, "scoring-warm", "provisionedConcurrentExecutions", 2),
        (
            "vision",
            {"digest": DIGEST},
            *(
                "vision-service",
                "template.containers.0.image",
                f"docker.example/vision-images/vision@{DIGEST}",
            ),
        ),
        (
            "vision",
            {"memoryMib": 16384},
            *("vision-service", "template.containers.0.resources.limits.memory", "16384Mi"),
        ),
        ("vision", {"minInstances": 1}, "vision-service", "template.scaling.minInstanceCount", 1),
        ("vision", {"maxInstances": 9}, "vision-service", "template.scaling.maxInstanceCount", 9),
        ("vision", {"location": "europe-west4"}, "vision-service", "location", "europe-west4"),
        (
            "ranking",
            {"digest": DIGEST},
            *(
                "ranking-deployment",
                "spec.template.spec.containers.0.image",
                f"registry.shop.example/ml/ranking@{DIGEST}",
            ),
        ),
        (
            "ranking",
            {"memoryMib": 2048},
            *("ranking-deployment", "spec.template.spec.containers.0.resources.limits.memory", "2048Mi"),
        ),
        ("ranking", {"minInstances": 3}, "ranking-autoscaler", "spec.minReplicas", 3),
        ("ranking", {"maxInstances": 8}, "ranking-autoscaler", "spec.maxReplicas", 8),
        (
            "ranking",
            {"callers": ["search"]},
            "ranking-callers",
            "spec.ingress.0.from.0.namespaceSelector.matchLabels",
            {"kubernetes.io/metadata.name": "search"},
        ),
    ],
)
def test_a_setting_reaches_the_resource(
    endpoint: str, changed: dict[str, Any], resource: str, path: str, value: Any
) -> None:
    cloud = deploy(**{endpoint: changed})
    found: Any = cloud.inputs(resource)
    for part in path.split("."):
        found = found[int(part)] if part.isdigit() else found[part]
    assert found == value


def test_only_the_callers_may_call() -> None:
    cloud = deploy()
    assert cloud.inputs("scoring-url")["authorizationType"] == "AWS_IAM"
    granted = {
        inputs["action"]: inputs["principal"]
        for inputs in (r.inputs for r in cloud.resources if r.type.endswith(":Permission"))
    }
    checkout = "arn:aws:iam::210987654321:role/checkout"
    assert granted == {"lambda:InvokeFunctionUrl": checkout, "lambda:InvokeFunction": checkout}
    assert cloud.inputs("vision-photo-upload")["role"] == "roles/run.invoker"
    assert cloud.inputs("ranking-service")["spec"]["type"] == "ClusterIP"
    assert len(cloud.inputs("ranking-callers")["spec"]["ingress"][0]["from"]) == 1


def test_public_opens_an_endpoint_to_anybody() -> None:
    cloud = deploy(scoring={"public": True}, vision={"public": True}, ranking={"public": True})
    assert cloud.inputs("scoring-url")["authorizationType"] == "NONE"
    assert cloud.inputs("scoring-anybody-url")["principal"] == "*"
    assert cloud.inputs("scoring-anybody-invoke")["invokedViaFunctionUrl"] is True
    assert cloud.inputs("vision-allUsers")["member"] == "allUsers"
    assert cloud.inputs("ranking-service")["spec"]["type"] == "LoadBalancer"
    assert not cloud.inputs("ranking-callers")["spec"]["ingress"][0].get("from")


def test_a_canary_takes_its_share_and_leaves_the_rest() -> None:
    cloud = deploy(
        scoring={"canary": {"stable": "6", "percent": 10}},
        vision={"canary": {"stable": "vision-00006-abc", "percent": 25}},
    )
    alias = cloud.inputs("scoring-live")
    assert alias["functionVersion"] == "6"
    assert alias["routingConfig"] == {"additionalVersionWeights": {"7": 0.1}}
    traffic = cloud.inputs("vision-service")["traffics"]
    assert [(part.get("revision"), part["percent"]) for part in traffic] == [
        (None, 25),
        ("vision-00006-abc", 75),
    ]
    without = deploy()
    assert without.inputs("scoring-live")["functionVersion"] == "7"
    assert "routingConfig" not in without.inputs("scoring-live")
    assert [part["percent"] for part in without.inputs("vision-service")["traffics"]] == [100]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"scoring": {"digest": "latest"}},
            "shop:scoring.digest: String should match pattern '^sha256:[0-9a-f]{64}$'",
        ),
        (
            {"scoring": {"memoryMib": 64}},
            "shop:scoring.memoryMib: Input should be greater than or equal to 128",
        ),
        ({"scoring": {"memoryMib": "2048"}}, "shop:scoring.memoryMib: Input should be a valid integer"),
        (
            {"vision": {"canary": {"stable": "r1", "percent": 100}}},
            "shop:vision.canary.percent: Input should be less than or equal to 99",
        ),
        (
            {"vision": {"minInstances": 3}},
            "shop:vision: Value error, minInstances is 3, more than maxInstances 2",
        ),
        (
            {"vision": {"memoryMib": 8192}},
            "shop:vision.memoryMib: Input should be greater than or equal to 16384",
        ),
        (
            {"ranking": {"minInstances": 0}},
            "shop:ranking.minInstances: Input should be greater than or equal to 1",
        ),
        (
            {"ranking": {"canary": {"stable": "1", "percent": 5}}},
            "shop:ranking.canary: Extra inputs are not permitted",
        ),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        deploy(**changes)
    assert str(refused.value) == message


@pytest.mark.engine
def test_the_offline_preview_of_its_readme(tmp_path: Path) -> None:
    """The real engine, and stand-ins that check every input: what they refuse, the clouds would."""
    folder = tmp_path / "clouds"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (folder / ".venv").symlink_to(VENV)
    (preview,) = blocks(EXAMPLE / "README.md")
    printed = Session(folder, Project(folder).environment).run(preview)
    for endpoint in ("scoring", "vision", "ranking"):
        assert re.search(rf"(?m)^.*\b{endpoint}\b.*created", printed), printed
    assert "Raw diff" in printed
    assert not (folder / ".state" / "backend").exists(), "it was to leave nothing behind"


def test_its_requirements_are_those_that_are_tested() -> None:
    lines = (EXAMPLE / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines]
    assert [requirement.name for requirement in requirements] == ["modelberth", "pulumi", "pydantic"]
    for requirement in requirements:
        assert requirement.specifier.contains(version(requirement.name)), requirement


def test_its_files_import_no_more_than_the_services_that_they_use() -> None:
    """A whole SDK takes a second to import; a service's module a tenth of that."""
    sources = [file.read_text() for file in sorted(Path(EXAMPLE).glob("*.py"))]
    assert len(sources) == 5
    assert not any(f"import pulumi_{cloud}" in source for source in sources for cloud in ("aws", "gcp"))
    assert not any("import pulumi_kubernetes" in source for source in sources)
