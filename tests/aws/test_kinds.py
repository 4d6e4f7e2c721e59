"""Another kind for an endpoint of the same name: the new one is made before the old one goes."""

from collections.abc import Callable

import pytest

from support import aws_eks, aws_plans, aws_sagemaker
from support.recording import Recorder, Registered

# The policies of a role are its own.
INSIDE = {"aws:iam/rolePolicy:RolePolicy"}
# What holds the name of a resource, where two of one type cannot have the same.
NAMED = ("name", "alarmName", "dashboardName", "endpointName", "functionName", "clusterName")


def names(found: list[Registered]) -> set[tuple[str, str]]:
    """Physical names by type; a name that only points to another resource is there with the type as well."""
    return {
        (one.type, str(one.inputs[key]))
        for one in found
        if one.type.startswith(("aws:", "aws-native:")) and one.type not in INSIDE
        for key in NAMED
        if isinstance(one.inputs.get(key), str)
    }


def recorded(make: Callable[[], Recorder]) -> set[tuple[str, str]]:
    return names(make().resources)


MADE: dict[str, Callable[[], Recorder]] = {
    "lambda": lambda: aws_plans.registered("everything")[0],
    "sagemaker": lambda: aws_sagemaker.registered("everything")[0],
    "eks": lambda: aws_eks.registered("everything")[0],
}


@pytest.mark.parametrize(("one", "other"), [("lambda", "sagemaker"), ("lambda", "eks"), ("sagemaker", "eks")])
def test_two_kinds_have_no_name_in_common(one: str, other: str) -> None:
    first, second = recorded(MADE[one]), recorded(MADE[other])
    assert min(len(first), len(second)) > 4
    assert first & second == set()
    assert first & first
