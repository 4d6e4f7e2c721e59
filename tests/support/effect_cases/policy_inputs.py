"""Inputs of resources that let somebody do something."""

import json
from typing import Any

from modelberth.preview.effects import Kind

PUBLIC = Kind.NEWLY_PUBLIC

WIDER, NARROWER = Kind.PERMISSIONS_WIDENED, Kind.PERMISSIONS_NARROWED

URL = "aws:lambda/functionUrl:FunctionUrl"

PERMISSION = "aws:lambda/permission:Permission"

BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"

POLICY = "aws:iam/rolePolicy:RolePolicy"

ROLE = "aws:iam/role:Role"

ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

INVOKER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"

BINDING = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"

RUN = "gcp:cloudrunv2/service:Service"

APP = "azure-native:app:ContainerApp"

ASSIGNMENT = "azure-native:authorization:RoleAssignment"

SERVICE = "kubernetes:core/v1:Service"

RBAC = "kubernetes:rbac.authorization.k8s.io/v1"

BUCKET = "arn:aws:s3:::models/*"

_BLOCKED = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)


def statement(action: Any, resource: Any = BUCKET, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def inline(*statements: dict[str, Any], role: str = "scoring") -> dict[str, Any]:
    return {"role": role, "policy": document(*statements)}


def everyone(**more: Any) -> dict[str, Any]:
    return {"policy": document(statement("ecr:BatchGetImage", Principal="*", **more))}


def trust(*services: str) -> dict[str, Any]:
    return {
        "assumeRolePolicy": document(
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": list(services)}}
        )
    }


def assignment(role: str, scope: str = "/subscriptions/1/registry", who: str = "me") -> dict[str, Any]:
    path = "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/"
    return {
        "roleDefinitionId": path + role,
        "principalId": who,
        "principalType": "ServicePrincipal",
        "scope": scope,
    }


def rules(verbs: list[str], resources: list[str], **more: Any) -> dict[str, Any]:
    return {"rules": [{"apiGroups": [""], "verbs": verbs, "resources": resources, **more}]}


def bound(role: str, *accounts: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ml"},
        "roleRef": {"name": role},
        "subjects": [{"kind": "ServiceAccount", "name": a} for a in accounts],
    }


def from_anywhere(cidr: str) -> dict[str, Any]:
    return {"ingress": [{"fromPort": 443, "cidrBlocks": [cidr]}]}


def opened(*, enabled: Any, path: str = "publicNetworkAccess") -> dict[str, Any]:
    inputs: Any = enabled
    for key in reversed(path.split(".")):
        inputs = {key: inputs}
    return dict(inputs)


ACR_PULL, OWNER, CONTRIBUTOR = (
    "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
)
