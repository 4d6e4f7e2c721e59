"""Changes after which some callers are refused, or find nobody."""

from typing import Any

from modelberth.preview.effects import Kind
from modelberth.preview.effects.effect import Calls

from .case import CHANGE, DANGER, Case, silent, tells
from .policy_inputs import NARROWER, PERMISSION, PUBLIC, document
from .serving_inputs import ML, ROUTE, RUN, SERVICE

GATEWAY_ROUTE, METHOD = "aws:apigatewayv2/route:Route", "aws:apigateway/method:Method"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
REFUSED = {"calls": Calls.MAY_FAIL, "of_callers": True}


def ingress(*hosts: str, path: str = "/") -> dict[str, Any]:
    return {"spec": {"rules": [{"host": host, "http": {"paths": [{"path": path}]}} for host in hosts]}}


def route(*hosts: str, path: str = "/") -> dict[str, Any]:
    return {"spec": {"hostnames": list(hosts), "rules": [{"matches": [{"path": {"value": path}}]}]}}


def typed(kind: str, **more: Any) -> dict[str, Any]:
    return {"spec": {"type": kind, **more}}


def traffic(**shares: int) -> dict[str, Any]:
    return {"properties": {"traffic": shares}}


def lets(who: str) -> dict[str, Any]:
    return {"function": "f", "action": "lambda:InvokeFunction", "principal": who}


def queue_policy(who: Any) -> dict[str, Any]:
    return {
        "policy": document(
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*", "Principal": who}
        )
    }


def trusts(who: Any, **more: Any) -> dict[str, Any]:
    return {
        "assumeRolePolicy": document(
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": who, **more}
        )
    }


ROLE = "aws:iam/role:Role"
SERVICES = {"Service": "lambda.amazonaws.com"}

CASES: list[Case] = [
    tells(
        "route: signed otherwise",
        GATEWAY_ROUTE,
        {"authorizationType": "AWS_IAM"},
        {"authorizationType": "JWT"},
        NARROWER,
        DANGER,
        "in another way",
        facts=REFUSED,
    ),
    tells(
        "route: signed from now on",
        GATEWAY_ROUTE,
        {},
        {"authorizationType": "JWT"},
        NARROWER,
        DANGER,
        "calls without credentials are refused",
        facts=REFUSED,
    ),
    silent(
        "route: open from now on",
        GATEWAY_ROUTE,
        {"authorizationType": "JWT"},
        {"authorizationType": "NONE"},
        NARROWER,
    ),
    tells(
        "method: signed otherwise",
        METHOD,
        {"authorization": "AWS_IAM"},
        {"authorization": "CUSTOM"},
        NARROWER,
        DANGER,
        "in another way",
    ),
    tells(
        "function URL: signed from now on",
        "aws:lambda/functionUrl:FunctionUrl",
        {"authorizationType": "NONE"},
        {"authorizationType": "AWS_IAM"},
        NARROWER,
        DANGER,
        "without credentials are refused",
    ),
    tells(
        "cloud run: internal from now on",
        RUN,
        {},
        {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"},
        NARROWER,
        DANGER,
        "from the internet no longer reach it",
        facts=REFUSED,
    ),
    silent(
        "cloud run: internal as before",
        RUN,
        {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "labels": {"a": "1"}},
        {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "labels": {}},
        NARROWER,
    ),
    tells(
        "azure ml: another way to sign",
        ML,
        {"properties": {"authMode": "AADToken"}},
        {"properties": {"authMode": "Key"}},
        NARROWER,
        DANGER,
        "in another way",
        facts=REFUSED,
    ),
    tells(
        "azure ml: no deployment gets calls",
        ML,
        traffic(blue=100),
        traffic(blue=0),
        Kind.TRAFFIC_MOVED,
        DANGER,
        "No deployment",
        facts={"calls": Calls.MAY_FAIL},
    ),
    tells(
        "azure ml: another deployment gets calls",
        ML,
        traffic(blue=100),
        traffic(blue=0, green=100),
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "green",
        facts={"calls": Calls.SAFE},
    ),
    tells(
        "service: another name",
        SERVICE,
        typed("ClusterIP"),
        typed("ExternalName", externalName="a.example"),
        Kind.ADDRESS_CHANGED,
        DANGER,
        "go to 'a.example' instead of its pods",
    ),
    tells(
        "service: no load balancer any more",
        SERVICE,
        typed("LoadBalancer"),
        typed("ClusterIP"),
        Kind.ADDRESS_CHANGED,
        DANGER,
        "no address outside",
    ),
    tells(
        "service: an internal load balancer",
        SERVICE,
        {**typed("LoadBalancer"), "metadata": {"name": "a"}},
        {
            **typed("LoadBalancer"),
            "metadata": {"name": "a", "annotations": {"networking.gke.io/load-balancer-type": "Internal"}},
        },
        NARROWER,
        DANGER,
        "from the internet no longer reach it",
    ),
    silent(
        "service: a load balancer comes",
        SERVICE,
        typed("ClusterIP"),
        typed("LoadBalancer"),
        Kind.ADDRESS_CHANGED,
    ),
    tells(
        "ingress: another host",
        INGRESS,
        ingress("a.example"),
        ingress("b.example"),
        Kind.ADDRESS_CHANGED,
        DANGER,
        "no longer answers at 'a.example/'",
        facts={"calls": Calls.MAY_FAIL},
    ),
    tells(
        "ingress: another path",
        INGRESS,
        ingress("a.example"),
        ingress("a.example", path="/v2"),
        Kind.ADDRESS_CHANGED,
        DANGER,
        "'a.example/'",
    ),
    silent(
        "ingress: one host more",
        INGRESS,
        ingress("a.example"),
        ingress("b.example", "a.example"),
        Kind.ADDRESS_CHANGED,
    ),
    tells(
        "http route: another host",
        ROUTE,
        route("a.example"),
        route("b.example"),
        Kind.ADDRESS_CHANGED,
        DANGER,
        "'a.example/'",
    ),
    silent(
        "http route: one host more",
        ROUTE,
        route("a.example"),
        route("a.example", "b.example"),
        Kind.ADDRESS_CHANGED,
    ),
    tells(
        "role: everybody",
        ROLE,
        trusts(SERVICES),
        trusts("*"),
        PUBLIC,
        DANGER,
        "everybody with an AWS account may take the role",
    ),
    tells(
        "role: every AWS principal",
        ROLE,
        trusts(SERVICES),
        trusts({"AWS": "*"}),
        PUBLIC,
        DANGER,
        "may take the role",
    ),
    silent(
        "role: everybody under a condition",
        ROLE,
        trusts(SERVICES),
        trusts({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        PUBLIC,
    ),
    silent(
        "role: another service may take it",
        ROLE,
        trusts(SERVICES),
        trusts({"Service": "ecs.amazonaws.com"}),
        PUBLIC,
    ),
    tells(
        "queue: everybody",
        "aws:sqs/queuePolicy:QueuePolicy",
        queue_policy(SERVICES),
        queue_policy("*"),
        PUBLIC,
        DANGER,
        "sqs:SendMessage",
    ),
    tells(
        "topic: everybody",
        "aws:sns/topicPolicy:TopicPolicy",
        queue_policy(SERVICES),
        queue_policy("*"),
        PUBLIC,
        DANGER,
        "sqs:SendMessage",
    ),
    tells(
        "permission: replaced, the new one first",
        PERMISSION,
        lets("a"),
        lets("*"),
        Kind.REPLACED,
        CHANGE,
        "the new one comes first",
        replaces=["principal"],
        facts={"calls": Calls.SAFE},
    ),
    tells(
        "permission: replaced, the old one first",
        PERMISSION,
        lets("a"),
        lets("*"),
        Kind.REPLACED,
        DANGER,
        "refused until the new one is there",
        replaces=["principal"],
        delete_first=True,
    ),
    silent(
        "permission: everybody covers each one",
        PERMISSION,
        lets("a"),
        lets("*"),
        NARROWER,
        replaces=["principal"],
    ),
    tells(
        "permission: removed",
        PERMISSION,
        lets("a"),
        None,
        NARROWER,
        DANGER,
        "refused from then on",
        facts=REFUSED,
    ),
    silent("permission: removed is told once", PERMISSION, lets("a"), None, Kind.REMOVED),
]
for token in ("aws:rds/instance:Instance", "aws:rds/clusterInstance:ClusterInstance"):
    off, on = {"publiclyAccessible": False}, {"publiclyAccessible": True}
    CASES += [
        tells(
            f"{token}: an address on the internet",
            token,
            off,
            on,
            PUBLIC,
            DANGER,
            "an address on the internet",
        ),
        tells(f"{token}: no address any more", token, on, off, NARROWER, DANGER, "no longer reach it"),
    ]
SQL = "gcp:sql/databaseInstance:DatabaseInstance"
CASES += [
    tells(
        "cloud sql: the whole internet",
        SQL,
        {"settings": {"ipConfiguration": {"authorizedNetworks": [{"value": "10.1.0.0/16"}]}}},
        {"settings": {"ipConfiguration": {"authorizedNetworks": [{"value": "0.0.0.0/0"}]}}},
        PUBLIC,
        DANGER,
        "the whole internet may reach it",
    ),
]
