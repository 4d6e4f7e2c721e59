import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from modelberth.preview.standins.imitation import names
from support.standin_tables import has_path

REQUIRED = {
    "aws:cloudwatch/dashboard:Dashboard",
    "gcp:artifactregistry/repository:Repository",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig",
    "gcp:projects/iAMCustomRole:IAMCustomRole",
    "gcp:secretmanager/secret:Secret",
    "gcp:serviceaccount/account:Account",
    "gcp:vertex/aiEndpoint:AiEndpoint",
}


def nested(path: str, value: object) -> dict[str, object]:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize(
    ("token", "name", "reason"),
    [
        (
            "aws:ecr/repository:Repository",
            "Iris",
            (
                "given 'Iris', allowed: 2 to 256 characters: lowercase letters and digits, separated by "
                "single . _ - or /"
            ),
        ),
        (
            "aws:lambda/function:Function",
            "f" * 65,
            (
                f"given '{'f' * 65}' with 65 characters, allowed: 1 to 64 characters: letters, digits, "
                f"hyphens and "
                "underscores"
            ),
        ),
        (
            "aws:kms/alias:Alias",
            "alias/aws/s3",
            (
                "given 'alias/aws/s3', allowed: 7 to 256 characters: alias/ and then letters, digits, "
                "slashes, "
                "hyphens and underscores, but not names that begin with alias/aws/"
            ),
        ),
        (
            "gcp:vertex/aiEndpoint:AiEndpoint",
            "iris",
            "given 'iris', allowed: 1 to 10 characters: a number without leading zeros",
        ),
        (
            "kubernetes:core/v1:Service",
            "1-iris",
            (
                "given '1-iris', allowed: 1 to 63 characters: lowercase letters, digits and hyphens, a "
                "letter first "
                "and no hyphen last"
            ),
        ),
    ],
)
def test_says_what_the_service_takes(token: str, name: str, reason: str) -> None:
    place = names.name_property(token)
    assert place is not None
    (failure,) = names.check(token, nested(place, name))
    assert (failure.property, failure.reason) == (place, reason)


@pytest.mark.parametrize(
    ("token", "good", "bad"),
    [
        (
            "aws:s3/bucket:Bucket",
            ["iris-models", "a.b.c"],
            ["Iris", "1.2.3.4", "a..b", "xn--a", "a-s3alias", "-a-"],
        ),
        ("aws:sagemaker/endpoint:Endpoint", ["iris", "a--b"], ["iris_1", "-iris", "iris-", "a" * 64]),
        ("aws:lambda/alias:Alias", ["live", "1a"], ["1", "a b"]),
        ("aws:sqs/queue:Queue", ["dead", "dead.fifo"], ["dead.letters", "q" * 81]),
        ("aws:ec2/securityGroup:SecurityGroup", ["of the model"], ["sg-1", "ü"]),
        ("gcp:cloudrunv2/service:Service", ["iris"], ["Iris", "1iris", "iris-", "i" * 50]),
        ("gcp:serviceaccount/account:Account", ["iris-1"], ["iris", "Iris-one", "a" * 31]),
        ("gcp:projects/iAMCustomRole:IAMCustomRole", ["shop.iris_1"], ["ab", "shop-iris", "a" * 65]),
        ("gcp:logging/projectBucketConfig:ProjectBucketConfig", ["iris.1"], ["", "a b", "a" * 101]),
        ("gcp:logging/projectSink:ProjectSink", ["iris-1"], ["-iris", "a" * 101]),
        ("gcp:logging/metric:Metric", ["iris/errors"], ["/iris", "a" * 101]),
        ("gcp:storage/bucket:Bucket", ["iris_1", f"{'a' * 63}.b"], ["goog-a", "my-google", "a" * 64]),
        ("azure-native:app:ContainerApp", ["iris", "iris-1"], ["Iris", "iris--1", "1iris", "i", "i" * 33]),
        ("azure-native:app/v20240301:ContainerApp", ["iris"], ["iris--1"]),
        ("azure-native:containerregistry:Registry", ["irisModels"], ["iris", "iris-models"]),
        ("azure-native:keyvault:Vault", ["iris-keys"], ["1iris", "iris--keys", "i" * 25]),
        ("azure-native:storage:StorageAccount", ["iris1"], ["Iris1", "iris-1", "ir"]),
        ("azure-native:resources:ResourceGroup", ["iris.(eu)"], ["iris.", "a/b"]),
        ("azure-native:containerservice:AgentPool", ["gpu"], ["gpu-1", "gpunodepoolone"]),
        ("kubernetes:core/v1:Namespace", ["models", "1a"], ["models.eu", "Models", "a" * 64]),
        ("kubernetes:core/v1:ConfigMap", ["a.b-c"], ["a_b", "a..b", "-a"]),
        ("kubernetes:rbac.authorization.k8s.io/v1:Role", ["system:Reader"], ["a/b", "..", "a%b"]),
        ("kubernetes:serving.knative.dev/v1:Thing", ["iris"], ["Iris"]),
    ],
)
def test_takes_good_names_and_refuses_bad_ones(token: str, good: list[str], bad: list[str]) -> None:
    place = names.name_property(token)
    assert place is not None
    assert [name for name in good if names.check(token, nested(place, name))] == []
    assert [name for name in bad if not names.check(token, nested(place, name))] == []


def test_what_is_absent_unknown_or_of_the_wrong_type_is_not_judged() -> None:
    for value in (None, rpc.UNKNOWN, 5):
        assert names.check("aws:lambda/function:Function", {"name": value}) == ()
    assert names.check("kubernetes:core/v1:Service", {"metadata": None}) == ()
    assert names.check("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"name": "!"}) == ()
    assert names.check("aws:nope/nope:Nope", {"name": "!"}) == ()


@pytest.mark.parametrize(
    ("token", "place"),
    [
        ("aws:s3/bucket:Bucket", "bucket"),
        ("azure-native:app:ContainerApp", "containerAppName"),
        ("kubernetes:apps/v1:Deployment", "metadata.name"),
        ("kubernetes:serving.knative.dev/v1:Thing", "metadata.name"),
        ("gcp:pubsub/topic:Topic", "name"),  # no rule: a bridged provider names what may have a name
        ("aws:route53/record:Record", None),  # must be given: the provider never chooses it
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", None),
        ("azure-native:cdn:Profile", None),
        ("kubernetes:helm.sh/v3:Chart", None),
        ("pulumi:providers:aws", None),
        ("aws:nope/nope:Nope", None),
    ],
)
def test_knows_which_input_is_the_name(token: str, place: str | None) -> None:
    assert names.name_property(token) == place


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("aws:lambda/function:Function", "Iris-19b2585"),
        ("aws:s3/bucket:Bucket", "iris-19b2585"),
        ("aws:kms/alias:Alias", "alias/Iris-19b2585"),
        ("gcp:pubsub/topic:Topic", "Iris-19b2585"),
        ("azure-native:app:ContainerApp", "Iris19b25856"),
        ("azure-native:authorization:RoleAssignment", "19b25856-e1c1-40ca-834c-ffc8b59b23ad"),
        ("kubernetes:core/v1:ConfigMap", "Iris-19b25856"),
        ("gcp:serviceaccount/account:Account", None),
        ("gcp:vertex/aiEndpoint:AiEndpoint", None),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", None),
    ],
)
def test_names_as_the_provider_would(token: str, name: str | None) -> None:
    assert names.autoname(token, "Iris", "seed") == name
    assert names.autoname(token, "Iris", b"seed") == name


@given(st.text(max_size=40), st.binary(max_size=40))
def test_a_name_follows_from_its_seed_alone(resource: str, seed: bytes) -> None:
    once = names.autoname("aws:lambda/function:Function", resource, seed)
    assert once == names.autoname("aws:lambda/function:Function", resource, seed)
    assert once is not None
    assert re.fullmatch(r"-[0-9a-f]{7}", once.removeprefix(resource))
    assert once != names.autoname("aws:lambda/function:Function", resource, seed + b"x")


def test_what_the_provider_makes_of_a_short_name_fits_the_rule() -> None:
    checked = 0
    for token in names.rules():
        made = None if token.endswith("*") else names.autoname(token, "iris", "seed")
        if made:
            place = names.name_property(token)
            assert place is not None
            assert names.check(token, nested(place, made)) == (), token
            checked += 1
    assert checked == len(names.rules()) - len(REQUIRED) - 1
    assert {token for token in names.rules() if names.autoname(token, "iris", "seed") is None} == REQUIRED


def test_a_name_that_the_service_refuses_is_not_mended() -> None:
    made = names.autoname("aws:sagemaker/endpoint:Endpoint", "under_score", "seed")
    assert made is not None
    (failure,) = names.check("aws:sagemaker/endpoint:Endpoint", {"name": made})
    assert failure.reason.startswith("given 'under_score-19b2585', allowed:")


def test_every_rule_is_about_an_input_of_the_sdk() -> None:
    rows = {token: rule for token, rule in names.rules().items() if not token.endswith("*")}
    assert len(rows) == 72
    assert [token for token, rule in rows.items() if not has_path(token, rule.property)] == []
    for rule in rows.values():
        assert 1 <= rule.shortest <= rule.longest
        re.compile(rule.pattern)
        assert rule.autoname in ("", "-hex7", "-hex8", "hex8", "uuid")


def test_a_rule_about_no_input_is_seen() -> None:
    assert not has_path("aws:lambda/function:Function", "functionName")
