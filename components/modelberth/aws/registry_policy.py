"""What a registry keeps, and who may pull from it: the two documents of a repository in ECR."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from modelberth.aws.place import Place
from modelberth.aws.policies import Statement
from modelberth.errors import Problem, join, shown

__all__ = ["function_problems", "keeping", "puller_problems", "pulling"]

_FOR_LAMBDA: Final = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PULL: Final = ("ecr:BatchCheckLayerAvailability", *_FOR_LAMBDA)
# Lambda adds a statement with this sid by itself where it finds none, which would then be drift (AWS Lambda,
# "Create a function using a container image", "Amazon ECR permissions").
_LAMBDA_SID: Final = "LambdaECRImageRetrievalPolicy"
_NEVER: Final = 9999
_FUNCTION: Final = r"arn:{partition}:lambda:{region}:[0-9]{{12}}:function:[A-Za-z0-9_-]+\*?"
_PULLER: Final = r"arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:(root|(role|user)/[!-~]+)"


def keeping(kept_tags: Sequence[str], tagged: int, untagged_days: int) -> str:
    """Return the lifecycle policy, as JSON.

    An image that the tags of one rule match is never expired by a rule after it (Amazon ECR, "Automate the
    cleanup of images by using lifecycle policies"). So each kept tag has a rule of its own, and comes first:
    several patterns in one rule would all have to match.

    Args:
        kept_tags: patterns of tags, such as `live-*`, whose images never expire
        tagged: number of the other tagged images that stay, the newest first
        untagged_days: days that an image without a tag stays

    """
    selections: list[tuple[str, dict[str, Any]]] = [
        (f"{tag} stays", {**_tagged(tag), "countType": "imageCountMoreThan", "countNumber": _NEVER})
        for tag in kept_tags
    ]
    by_age = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": untagged_days}
    selections += [
        (f"without a tag after {untagged_days} days", {"tagStatus": "untagged", **by_age}),
        (
            f"the newest {tagged} stay",
            {**_tagged("*"), "countType": "imageCountMoreThan", "countNumber": tagged},
        ),
    ]
    rules = [
        {"rulePriority": place, "description": title, "selection": selection, "action": {"type": "expire"}}
        for place, (title, selection) in enumerate(selections, start=1)
    ]
    return json.dumps({"rules": rules})


def pulling(functions: Sequence[str], pullers: Sequence[str]) -> tuple[Statement, ...]:
    """Return who may pull; nothing where IAM of the account alone says so.

    Args:
        functions: ARNs of Lambda functions, with an asterisk for the end of a name
        pullers: ARNs of roles, users or whole accounts

    """
    found: list[Statement] = []
    if functions:
        # The account is part of each ARN.
        source = {"ArnLike": {"aws:SourceArn": list(functions)}}
        service = {"Service": ("lambda.amazonaws.com",)}
        found.append(Statement(_LAMBDA_SID, _FOR_LAMBDA, principals=service, conditions=source))
    if pullers:
        found.append(Statement("Pullers", _PULL, principals={"AWS": tuple(pullers)}))
    return tuple(found)


def function_problems(functions: Sequence[str], place: Place, path: str) -> Iterator[Problem]:
    """Yield what names no function of one account that could take an image of this region."""
    pattern = _FUNCTION.format(partition=place.partition, region=place.region)
    for index, function in enumerate(functions):
        if re.fullmatch(pattern, function) is None:
            allowed = f"the ARN of functions in {place.region}, {place.arn('lambda', 'function:NAME')}"
            hint = "Only the end of a name may be an asterisk; a function pulls in its own region only."
            yield Problem(join(path, f"[{index}]"), shown(function), allowed, hint)


def puller_problems(pullers: Sequence[str], path: str) -> Iterator[Problem]:
    """Yield who is nobody in particular."""
    for index, puller in enumerate(pullers):
        if re.fullmatch(_PULLER, puller) is None or "*" in puller:
            allowed = "the ARN of a role, of a user or of an account's root"
            yield Problem(join(path, f"[{index}]"), shown(puller), allowed)


def _tagged(pattern: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": [pattern]}
