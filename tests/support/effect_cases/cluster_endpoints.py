"""Changes of an endpoint's config on target Kubernetes, seen in its own objects."""

from dataclasses import replace
from typing import Any

from modelberth.kubernetes.plan import Plan
from modelberth.preview.effects import Kind
from modelberth.preview.effects.effect import Calls
from modelberth.preview.plan import Op
from support import engine_modes
from support.endpoint_changes import API_KEY, change
from support.endpoint_plans import PREVIOUS, REMOTE, canary, plan
from support.route_modes import GATEWAY, INGRESS, ISSUER, JWT, routed
from support.workload_modes import GPU, of_engine

from .case import CHANGE, DANGER, Case, Severity, silent, tells

SAFE, MAY_FAIL, UNKNOWN = Calls.SAFE, Calls.MAY_FAIL, Calls.UNKNOWN
NEW = {**REMOTE, "version": "4", "uri": "s3://models/iris/4.onnx", "sha256": "c" * 64}
THREE = {"min": 3, "max": 3}
SCALED = {"min": 3, "max": 6, "metric": "cpu"}
KEDA = {"kind": "keda", "prometheus": "http://prometheus.monitoring:9090"}
CLAIM = {"gpu": {"kind": "device_claim"}}
SURGE = {"strategy": "rolling", "max_surge": 1}
HEADER = {"name": "x-canary", "value": "always"}
BLUE_GREEN = {"strategy": "blue_green", "previous": PREVIOUS}
SHADOW = {"strategy": "shadow", "previous": PREVIOUS, "percent": 10}
ENVOY = {**GATEWAY, "envoy": True}
JWKS = {**ENVOY, "jwks": "https://login.example.com/keys"}
LLM = {**engine_modes.WEIGHTS, "uri": "s3://models/llama-4", "version": "4"}
OLD, LATER = "deployment-m67cbca9b", "deployment-m3f38859f"


def case(
    name: str,
    before: Plan | None,
    after: Plan | None,
    role: str,
    kind: Kind,
    severity: Severity | None,
    *says: str,
    calls: Calls | None = None,
    of: str = "",
    **facts: Any,
) -> Case:
    """The case of one object, of type `of` where two have the role, among all of the endpoint's."""
    planned, _ = change(before, after)
    (step,) = [one for one in planned.steps if one.custom and one.name == role and one.type.endswith(of)]
    return Case(
        name=f"kubernetes: {name}",
        step=step,
        others=tuple(one for one in planned.steps[1:] if one is not step),
        kind=kind,
        severity=severity,
        says=says,
        facts={**facts, **({} if calls is None else {"calls": calls})},
    )


def in_place(told: Case) -> Case:
    """The case where the provider updates what others replace (`enableConfigMapMutable`)."""
    kept = tuple(replace(one, replaces=False) for one in told.step.differences)
    updated = replace(told.step, op=Op.UPDATE, differences=kept, delete_first=False)
    return replace(told, name=f"{told.name}, in place", step=updated)


def gateway(**spec: Any) -> Plan:
    return routed(GATEWAY, scaling=THREE, **spec)


def ingress(**spec: Any) -> Plan:
    return routed(INGRESS, {"certificates": ISSUER}, scaling=THREE, **spec)


def gpus(target: dict[str, Any] | None = None, **spec: Any) -> Plan:
    return plan(target, **{"resources": GPU, "scaling": THREE, **spec})


def reached(**service: Any) -> Plan:
    return plan({"route": {"kind": "service", **service}})


def allowed(*egress: str) -> Plan:
    return plan(security={"network": {"egress": list(egress)}} if egress else {})


def two(step: int = 1, **more: Any) -> Plan:
    return gateway(rollout=canary(step, **more))


ALONE = gateway(model=PREVIOUS, rollout={"strategy": "canary"})
DONE = gateway(rollout={"strategy": "canary"})
SWITCHED = ({**BLUE_GREEN, "active": "previous"}, {**BLUE_GREEN, "active": "new"})
TRAFFIC = [
    case(
        "a canary begins",
        ALONE,
        two(1),
        "route",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        f"`{LATER}` (version '3') 0% → 10%",
        f"`{OLD}` (version '2') 100% → 90%",
        calls=SAFE,
    ),
    case(
        "its next step",
        two(1),
        two(2),
        "route",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "10% → 50%",
        "90% → 50%",
        calls=SAFE,
    ),
    case("its last step", two(2), two(3), "route", Kind.TRAFFIC_MOVED, CHANGE, "50% → 100%", calls=SAFE),
    case(
        "the way back",
        two(2),
        two(0),
        "route",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "version '2') 50% → 100%",
        calls=SAFE,
    ),
    case("a canary ends", two(3), DONE, "route", Kind.TRAFFIC_MOVED, None),
    case(
        "a canary ends by other Services",
        two(3),
        DONE,
        "route",
        Kind.IN_PLACE,
        CHANGE,
        "same pods",
        calls=SAFE,
    ),
    case(
        "a header picks the new model",
        two(1),
        two(1, header=HEADER),
        "route",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "of the calls with header x-canary 'always' 10% → 100%",
    ),
    case(
        "a step beside a header",
        two(1, header=HEADER),
        two(2, header=HEADER),
        "route",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "(version '3') 10% → 50%",
    ),
    case(
        "blue-green by the Service",
        plan(rollout=SWITCHED[0], scaling=THREE),
        plan(rollout=SWITCHED[1], scaling=THREE),
        "service",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        f"All calls to `service` go to `{LATER}` (version '3') instead of `{OLD}` (version '2') at once",
        calls=SAFE,
    ),
    case(
        "blue-green by an Ingress",
        ingress(rollout=SWITCHED[0]),
        ingress(rollout=SWITCHED[1]),
        "route",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        f"`{LATER}` (version '3') 0% → 100%",
        calls=SAFE,
    ),
    case(
        "a shadow gets more copies",
        gateway(rollout=SHADOW),
        gateway(rollout={**SHADOW, "percent": 50}),
        "route",
        Kind.TRAFFIC_MOVED,
        CHANGE,
        f"are copied to `{LATER}` (version '3') 10% → 50%; their answers are dropped",
        calls=SAFE,
    ),
    case(
        "another Gateway",
        gateway(),
        routed({**GATEWAY, "gateway": "private"}, scaling=THREE),
        "route",
        Kind.ADDRESS_CHANGED,
        DANGER,
        "another Gateway",
        calls=MAY_FAIL,
    ),
    case(
        "less time at the route",
        gateway(limits={"timeout": "60s"}),
        gateway(limits={"timeout": "5s"}),
        "route",
        Kind.IN_PLACE,
        CHANGE,
        "take longer fail",
        calls=MAY_FAIL,
    ),
    case(
        "more time at the route",
        gateway(limits={"timeout": "5s"}),
        gateway(limits={"timeout": "60s"}),
        "route",
        Kind.IN_PLACE,
        CHANGE,
        "may take longer",
        calls=SAFE,
    ),
]
LIFE = [
    case(
        "a new revision starts",
        ALONE,
        two(1),
        LATER,
        Kind.CREATED,
        CHANGE,
        "starts 3 replicas of version '3'",
    ),
    case(
        "a new revision with GPUs",
        gpus(
            {"route": GATEWAY}, rollout={"strategy": "canary"}, security={"tls": {"domain": "a.example.com"}}
        ),
        gpus(
            {"route": GATEWAY},
            rollout=canary(1, previous=REMOTE),
            model=NEW,
            security={"tls": {"domain": "a.example.com"}},
        ),
        "deployment-mc8aa0ca4",
        Kind.CREATED,
        CHANGE,
        "with 2 GPUs each",
        calls=SAFE,
    ),
    case("a revision that nothing leads to", two(3), DONE, OLD, Kind.REMOVED, CHANGE, "no call", calls=SAFE),
    case(
        "its Service",
        two(3),
        DONE,
        "service-m67cbca9b",
        Kind.REMOVED,
        CHANGE,
        "no call goes to it",
        calls=SAFE,
    ),
    case(
        "its budget",
        two(3),
        DONE,
        "disruption-budget-m67cbca9b",
        Kind.REMOVED,
        CHANGE,
        f"goes with `{OLD}`",
        calls=SAFE,
    ),
    case(
        "the budget of a new one",
        ALONE,
        two(1),
        "disruption-budget-m3f38859f",
        Kind.CREATED,
        CHANGE,
        "comes with",
    ),
    case("the whole endpoint's Deployment", plan(), None, "deployment", Kind.REMOVED, DANGER, calls=MAY_FAIL),
    case(
        "a configuration that pods read",
        of_engine("tensorflow-serving"),
        of_engine("tensorflow-serving", runtime={"batching": {"max_size": 8}}),
        "config",
        Kind.REPLACED,
        CHANGE,
        "keep the one before",
        calls=SAFE,
    ),
    case(
        "rules of alerts anew",
        plan(),
        plan(monitoring={"slo": {}}),
        "rules",
        Kind.REPLACED,
        CHANGE,
        calls=SAFE,
    ),
    case(
        "no dashboard",
        plan(),
        plan({"prometheus": {"grafana": False}}),
        "dashboard",
        Kind.REMOVED,
        CHANGE,
        "no pod of the endpoint reads it",
        calls=SAFE,
    ),
    in_place(
        case(
            "other rules",
            plan(),
            plan(monitoring={"slo": {"availability": 99.5}}),
            "rules",
            Kind.IN_PLACE,
            CHANGE,
            "is written anew; no pod of the endpoint reads it",
            calls=SAFE,
        )
    ),
    case(
        "KEDA while another autoscaler is there",
        plan(scaling=SCALED),
        plan({"scaler": KEDA}, scaling=SCALED),
        "autoscaler",
        Kind.REFUSED,
        None,
        of=":ScaledObject",
    ),
    case(
        "KEDA has an heir",
        plan({"scaler": KEDA}, scaling=SCALED),
        plan(scaling=SCALED),
        "autoscaler",
        Kind.REMOVED,
        CHANGE,
        "gives way to",
        of=":ScaledObject",
    ),
    case(
        "an autoscaler with an heir",
        plan(scaling=SCALED),
        plan({"scaler": KEDA}, scaling=SCALED),
        "autoscaler",
        Kind.REMOVED,
        CHANGE,
        "gives way to",
        of=":HorizontalPodAutoscaler",
    ),
    case("a budget that stays", plan(), plan(model=NEW), "disruption-budget", Kind.REMOVED, None),
]
ROLLING = [
    case(
        "a model",
        plan(scaling=THREE),
        plan(scaling=THREE, model=NEW),
        "deployment",
        Kind.ROLLING,
        CHANGE,
        calls=SAFE,
    ),
    case(
        "variables are told by name",
        plan(),
        plan(limits={"concurrency": 7}),
        "deployment",
        Kind.ROLLING,
        CHANGE,
        "env.MODELBERTH_MAX_CONCURRENCY` '64' → '7').",
    ),
    case(
        "recreate",
        plan(rollout={"strategy": "recreate"}),
        plan(rollout={"strategy": "recreate"}, model=NEW),
        "deployment",
        Kind.REPLACED,
        DANGER,
        "it is down",
        calls=MAY_FAIL,
    ),
    case(
        "GPUs without a spare one",
        gpus(),
        gpus(model=NEW),
        "deployment",
        Kind.ROLLING,
        CHANGE,
        "no further GPU has to be free: it serves with 2 of 3 replicas",
        extra_gpus=0,
    ),
    case(
        "one replica with GPUs",
        gpus(scaling={"max": 1}),
        gpus(scaling={"max": 1}, model=NEW),
        "deployment",
        Kind.REPLACED,
        DANGER,
        "only 1 replica: it is down",
    ),
    case(
        "GPUs with a spare one",
        gpus(rollout=SURGE),
        gpus(rollout=SURGE, model=NEW),
        "deployment",
        Kind.ROLLING,
        CHANGE,
        "2 more GPUs for that time",
        extra_gpus=2,
    ),
    case(
        "claims of devices are GPUs",
        gpus(CLAIM, rollout=SURGE),
        gpus(CLAIM, rollout=SURGE, model=NEW),
        "deployment",
        Kind.ROLLING,
        CHANGE,
        "2 more GPUs for that time",
        extra_gpus=2,
    ),
    case(
        "a larger claim",
        gpus(CLAIM),
        gpus(CLAIM, resources={**GPU, "gpu": {"kind": "l4", "count": 4}}),
        "deployment",
        Kind.ROLLING,
        CHANGE,
        "6 more GPUs from then on",
    ),
    case(
        "KServe's Deployment",
        engine_modes.kserve(scaling=THREE),
        engine_modes.kserve(scaling=THREE, model=NEW),
        "inference-service",
        Kind.ROLLING,
        CHANGE,
        "before old ones stop",
        calls=SAFE,
    ),
    case(
        "KServe's language model",
        engine_modes.kserve("vllm"),
        engine_modes.kserve("vllm", model=LLM),
        "inference-service",
        Kind.ROLLING,
        CHANGE,
        "2 more GPUs for that time",
        extra_gpus=2,
    ),
    case(
        "Ray's second cluster",
        engine_modes.ray(),
        engine_modes.ray(model=LLM),
        "ray-service",
        Kind.ROLLING,
        CHANGE,
        "a second cluster beside the first",
        extra_gpus=2,
    ),
]
ENGINES = [
    case(f"{name} starts beside others", before, after, role, Kind.CREATED, CHANGE, "starts 1 replica", of=of)
    for name, before, after, role, of in (
        (
            "KServe",
            plan(),
            engine_modes.kserve(),
            "inference-service",
            ":InferenceService",
        ),
        (
            "KServe's language model",
            engine_modes.kserve("triton", resources=GPU),
            engine_modes.kserve("vllm"),
            "inference-service",
            ":LLMInferenceService",
        ),
        ("Ray", engine_modes.kserve("vllm"), engine_modes.ray(), "ray-service", ""),
    )
] + [
    case(f"{name} goes", before, None, role, Kind.REMOVED, DANGER, "calls to it fail", calls=MAY_FAIL)
    for name, before, role in (
        ("KServe's language model", engine_modes.kserve("vllm"), "inference-service"),
        ("Ray", engine_modes.ray(), "ray-service"),
    )
]
COUNTS = [
    case(
        "replicas are left to an autoscaler",
        plan(scaling=THREE),
        plan(scaling=SCALED),
        "deployment",
        Kind.COUNT_RESET,
        None,
    ),
    case(
        "replicas are fixed again",
        plan(scaling=SCALED),
        plan(scaling=THREE),
        "deployment",
        Kind.COUNT_RESET,
        DANGER,
        "whatever `autoscaler` had scaled it to; until that goes, it may do so once more",
    ),
    case(
        "nothing is reset",
        plan(scaling=SCALED),
        plan(scaling=SCALED, model=NEW),
        "deployment",
        Kind.COUNT_RESET,
        None,
    ),
    case(
        "fewer replicas",
        plan(scaling=THREE),
        plan(scaling={"min": 2, "max": 2}),
        "deployment",
        Kind.IN_PLACE,
        CHANGE,
        "Fewer replicas",
        calls=MAY_FAIL,
    ),
]
ACCESS = [
    case(
        "a caller less",
        reached(),
        reached(callers=["shop"]),
        "network",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "no longer lets in every namespace (port 8080)",
    ),
    case(
        "a caller less is none more",
        reached(),
        reached(callers=["shop"]),
        "network",
        Kind.PERMISSIONS_WIDENED,
        None,
    ),
    case(
        "a caller more",
        reached(callers=["shop"]),
        reached(callers=["shop", "crm"]),
        "network",
        Kind.PERMISSIONS_WIDENED,
        CHANGE,
        "lets in namespace 'crm' (port 8080) as well",
    ),
    case(
        "a way out more",
        allowed(),
        allowed("10.0.0.0/8"),
        "network",
        Kind.PERMISSIONS_WIDENED,
        CHANGE,
        "connect to '10.0.0.0/8' as well",
    ),
    case(
        "a way out less",
        allowed("10.0.0.0/8"),
        allowed(),
        "network",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "no longer lets its pods connect to '10.0.0.0/8'",
    ),
    case(
        "the network goes with KServe's pods", engine_modes.kserve(), None, "network", Kind.NEWLY_PUBLIC, None
    ),
    case(
        "nobody is asked any more",
        plan(),
        plan(security={"auth": {"kind": "none"}}),
        "deployment",
        Kind.NEWLY_PUBLIC,
        DANGER,
        "whoever reaches it may call",
    ),
    case(
        "callers are asked",
        plan(security={"auth": {"kind": "none"}}),
        plan(),
        "deployment",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "asks its callers who they are now",
        calls=MAY_FAIL,
    ),
    case(
        "tokens for somebody else",
        plan(security={"auth": JWT}),
        plan(security={"auth": {**JWT, "audience": "other"}}),
        "deployment",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "`MODELBERTH_JWT_AUDIENCE` 'iris' → 'other'",
        of_callers=True,
    ),
    case(
        "another Secret of keys",
        plan(security={"auth": {"kind": "api_key", "secret": "a"}}),
        plan(security={"auth": {"kind": "api_key", "secret": "b"}}),
        "deployment",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "from another Secret",
    ),
    case(
        "a certificate of callers",
        plan({"route": {"kind": "service", "tls": True}, "certificates": ISSUER}),
        plan({"route": {"kind": "service", "tls": True, "client_ca": "ca"}, "certificates": ISSUER}),
        "deployment",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "calls without one are refused",
    ),
    case(
        "fewer at once",
        plan(),
        plan(limits={"concurrency": 7}),
        "deployment",
        Kind.IN_PLACE,
        CHANGE,
        "fewer calls at once",
        calls=MAY_FAIL,
    ),
    case("more at once", plan(), plan(limits={"concurrency": 70}), "deployment", Kind.IN_PLACE, None),
    case(
        "KServe: callers",
        engine_modes.kserve(),
        engine_modes.kserve(security={"auth": JWT}),
        "inference-service",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "another proof",
    ),
    case(
        "KServe: a limit",
        engine_modes.kserve(),
        engine_modes.kserve(limits={"max_body": "1Ki"}),
        "inference-service",
        Kind.IN_PLACE,
        CHANGE,
        "larger requests",
    ),
    case(
        "the Gateway asks nobody, the server does",
        routed(JWKS, security={"auth": JWT}),
        routed(ENVOY, security={"auth": JWT}),
        "security-policy",
        Kind.REMOVED,
        CHANGE,
        "the server still asks callers",
        calls=SAFE,
    ),
    case(
        "the Gateway asks for other tokens",
        routed(JWKS, security={"auth": JWT}),
        routed(JWKS, security={"auth": {**JWT, "audience": "other"}}),
        "security-policy",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "another proof",
    ),
    case(
        "a lower rate",
        routed(ENVOY, limits={"requests_per_second": 50}),
        routed(ENVOY, limits={"requests_per_second": 0.5}),
        "traffic-policy",
        Kind.IN_PLACE,
        CHANGE,
        "lets 0.5 calls a second through",
        calls=MAY_FAIL,
    ),
    case(
        "the certificate of another host",
        ingress(),
        ingress(security={"tls": {"domain": "other.example.com"}}),
        "certificate",
        Kind.ADDRESS_CHANGED,
        DANGER,
        "no longer for 'iris.example.com'",
    ),
    case(
        "no key any more",
        plan(),
        plan(security={"auth": {"kind": "none"}}),
        "api-key",
        Kind.REMOVED,
        CHANGE,
        calls=SAFE,
    ),
    case(
        "keys give way to tokens",
        plan(),
        plan(security={"auth": JWT}),
        "api-key",
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "calls with the key of now are refused",
    ),
]
KEY = {"name": "iris-api-keys", "namespace": "modelberth", "endpoint": "iris"}
KEYS = [
    tells(
        "api key: a new one",
        API_KEY,
        {**KEY, "rotation": "1"},
        {**KEY, "rotation": "2"},
        Kind.KEY_CHANGED,
        CHANGE,
        "gets a new key (`rotation` '1' → '2'): the one of now is valid until the next rotation",
        facts={"calls": SAFE},
    ),
    silent(
        "api key: labels", API_KEY, {**KEY, "labels": {}}, {**KEY, "labels": {"a": "b"}}, Kind.KEY_CHANGED
    ),
    tells(
        "api key: damaged",
        API_KEY,
        {**KEY, "status": "damaged"},
        {**KEY, "status": "valid"},
        Kind.KEY_CHANGED,
        DANGER,
        "does not take the one that it has",
        facts={"calls": MAY_FAIL},
    ),
    tells(
        "api key: of another name",
        API_KEY,
        KEY,
        {**KEY, "name": "other"},
        Kind.PERMISSIONS_NARROWED,
        DANGER,
        "is made anew, with another key",
        replaces=["name"],
    ),
]
CASES: list[Case] = [*KEYS, *TRAFFIC, *LIFE, *ROLLING, *ENGINES, *COUNTS, *ACCESS]
