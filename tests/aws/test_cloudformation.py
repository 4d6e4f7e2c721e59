"""Graphs as CloudFormation templates."""

import pytest

from modelberth.preview.standins.sdk import types
from support.aws.cloudformation import ConversionError, template
from support.aws.cloudformation_rules import rows
from support.aws.graph import captured
from support.aws.modes import MODES, graph_of
from support.aws.samples import BARE, HARDENED, bare, hardened
from support.clouds.graph import Graph, resource

UNUSED = {
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
    "aws:iam/instanceProfile:InstanceProfile",
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    "aws:secretsmanager/secret:Secret",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
}
REPOSITORY = resource("aws:ecr/repository:Repository", "images", {"name": "iris"}, outputs={"name": "iris"})


def test_every_resource_is_in_the_template() -> None:
    graph = captured(hardened)
    made = template(graph)
    assert len(made.logical) == len(graph.of("aws")) == HARDENED
    merged = [one for one in graph.resources if rows()[one.token].into]
    assert len(made.document["Resources"]) == HARDENED - len(merged)
    assert len(merged) == 15


def test_nearly_every_row_is_used() -> None:
    """So that the schemas have judged it; what neither the sample nor a mode has is named here."""
    graphs = [captured(hardened), *(graph_of(mode) for mode in MODES)]
    seen = {one.token for graph in graphs for one in graph.resources}
    assert rows().keys() - seen == UNUSED


def test_forms_that_differ() -> None:
    made = template(captured(hardened)).document["Resources"]
    images, models = made["Images"]["Properties"], made["Models"]["Properties"]
    assert images["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    assert images["RepositoryPolicyText"]["Statement"][0]["Sid"] == "Pull"
    assert images["Tags"] == [{"Key": "team", "Value": "shop"}]
    assert made["Api"]["Properties"]["Tags"] == {"team": "shop"}
    assert models["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 90
    assert models["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    live, canary = made["Live"]["Properties"], made["Canary"]["Properties"]
    assert canary["RoutingConfig"] == {
        "AdditionalVersionWeights": [{"FunctionVersion": "2", "FunctionWeight": 0.1}]
    }
    assert live["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    (notification,) = made["Budget"]["Properties"]["NotificationsWithSubscribers"]
    assert notification["Notification"]["Threshold"] == 80
    assert notification["Subscribers"][0]["SubscriptionType"] == "SNS"
    assert made["Cluster"]["Properties"]["Logging"]["ClusterLogging"]["EnabledTypes"][0] == {"Type": "api"}
    assert "Key" in made["Function"]["DependsOn"]


def test_each_row_is_of_a_type_and_inputs_that_the_sdk_has() -> None:
    count = 0
    for token, rules in rows().items():
        known = types.lookup(token).inputs
        paths = [*rules.rename, *rules.left_out, *rules.documents, *rules.numbers, *rules.only, *rules.listed]
        for path in [*paths, *rules.pairs, *rules.keyed, *rules.each, *rules.plain, *rules.texts]:
            assert path.partition(".")[0] in known, f"{token}: {path}"
            count += 1
        assert bool(rules.type) != bool(rules.into), token
    assert count > 200


def test_an_unmapped_type_is_an_error() -> None:
    zone = resource("aws:route53/zone:Zone", "zone", {})
    with pytest.raises(ConversionError, match=r"no row in cloudformation\.toml for aws:route53/zone:Zone"):
        template(Graph((REPOSITORY, zone)))


def test_a_property_of_what_is_not_there_is_an_error() -> None:
    token, inputs = "aws:ecr/lifecyclePolicy:LifecyclePolicy", {"repository": "other", "policy": "{}"}
    with pytest.raises(ConversionError, match="0 of type aws:ecr/repository:Repository are called 'other'"):
        template(Graph((REPOSITORY, resource(token, "kept", inputs))))


def test_a_property_that_is_given_twice_is_an_error() -> None:
    token, inputs = "aws:ecr/lifecyclePolicy:LifecyclePolicy", {"repository": "iris", "policy": "{}"}
    twice = (REPOSITORY, resource(token, "kept", inputs), resource(token, "kept-again", inputs))
    with pytest.raises(ConversionError, match="LifecyclePolicyText is given twice"):
        template(Graph(twice))


def test_an_input_that_the_type_does_not_have_is_an_error() -> None:
    with pytest.raises(ConversionError, match="has no input colour"):
        template(Graph((resource("aws:kms/key:Key", "key", {"colour": "red"}),)))


def test_two_regions_are_an_error() -> None:
    keys = [resource("aws:kms/key:Key", name, {"region": name}) for name in ("us-east-1", "eu-central-1")]
    with pytest.raises(ConversionError, match="eu-central-1, us-east-1"):
        template(Graph(tuple(keys)))


def test_a_bare_program_converts_too() -> None:
    graph = captured(bare)
    assert len(template(graph).logical) == len(graph.resources) == BARE
