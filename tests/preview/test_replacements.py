import json
from importlib import resources
from pathlib import Path

import pytest

import replacement_tables
from modelberth.preview.standins.imitation import replacements
from modelberth.preview.standins.sdk import types
from support.standin_tables import ENDPOINT_TYPES, has_path, inputs_of

KUBERNETES_ANY = ("metadata.name", "metadata.namespace", "kind")


@pytest.mark.parametrize(
    ("token", "path", "replaces"),
    [
        # AWS: what makes a rollout of SageMaker a new endpoint configuration, and the endpoint stays
        (
            "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
            "productionVariants[0].instanceType",
            True,
        ),
        ("aws:sagemaker/endpointConfiguration:EndpointConfiguration", "tags.team", False),
        ("aws:sagemaker/model:Model", "primaryContainer.image", True),
        ("aws:sagemaker/endpoint:Endpoint", "endpointConfigName", False),
        ("aws:sagemaker/endpoint:Endpoint", "name", True),
        ("aws:lambda/function:Function", "imageUri", False),
        ("aws:lambda/function:Function", "imageConfig.commands[0]", False),
        ("aws:lambda/function:Function", "packageType", True),
        ("aws:lambda/function:Function", "region", True),
        ("aws:lambda/permission:Permission", "principal", True),
        ("aws:ecr/repository:Repository", "encryptionConfigurations[0].kmsKey", True),
        ("aws:ecr/repository:Repository", "imageTagMutability", False),
        ("aws:ecr/lifecyclePolicy:LifecyclePolicy", "policy", True),
        ("aws:ecr/repositoryPolicy:RepositoryPolicy", "policy", False),
        ("aws:eks/nodeGroup:NodeGroup", "instanceTypes[1]", True),
        ("aws:eks/nodeGroup:NodeGroup", "scalingConfig.maxSize", False),
        ("aws:eks/nodeGroup:NodeGroup", "launchTemplate.version", False),
        ("aws:iam/role:Role", "assumeRolePolicy", False),
        ("aws:kms/key:Key", "multiRegion", True),
        # what runs beside an endpoint, and goes with its data
        ("aws:dynamodb/table:Table", "hashKey", True),
        ("aws:dynamodb/table:Table", "rangeKey", True),
        ("aws:dynamodb/table:Table", "billingMode", False),
        ("aws:lb/loadBalancer:LoadBalancer", "internal", True),
        ("aws:lb/loadBalancer:LoadBalancer", "subnets[0]", False),
        ("aws:lb/targetGroup:TargetGroup", "port", True),
        ("aws:rds/instance:Instance", "storageEncrypted", True),
        ("aws:rds/instance:Instance", "instanceClass", False),
        ("aws:elasticache/replicationGroup:ReplicationGroup", "port", True),
        ("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions", True),
        ("aws:ecs/service:Service", "desiredCount", False),
        ("aws:efs/fileSystem:FileSystem", "encrypted", True),
        ("aws:ec2/instance:Instance", "rootBlockDevice.encrypted", True),
        ("aws:ec2/instance:Instance", "rootBlockDevice.volumeSize", False),
        # Google Cloud: a block counts when it comes or goes, what stands in it one by one
        ("gcp:cloudrunv2/service:Service", "template.containers[0].image", False),
        ("gcp:cloudrunv2/service:Service", "location", True),
        ("gcp:container/nodePool:NodePool", "nodeConfig", True),
        ("gcp:container/nodePool:NodePool", "nodeConfig.machineType", False),
        ("gcp:container/nodePool:NodePool", "nodeConfig.guestAccelerators[1]", True),
        ("gcp:container/nodePool:NodePool", "nodeConfig.guestAccelerators[0].type", True),
        ("gcp:container/nodePool:NodePool", "nodeConfig.oauthScopes[0]", True),
        ("gcp:container/nodePool:NodePool", "autoscaling.maxNodeCount", False),
        ("gcp:vertex/aiEndpoint:AiEndpoint", "encryptionSpec.kmsKeyName", True),
        # Azure
        ("azure-native:app:ContainerApp", "managedEnvironmentId", True),
        ("azure-native:app/v20240301:ContainerApp", "environmentId", True),
        ("azure-native_app_v20240301:app:ContainerApp", "environmentId", True),
        ("azure-native:app/v20240301:ContainerApp", "template.containers[0].image", False),
        ("azure-native:app:ManagedEnvironment", "vnetConfiguration.internal", False),
        ("azure-native:containerservice:AgentPool", "vmSize", True),
        ("azure-native:containerservice:AgentPool", "count", False),
        ("azure-native:containerservice:ManagedCluster", "networkProfile.networkPlugin", True),
        ("azure-native:containerservice:ManagedCluster", "networkProfile.loadBalancerSku", False),
        # Kubernetes
        ("kubernetes:apps/v1:Deployment", "spec.selector.matchLabels.app", True),
        ("kubernetes:apps/v1:Deployment", "spec.template.spec.containers[0].image", False),
        ("kubernetes:core/v1:Pod", "spec.containers[2].image", True),
        ("kubernetes:core/v1:Secret", 'data["tls.crt"]', True),
        ("kubernetes:core/v1:ConfigMap", "data.a", True),
        ("kubernetes:core/v1:Service", "spec.ports[0].port", False),
        ("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "roleRef.name", True),
        ("kubernetes:serving.knative.dev/v1:Service", "metadata.namespace", True),
        ("kubernetes:serving.knative.dev/v1:Service", "spec.template", False),
        # a name that begins like one in the row
        ("aws:lambda/function:Function", "nameless", False),
    ],
)
def test_tells_which_change_replaces(token: str, path: str, replaces: bool) -> None:
    row = replacements.of(token)
    assert row is not None
    assert row.replaces(path) is replaces


@pytest.mark.parametrize(
    ("token", "path", "may"),
    [
        ("aws:workmail/domain:Domain", "anything", True),  # a generated row: partial
        ("aws:workmail/domain:Domain", "domainName", False),  # which replaces for sure
        ("aws:workmail/domain:Domain", "tags.team", False),
        ("aws:lb/loadBalancer:LoadBalancer", "subnets[0]", True),
        ("aws:lb/loadBalancer:LoadBalancer", "idleTimeout", False),
        ("aws:lb/loadBalancer:LoadBalancer", "internal", False),
        ("aws:ec2/instance:Instance", "userData", True),
        ("gcp:container/nodePool:NodePool", "nodeConfig.machineType", False),
    ],
)
def test_tells_what_is_left_open(token: str, path: str, may: bool) -> None:
    row = replacements.of(token)
    assert row is not None
    assert row.may_replace(path) is may


def test_no_generated_row_of_aws_claims_to_be_whole() -> None:
    table = json.loads(
        (
            resources.files("modelberth.preview.standins.imitation.tables") / "aws_replacements.json"
        ).read_text()
    )
    written = {token for token, row in replacements.rows("aws").items() if row.is_complete}
    generated = table["types"].keys() - written
    assert (len(written), len(generated)) == (118, 676)
    assert not any(replacements.rows("aws")[token].is_complete for token in generated)


@pytest.mark.parametrize(
    ("kind", "setting", "content"),
    [("ConfigMap", "enableConfigMapMutable", "data.a"), ("Secret", "enableSecretMutable", "stringData.a")],
)
def test_a_provider_may_update_what_others_replace(kind: str, setting: str, content: str) -> None:
    token = f"kubernetes:core/v1:{kind}"
    for config, replaces in (({}, True), ({setting: "false"}, True), ({setting: "true"}, False)):
        row = replacements.under(token, config)
        assert row is not None
        assert row.replaces(content) is replaces
        assert row.replaces("metadata.name")
    assert replacements.under("kubernetes:core/v1:Service", {setting: "true"}) == replacements.of(
        "kubernetes:core/v1:Service"
    )
    assert replacements.under("kubernetes:helm.sh/v3:Release", {}) is None


def test_a_type_without_a_row_is_not_known() -> None:
    for token in ("aws:nope/nope:Nope", "random:index/randomId:RandomId", "kubernetes:helm.sh/v3:Release"):
        assert replacements.of(token) is None


def test_a_row_says_where_it_is_from_and_whether_it_is_whole() -> None:
    written = replacements.of("aws:lambda/function:Function")
    generated = replacements.of("aws:workmail/domain:Domain")
    assert written is not None
    assert generated is not None
    assert (written.is_complete, generated.is_complete) == (True, False)
    assert "knowledge of the documentation of pulumi-aws 7" in written.source
    assert "CloudFormation" in generated.source


def test_only_azure_deletes_first_whatever_the_name() -> None:
    deleting = {
        package: {row.delete_first for row in replacements.rows(package).values()}
        for package in ("aws", "gcp", "azure-native", "kubernetes")
    }
    assert deleting == {"aws": {False}, "gcp": {False}, "azure-native": {True}, "kubernetes": {False}}


def test_the_types_of_an_endpoint_have_whole_rows() -> None:
    assert len(ENDPOINT_TYPES) == 86
    missing = [
        token for token in ENDPOINT_TYPES if (row := replacements.of(token)) is None or not row.is_complete
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("package", "types_", "paths"),
    [("aws", 207, 923), ("gcp", 78, 703), ("azure-native", 19, 82), ("kubernetes", 14, 117)],
)
def test_every_path_is_an_input_of_the_sdk(package: str, types_: int, paths: int) -> None:
    every = {"region", *KUBERNETES_ANY}  # holds for the types that have such an input
    rows = {token: row for token, row in replacements.rows(package).items() if token != "*"}
    # Generated rows are many and a type takes milliseconds: each eighth of these.
    checked = [
        token
        for number, token in enumerate(sorted(rows))
        if number % 8 == 0 or token in ENDPOINT_TYPES or (package != "gcp" and rows[token].is_complete)
    ]
    of_all = [(token, path) for token in checked for path in (*rows[token].paths, *rows[token].conditional)]
    of_each = [(token, path) for token, path in of_all if path not in every or path in inputs_of(token)]
    assert [pair for pair in of_each if not has_path(pair[0], pair[1].removesuffix("{}"))] == []
    assert (len(checked), len(of_each)) == (types_, paths)


@pytest.mark.parametrize("path", ["nmae", "imageConfig.comand", "environment[].variables", "layers.name"])
def test_a_path_that_the_sdk_does_not_have_is_seen(path: str) -> None:
    assert types.find("aws:lambda/function:Function")
    assert not has_path("aws:lambda/function:Function", path)


def test_the_words_of_the_sdk_are_still_those_of_the_table() -> None:
    modules = frozenset({"ecr", "emr", "lambda", "msk", "workmail"})
    table = json.loads(
        (
            resources.files("modelberth.preview.standins.imitation.tables") / "aws_replacements.json"
        ).read_text()
    )["types"]
    words = replacement_tables.from_words(replacement_tables.declared("pulumi_aws", modules))
    said = {token: paths for token, paths in words.items() if paths}
    assert sum(map(len, said.values())) >= 10
    for token, paths in said.items():
        assert paths <= set(table.get(token, ())), (
            f"{token}: the table is stale, write it again: "
            "python tools/replacement_tables.py aws --cloudformation FOLDER"
        )


@pytest.mark.parametrize(
    ("words", "replaces"),
    [
        ("Name of the pool. Changing this forces a new resource to be created.", True),
        ("Forces new resource", True),
        ("Name of the policy. Changing this value requires creating a new resource.", True),
        ("Changing this will force terraform to create new resource.", True),
        ("The edition. Forces new resource if downgraded.", False),
        ("Lower numbers are fine; changing from `a` to `b` forces a new resource.", False),
        ("If `x` is changed, creates a new resource.", False),
        ("No new resources will be created once the limit is hit.", False),
        ("Whether to replace the security groups.", False),
    ],
)
def test_words_count_only_without_a_condition(words: str, replaces: bool) -> None:
    assert replacement_tables.replaces(words) is replaces


def test_the_tool_writes_a_table_and_tells_a_stale_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ecr = tuple(replacement_tables.declared("pulumi_aws", frozenset({"ecr"})))
    inputs: dict[str, dict[str, object]] = {
        "name": {"type": "string", "willReplaceOnChanges": True},
        "tags": {"type": "object"},
    }
    schema = {
        "version": "7.51.1",
        "resources": {"aws:ecr/repository:Repository": {"inputProperties": inputs}},
    }
    file = tmp_path / "schema.json"
    monkeypatch.setattr(replacement_tables, "TABLES", tmp_path)
    monkeypatch.setattr(replacement_tables, "declared", lambda package: ecr)
    command = ["replacement_tables.py", "aws", "--schema", str(file)]
    file.write_text(json.dumps(schema))
    monkeypatch.setattr("sys.argv", command)
    assert replacement_tables.main() == 0
    table = json.loads((tmp_path / "aws_replacements.json").read_text())
    assert table["types"] == {"aws:ecr/repository:Repository": ["name"]}
    assert (table["source"], table["complete"]) == ("schema of pulumi-aws 7.51.1", True)
    monkeypatch.setattr("sys.argv", [*command, "--check"])
    assert replacement_tables.main() == 0
    inputs["tags"]["willReplaceOnChanges"] = True
    file.write_text(json.dumps(schema))
    assert replacement_tables.main() == 1
    assert "aws_replacements.json is stale" in capsys.readouterr().out


def test_a_schema_is_read_through_nested_types_and_fitted_to_the_sdk() -> None:
    schema = {
        "resources": {
            "aws:ecr/repository:Repository": {
                "inputProperties": {
                    "name": {"type": "string", "willReplaceOnChanges": True},
                    "gone": {"type": "string", "willReplaceOnChanges": True},
                    "encryptionConfigurations": {
                        "type": "array",
                        "items": {"$ref": "#/types/aws:ecr/Encryption:Encryption"},
                        "willReplaceOnChanges": True,
                    },
                }
            },
            "aws:ecr/nope:Nope": {"inputProperties": {"a": {"type": "string"}}},
        },
        "types": {
            "aws:ecr/Encryption:Encryption": {
                "properties": {"kmsKey": {"type": "string", "willReplaceOnChanges": True}}
            }
        },
    }
    types_ = tuple(replacement_tables.declared("pulumi_aws", frozenset({"ecr"})))
    assert replacement_tables.fitted(replacement_tables.from_schema(schema), types_) == {
        "aws:ecr/repository:Repository": [
            "encryptionConfigurations[].kmsKey",
            "encryptionConfigurations{}",
            "name",
        ]
    }
