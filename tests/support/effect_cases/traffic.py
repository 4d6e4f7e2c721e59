"""Which share of the calls goes where."""

import json

from modelberth.preview.effects import Kind
from modelberth.preview.plan import Marker

from .case import CHANGE, Case, silent, tells
from .serving_inputs import ALIAS, APP, CONFIG, KSERVE, ML, ROUTE, RUN, SERVICE, VERTEX, variants

CASES: list[Case] = [
    tells(
        "alias: a split",
        ALIAS,
        {"functionVersion": "1", "routingConfig": {"additionalVersionWeights": {"2": 0.1}}},
        {"functionVersion": "1", "routingConfig": {"additionalVersionWeights": {"2": 0.5}}},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "version '2' 10% → 50%",
        "version '1' 90% → 50%",
    ),
    silent(
        "alias: the same split",
        ALIAS,
        {
            "functionVersion": "1",
            "description": "a",
            "routingConfig": {"additionalVersionWeights": {"2": 0.1}},
        },
        {
            "functionVersion": "1",
            "description": "b",
            "routingConfig": {"additionalVersionWeights": {"2": 0.1}},
        },
        Kind.TRAFFIC_MOVED,
    ),
    tells(
        "sagemaker: weights",
        CONFIG,
        variants(9, 1),
        variants(1, 1),
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "variant 'v1' 90% → 50%",
        "variant 'v2' 10% → 50%",
        replaces=["productionVariants"],
    ),
    silent(
        "sagemaker: the same shares",
        CONFIG,
        variants(1, 1),
        variants(5, 5),
        Kind.TRAFFIC_MOVED,
        replaces=["productionVariants"],
    ),
    tells(
        "cloud run: percent",
        RUN,
        {
            "traffics": [
                {"revision": "a", "percent": 90},
                {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 10},
            ]
        },
        {
            "traffics": [
                {"revision": "a", "percent": 50},
                {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 50},
            ]
        },
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "revision 'a' 90% → 50%",
        "the newest revision 10% → 50%",
    ),
    tells(
        "cloud run v1: percent",
        "gcp:cloudrun/service:Service",
        {"traffics": [{"latestRevision": True, "percent": 100}]},
        {"traffics": [{"revisionName": "a", "percent": 100}]},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "revision 'a' 0% → 100%",
    ),
    silent(
        "cloud run: a tag",
        RUN,
        {"traffics": [{"revision": "a", "percent": 100}]},
        {"traffics": [{"revision": "a", "percent": 100, "tag": "x"}]},
        Kind.TRAFFIC_MOVED,
    ),
    silent(
        "cloud run: not known yet",
        RUN,
        {"traffics": [{"revision": "a", "percent": 100}]},
        {"traffics": [{"revision": "a", "percent": Marker.UNKNOWN}]},
        Kind.TRAFFIC_MOVED,
    ),
    tells(
        "vertex: split as JSON",
        VERTEX,
        {"trafficSplit": json.dumps({"1": 100})},
        {"trafficSplit": json.dumps({"1": 80, "2": 20})},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "deployed model '2' 0% → 20%",
    ),
    silent(
        "vertex: the same split, written otherwise",
        VERTEX,
        {"trafficSplit": '{"1":80,"2":20}'},
        {"trafficSplit": '{"2": 20, "1": 80}'},
        Kind.TRAFFIC_MOVED,
    ),
    tells(
        "container app: weights",
        APP,
        {"configuration": {"ingress": {"traffic": [{"revisionName": "a", "weight": 100}]}}},
        {
            "configuration": {
                "ingress": {
                    "traffic": [{"revisionName": "a", "weight": 75}, {"latestRevision": True, "weight": 25}]
                }
            }
        },
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "revision 'a' 100% → 75%",
        "the newest revision 0% → 25%",
    ),
    silent(
        "container app: another port",
        APP,
        {"configuration": {"ingress": {"targetPort": 80}}},
        {"configuration": {"ingress": {"targetPort": 81}}},
        Kind.TRAFFIC_MOVED,
    ),
    tells(
        "azure ml: traffic",
        ML,
        {"properties": {"traffic": {"blue": 100, "green": 0}}},
        {"properties": {"traffic": {"blue": 90, "green": 10}}},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "deployment 'green' 0% → 10%",
    ),
    silent(
        "azure ml: a new deployment without traffic",
        ML,
        {"properties": {"traffic": {"blue": 100}}},
        {"properties": {"traffic": {"blue": 100, "green": 0}}},
        Kind.TRAFFIC_MOVED,
    ),
    tells(
        "route: weights",
        ROUTE,
        {"spec": {"rules": [{"backendRefs": [{"name": "a", "weight": 9}, {"name": "b", "weight": 1}]}]}},
        {"spec": {"rules": [{"backendRefs": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]}]}},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "backend 'a' 90% → 50%",
    ),
    tells(
        "route: rules are counted apart",
        ROUTE,
        {"spec": {"rules": [{"backendRefs": [{"name": "a"}]}, {"backendRefs": [{"name": "a"}]}]}},
        {"spec": {"rules": [{"backendRefs": [{"name": "a"}]}, {"backendRefs": [{"name": "b"}]}]}},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "backend 'b' of rule 2 0% → 100%",
    ),
    silent(
        "route: another timeout",
        ROUTE,
        {"spec": {"rules": [{"backendRefs": [{"name": "a"}], "timeouts": {"request": "1s"}}]}},
        {"spec": {"rules": [{"backendRefs": [{"name": "a"}], "timeouts": {"request": "2s"}}]}},
        Kind.TRAFFIC_MOVED,
    ),
    tells(
        "kserve: canary",
        KSERVE,
        {"spec": {"predictor": {"canaryTrafficPercent": 10}}},
        {"spec": {"predictor": {"canaryTrafficPercent": 50}}},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "the newest revision 10% → 50%",
    ),
    silent(
        "kserve: canary is no new predictor",
        KSERVE,
        {"spec": {"predictor": {"canaryTrafficPercent": 10}}},
        {"spec": {"predictor": {"canaryTrafficPercent": 50}}},
        Kind.ROLLING,
    ),
    tells(
        "service: other pods",
        SERVICE,
        {"spec": {"selector": {"color": "blue"}}},
        {"spec": {"selector": {"color": "green"}}},
        Kind.TRAFFIC_MOVED,
        CHANGE,
        "go to other pods at once",
    ),
]
