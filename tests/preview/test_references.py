import re

import pytest
from pulumi.runtime import rpc

from modelberth.preview.standins.imitation import references
from modelberth.preview.standins.imitation.existing import Existing
from modelberth.preview.standins.settings import StandInSettings
from support.standin_tables import has_path

FUNCTION = "aws:lambda/function:Function"
APP = "azure-native:app:ContainerApp"
SERVICE = "gcp:cloudrunv2/service:Service"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
ROLE = "arn:aws:iam::111122223333:role/iris"
MINE = f"arn:aws:iam::{StandInSettings().aws_account}:role/iris"
SUBSCRIPTION = StandInSettings().azure_subscription
THEIRS = "11111111-2222-3333-4444-555555555555"


def environment(subscription: str, kind: str = "managedEnvironments") -> str:
    return f"/subscriptions/{subscription}/resourceGroups/rg/providers/Microsoft.App/{kind}/env"


@pytest.mark.parametrize(
    ("token", "inputs", "failures"),
    [
        (FUNCTION, {"role": ROLE}, []),
        (
            FUNCTION,
            {"role": "iris"},
            ["role: given 'iris', allowed: the ARN of an IAM role, arn:aws:iam::ACCOUNT:role/NAME"],
        ),
        (
            FUNCTION,
            {"role": "arn:aws:iam::111122223333:user/iris"},
            [
                (
                    "role: given 'arn:aws:iam::111122223333:user/iris', allowed: the ARN of an IAM role, "
                    "arn:aws:iam::ACCOUNT:role/NAME"
                )
            ],
        ),
        (
            FUNCTION,
            {"role": ROLE, "imageUri": "docker.io/library/iris:1"},
            [
                (
                    "imageUri: given 'docker.io/library/iris:1', allowed: an image in ECR, "
                    "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:DIGEST"
                )
            ],
        ),
        (
            FUNCTION,
            {"region": "eu-west-1", "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/a"},
            [
                (
                    "kmsKeyArn: given 'arn:aws:kms:us-east-1:111122223333:key/a' in us-east-1, allowed: "
                    "the ARN of a "
                    "KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID, in eu-west-1"
                )
            ],
        ),
        (
            FUNCTION,
            {"role": ROLE, "deadLetterConfig": {"targetArn": "arn:aws-cn:sqs:cn-north-1:111122223333:dead"}},
            [
                (
                    "deadLetterConfig.targetArn: given ARNs of the partitions aws and aws-cn, allowed: all "
                    "of one "
                    "partition"
                )
            ],
        ),
        (
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": ROLE, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            [f"role: given '{ROLE}', allowed: the name of an IAM role, not its ARN"],
        ),
        (
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {"alarmActions": ["arn:aws:sns:eu-west-1:111122223333:oncall", "oncall"]},
            [
                (
                    "alarmActions[1]: given 'oncall', allowed: the ARN of what acts on the alarm, such as "
                    "arn:aws:sns:REGION:ACCOUNT:NAME"
                )
            ],
        ),
        ("aws:appautoscaling/target:Target", {"resourceId": "endpoint/iris/variant/AllTraffic"}, []),
        (
            "aws:sagemaker/endpoint:Endpoint",
            {"endpointConfigName": "arn:aws:sagemaker:eu-west-1:111122223333:endpoint-config/iris"},
            [
                (
                    "endpointConfigName: given "
                    "'arn:aws:sagemaker:eu-west-1:111122223333:endpoint-config/iris', allowed: "
                    "the name of a SageMaker resource, not its ARN"
                )
            ],
        ),
        (SERVICE, {"template": {"serviceAccount": "iris@prod-1.iam.gserviceaccount.com"}}, []),
        (
            SERVICE,
            {"template": {"serviceAccount": "iris", "containers": [{"image": "https://a/b"}]}},
            [
                (
                    "template.serviceAccount: given 'iris', allowed: the email of a service account, "
                    "NAME@PROJECT.iam.gserviceaccount.com"
                ),
                (
                    "template.containers[0].image: given 'https://a/b', allowed: an image, "
                    "HOST/PATH@sha256:DIGEST, "
                    "without https://"
                ),
            ],
        ),
        (
            "gcp:projects/iAMMember:IAMMember",
            {"member": "iris@prod-1.iam.gserviceaccount.com", "role": "viewer"},
            [
                (
                    "member: given 'iris@prod-1.iam.gserviceaccount.com', allowed: user:, group:, "
                    "serviceAccount:, "
                    "domain:, principal:// and who, or allUsers"
                ),
                "role: given 'viewer', allowed: a role, roles/NAME or projects/PROJECT/roles/NAME",
            ],
        ),
        (APP, {"environmentId": environment(THEIRS)}, []),
        (APP, {"environmentId": environment(THEIRS).lower()}, []),
        (
            APP,
            {"environmentId": environment(THEIRS, "containerApps")},
            [
                (
                    f"environmentId: given '{environment(THEIRS, 'containerApps')[:79]}…', allowed: the id "
                    f"of a Container "
                    "Apps environment"
                )
            ],
        ),
        (
            "azure-native:authorization:RoleAssignment",
            {"principalId": "iris", "scope": "iris"},
            [
                "principalId: given 'iris', allowed: a UUID, not a name or the id of a resource",
                "scope: given 'iris', allowed: a scope, /subscriptions/ID and what is below it",
            ],
        ),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
            {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}},
            [
                (
                    "roleRef.kind: given 'Role', allowed: ClusterRole: a binding of the whole cluster "
                    "cannot bind the "
                    "role of a namespace"
                )
            ],
        ),
        (
            DEPLOYMENT,
            {"spec": {"template": {"spec": {"serviceAccountName": "default/iris"}}}},
            [
                (
                    "spec.template.spec.serviceAccountName: given 'default/iris', allowed: the name of an "
                    "object of the "
                    "same namespace: lowercase letters, digits, hyphens and dots"
                )
            ],
        ),
        ("aws:nope/nope:Nope", {"role": "iris"}, []),
    ],
)
def test_refuses_what_cannot_name_the_thing(
    token: str, inputs: dict[str, object], failures: list[str]
) -> None:
    found = references.check(token, inputs, Existing())
    assert [f"{failure.property}: {failure.reason}" for failure in found] == failures


def test_what_only_a_stand_in_could_have_made_must_have_been_made() -> None:
    (failure,) = references.check(FUNCTION, {"role": MINE}, Existing())
    assert failure.property == "role"
    assert failure.reason == (
        f"given '{MINE}', which was not made: 000000000000 is the account of the stand-ins, where nothing "
        "exists but what a program made; allowed: the ARN of an IAM role, arn:aws:iam::ACCOUNT:role/NAME, of "
        "aws:iam/role:Role. If others made it, give the stand-ins your own account: "
        "StandInSettings(aws_account=...)"
    )
    made = Existing()
    made.note("aws:iam/role:Role", "iris", {"arn": MINE, "name": "iris"})
    assert references.check(FUNCTION, {"role": MINE}, made) == ()
    assert len(references.check(FUNCTION, {"role": f"{MINE}-2"}, made)) == 1
    assert references.check(FUNCTION, {"role": f"{MINE}-2"}) == ()


@pytest.mark.parametrize(
    ("token", "inputs", "maker", "outputs"),
    [
        (APP, {"environmentId": environment(SUBSCRIPTION)}, "azure-native:app:ManagedEnvironment", {}),
        (
            SERVICE,
            {"template": {"serviceAccount": "iris@stand-in-project.iam.gserviceaccount.com"}},
            "gcp:serviceaccount/account:Account",
            {"email": "iris@stand-in-project.iam.gserviceaccount.com"},
        ),
        (
            "aws:lambda/functionUrl:FunctionUrl",
            {"functionName": "arn:aws:lambda:us-east-1:000000000000:function:iris:live"},
            FUNCTION,
            {"arn": "arn:aws:lambda:us-east-1:000000000000:function:iris"},
        ),
    ],
)
def test_is_found_by_id_or_by_any_of_its_identifiers(
    token: str, inputs: dict[str, object], maker: str, outputs: dict[str, str]
) -> None:
    existing = Existing()
    assert len(references.check(token, inputs, existing)) == 1
    identity = environment(SUBSCRIPTION) if not outputs else "projects/x"
    existing.note(maker, identity, outputs)
    assert references.check(token, inputs, existing) == ()


def test_what_changes_its_name_or_goes_is_not_found_by_the_old_one() -> None:
    existing = Existing()
    existing.note("aws:sns/topic:Topic", "1", {"arn": "arn:aws:sns:::old", "name": "shared"})
    existing.note("aws:sqs/queue:Queue", "2", {"name": "shared"})
    existing.note("aws:sns/topic:Topic", "1", {"arn": "arn:aws:sns:::NEW"})
    assert "arn:aws:sns:::old" not in existing
    assert "arn:aws:sns:::new:part" in existing
    assert "arn:aws:sns:::newer" not in existing
    assert "shared" in existing, "another one has the name too"
    existing.forget("aws:sqs/queue:Queue", "2")
    existing.forget("aws:sqs/queue:Queue", "3")
    assert "shared" not in existing


def test_regions_are_compared_where_one_is_known() -> None:
    key = {"kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/a"}
    assert references.check(FUNCTION, key) == ()
    assert references.check(FUNCTION, key, None, region="us-east-1") == ()
    assert len(references.check(FUNCTION, key, None, region="eu-west-1")) == 1
    assert references.check(FUNCTION, {**key, "region": "us-east-1"}, region="eu-west-1") == ()


def test_unknowns_pass_and_secrets_stay_hidden() -> None:
    assert (
        references.check(FUNCTION, {"role": rpc.UNKNOWN, "imageUri": f"{rpc.UNKNOWN}/iris"}, Existing()) == ()
    )
    volumes = [{"secret": {"secretName": "Canary!"}}]
    (failure,) = references.check(DEPLOYMENT, {"spec": {"template": {"spec": {"volumes": volumes}}}})
    assert failure.property == "spec.template.spec.volumes[0].secret.secretName"
    assert failure.reason.startswith("given a hidden value, allowed: the name of an object")


def test_every_row_is_about_inputs_of_the_sdk() -> None:
    rows = references.rows()
    paths = [(token, path) for token, row in rows.items() for path in row]
    assert (len(rows), len(paths)) == (68, 146)
    assert [f"{token} {path}" for token, path in paths if not has_path(token, path.removesuffix("[]"))] == []
    assert not has_path(FUNCTION, "roleArn")


def test_every_kind_is_used_and_sound() -> None:
    used = {kind for row in references.rows().values() for kind in row.values()}
    assert [name for name, kind in references.kinds().items() if kind not in used] == []
    assert len(references.kinds()) == 48
    for kind in references.kinds().values():
        pattern = re.compile(kind.pattern)
        assert bool(kind.place) == bool(kind.made_by)
        assert not kind.place or kind.place in pattern.groupindex
        assert not kind.owned or "region" in pattern.groupindex
