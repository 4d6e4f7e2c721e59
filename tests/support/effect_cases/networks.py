"""Ranges and pods that are let in, and no longer."""

from typing import Any

from modelberth.preview.effects import Kind
from modelberth.preview.effects.effect import Calls

from .case import CHANGE, DANGER, Case, silent, tells
from .policy_inputs import NARROWER, WIDER

GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"


def group(*ranges: str, port: int = 443) -> dict[str, Any]:
    return {"ingress": [{"protocol": "tcp", "fromPort": port, "toPort": port, "cidrBlocks": list(ranges)}]}


def policy(*namespaces: str) -> dict[str, Any]:
    peers = [{"namespaceSelector": {"matchLabels": {"name": namespace}}} for namespace in namespaces]
    return {"spec": {"podSelector": {}, "ingress": [{"from": peers, "ports": [{"port": 8080}]}]}}


def nsg(one: str) -> dict[str, Any]:
    return {
        "access": "Allow",
        "direction": "Inbound",
        "sourceAddressPrefix": one,
        "destinationPortRange": "443",
    }


def app(*ranges: str) -> dict[str, Any]:
    limits = [{"action": "Allow", "ipAddressRange": one, "name": one} for one in ranges]
    return {"configuration": {"ingress": {"external": True, "ipSecurityRestrictions": limits}}}


def sql(one: str) -> dict[str, Any]:
    return {"settings": {"ipConfiguration": {"authorizedNetworks": [{"value": one}]}}}


RANGES: dict[str, Any] = {
    GROUP: group,
    "aws:ec2/securityGroupRule:SecurityGroupRule": lambda one: {"type": "ingress", "cidrBlocks": [one]},
    INGRESS_RULE: lambda one: {"cidrIpv4": one, "ipProtocol": "-1"},
    "aws:eks/cluster:Cluster": lambda one: {
        "vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": [one]}
    },
    "gcp:compute/firewall:Firewall": lambda one: {
        "allows": [{"protocol": "tcp", "ports": ["443"]}],
        "sourceRanges": [one],
    },
    "gcp:sql/databaseInstance:DatabaseInstance": sql,
    "gcp:container/cluster:Cluster": lambda one: {
        "masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": one}]}
    },
    "azure-native:network:NetworkSecurityGroup": lambda one: {"securityRules": [nsg(one)]},
    "azure-native:network:SecurityRule": nsg,
    "azure-native:app:ContainerApp": app,
    "azure-native:containerservice:ManagedCluster": lambda one: {
        "apiServerAccessProfile": {"authorizedIPRanges": [one]}
    },
    "azure-native:storage:StorageAccount": lambda one: {
        "publicNetworkAccess": "Disabled",
        "networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": one}]},
    },
    "kubernetes:core/v1:Service": lambda one: {
        "spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": [one]}
    },
    NETWORK_POLICY: lambda one: {"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": one}}]}]}},
}

CASES: list[Case] = []
for token, inputs in RANGES.items():
    narrow, wide = inputs("10.1.0.0/16"), inputs("10.0.0.0/12")
    CASES += [
        tells(
            f"{token}: a wider range",
            token,
            narrow,
            wide,
            WIDER,
            CHANGE,
            "lets in '10.0.0.0/12'",
            facts={"of_callers": True, "calls": Calls.SAFE},
        ),
        silent(f"{token}: a wider range refuses nobody", token, narrow, wide, NARROWER),
        tells(
            f"{token}: a narrower range",
            token,
            wide,
            narrow,
            NARROWER,
            DANGER,
            "no longer lets in '10.0.0.0/12'",
            facts={"of_callers": True, "calls": Calls.MAY_FAIL},
        ),
        silent(f"{token}: a narrower range lets nobody in", token, wide, narrow, WIDER),
    ]

CASES += [
    tells(
        "a whole private network",
        GROUP,
        group("10.1.0.0/16"),
        group("10.0.0.0/8"),
        WIDER,
        DANGER,
        "'10.0.0.0/8'",
    ),
    tells(
        "addresses of the internet",
        GROUP,
        group("10.1.0.0/16"),
        group("10.1.0.0/16", "8.8.0.0/24"),
        WIDER,
        DANGER,
        "'8.8.0.0/24' (port 443)",
    ),
    tells(
        "the half of the internet",
        GROUP,
        group("10.1.0.0/16"),
        group("0.0.0.0/1"),
        WIDER,
        DANGER,
        "'0.0.0.0/1'",
    ),
    silent("all of the internet is told as exposure", GROUP, group("10.1.0.0/16"), group("0.0.0.0/0"), WIDER),
    silent("all of the internet refuses nobody", GROUP, group("10.1.0.0/16"), group("0.0.0.0/0"), NARROWER),
    tells(
        "another port",
        GROUP,
        group("10.1.0.0/16"),
        group("10.1.0.0/16", port=22),
        NARROWER,
        DANGER,
        "(port 443)",
    ),
    silent(
        "the same ranges in another order",
        GROUP,
        group("10.1.0.0/16", "10.2.0.0/16"),
        group("10.2.0.0/16", "10.1.0.0/16"),
        NARROWER,
    ),
    silent(
        "ranges of IPv6 and IPv4 do not cover each other",
        GROUP,
        group("fd00::/8"),
        group("fd00::/8"),
        NARROWER,
    ),
    tells(
        "a peer goes",
        NETWORK_POLICY,
        policy("storefront", "search"),
        policy("search"),
        NARROWER,
        DANGER,
        "namespaces with name='storefront' (port 8080)",
        facts={"calls": Calls.MAY_FAIL},
    ),
    tells(
        "a peer is swapped",
        NETWORK_POLICY,
        policy("storefront"),
        policy("search"),
        NARROWER,
        DANGER,
        "name='storefront'",
    ),
    tells(
        "a peer comes",
        NETWORK_POLICY,
        policy("storefront"),
        policy("storefront", "search"),
        WIDER,
        CHANGE,
        "name='search'",
    ),
    silent("peers in another order", NETWORK_POLICY, policy("a", "b"), policy("b", "a"), NARROWER),
    tells(
        "a list where there was none",
        "azure-native:app:ContainerApp",
        app(),
        app("203.0.113.0/24"),
        NARROWER,
        DANGER,
        "whoever is not in its new list",
    ),
    silent(
        "a list that goes is told as exposure",
        "azure-native:app:ContainerApp",
        app("203.0.113.0/24"),
        app(),
        WIDER,
    ),
    tells(
        "a list that goes",
        "azure-native:app:ContainerApp",
        app("203.0.113.0/24"),
        app(),
        Kind.NEWLY_PUBLIC,
        DANGER,
        "the whole internet may reach it",
    ),
]
