"""Amazon: every sum is worked out by hand beside it, from the prices in the shipped file."""

from typing import Any

import pytest

from modelberth.preview.plan import Marker, Op, Step
from support.costs import cost, load, provider, step, usd, why

AWS = provider("aws", region="us-east-1")
G5 = 1.408
MONTH = 730


def function(**inputs: Any) -> Step:
    return step("aws:lambda/function:Function", {"timeout": 30, "name": "iris", **inputs}, "iris")


def sagemaker(*targets: Step, **variant: Any) -> list[Step]:
    variant = {"variantName": "main", "instanceType": "ml.g5.xlarge", "initialInstanceCount": 1, **variant}
    config = step(
        "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
        {"productionVariants": [variant]},
        "config",
    )
    inputs = {"endpointConfigName": Marker.UNKNOWN, "name": "iris"}
    return [config, step("aws:sagemaker/endpoint:Endpoint", inputs, "endpoint"), *targets]


def target(low: int, high: int, **inputs: Any) -> Step:
    bounds = {"minCapacity": low, "maxCapacity": high, "serviceNamespace": "sagemaker"}
    return step(
        "aws:appautoscaling/target:Target", {**bounds, "resourceId": Marker.UNKNOWN, **inputs}, "target"
    )


def test_lambda_on_arm64() -> None:
    found = cost(function(memorySize=1024, architectures=["arm64"]), around=[AWS])
    # requests: 1 x 0.20; duration: 1,000,000 x 0.1 s x 1 GB = 100,000 GB-s x 0.0000133334
    assert usd(found)[:2] == (0, round(0.20 + 1.33334, 4))
    # 1,000 at a time for 2,628,000 s: 26,280 M requests x 0.20; 2,628,000,000 GB-s x 0.0000133334
    assert usd(found)[2] == round(5256 + 35_040.1752, 4)
    assert found.unpriced == ()
    assert [line.price for line in found.expected.lines] == [
        "aws.lambda.requests.arm64@us-east-1",
        "aws.lambda.duration.arm64@us-east-1",
    ]
    assert found.usd_per_1k_requests(1_000_000) == pytest.approx(0.00153334)
    assert found.usd_per_1k_requests(0) is None
    assert "1,000,000 requests a month of 100ms each, spread evenly over it" in found.assumptions
    assert any("1,000 executions at a time" in said for said in found.assumptions)


def test_lambda_defaults_are_those_of_lambda() -> None:
    # 128 MB on x86_64, a timeout of 3 s: 100,000 s x 0.125 GB = 12,500 GB-s x 0.0000166667
    found = cost(step("aws:lambda/function:Function"), around=[AWS])
    assert usd(found)[1] == round(0.20 + 12_500 * 0.0000166667, 4)


def test_lambda_with_more_tmp_and_a_reserved_concurrency() -> None:
    inputs = {"memorySize": 2048, "ephemeralStorage": {"size": 1536}, "reservedConcurrentExecutions": 10}
    found = cost(function(**inputs), around=[AWS])
    # 200,000 GB-s x 0.0000166667 + 100,000 s x 1 GB x 0.0000000309
    assert usd(found)[1] == round(0.20 + 3.33334 + 0.00309, 4)
    # ten at a time: 26,280,000 s; 262.8 M requests, 52,560,000 GB-s, 26,280,000 GB-s of /tmp
    assert usd(found)[2] == round(52.56 + 52_560_000 * 0.0000166667 + 26_280_000 * 0.0000000309, 4)
    assert not any("executions at a time" in said for said in found.assumptions)


def test_a_request_is_billed_until_the_timeout() -> None:
    found = cost(function(timeout=1, memorySize=1024), around=[AWS], expected=load(1000, "5s"))
    assert found.expected.lines[1].quantity == pytest.approx(1000)
    assert any("timeout, before 5 s" in said for said in found.assumptions)


@pytest.mark.parametrize(
    ("requests", "sums"),
    [
        # 1 s of 1 GB each, so a request is a GB-s; tiers of x86_64 end at 6,000,000,000 and 15,000,000,000
        (6_000_000_000, [(6_000_000_000, 0.0000166667)]),
        (6_000_000_001, [(6_000_000_000, 0.0000166667), (1, 0.000015)]),
        (15_000_000_000, [(6_000_000_000, 0.0000166667), (9_000_000_000, 0.000015)]),
        (
            16_000_000_000,
            [(6_000_000_000, 0.0000166667), (9_000_000_000, 0.000015), (1_000_000_000, 0.0000133334)],
        ),
    ],
)
def test_the_tiers_of_lambda(requests: int, sums: list[tuple[int, float]]) -> None:
    inputs = {"memorySize": 1024, "reservedConcurrentExecutions": 10_000}
    found = cost(function(**inputs), around=[AWS], expected=load(requests, "1s"))
    lines = [line for line in found.expected.lines if "duration" in line.price]
    assert [line.quantity for line in lines] == pytest.approx([quantity for quantity, _ in sums])
    assert sum(line.usd for line in lines) == pytest.approx(sum(quantity * price for quantity, price in sums))


def provisioned(**inputs: Any) -> Step:
    kind = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
    return step(kind, {"functionName": "iris", "provisionedConcurrentExecutions": 2, **inputs}, "warm")


def test_provisioned_concurrency_is_billed_at_zero_traffic() -> None:
    found = cost(function(memorySize=1024, architectures=["arm64"]), provisioned(), around=[AWS])
    # 2 x 2,628,000 s x 1 GB x 0.0000033334
    warm = 5_256_000 * 0.0000033334
    assert usd(found)[0] == round(warm, 4)
    # on average 0.04 requests are in progress: all of them on what is warm, at 0.0000077778
    assert usd(found)[1] == round(0.20 + warm + 100_000 * 0.0000077778, 4)
    # 1,000 at a time: 2 of them on what is warm, 998 x 2,628,000 s at 0.0000133334
    rest = 5_256_000 * 0.0000077778 + 998 * 2_628_000 * 0.0000133334
    assert usd(found)[2] == round(5256 + warm + rest, 4)


def test_provisioned_concurrency_that_is_scaled() -> None:
    scaled = target(1, 5, serviceNamespace="lambda", resourceId="function:iris:live")
    found = cost(function(memorySize=1024), provisioned(), scaled, around=[AWS], expected=load(105_120_000))
    # 105,120,000 x 0.1 s are 4 at a time
    warm = [line for line in found.expected.lines if line.price.startswith("aws.lambda.provisioned.")]
    assert [line.quantity for line in warm] == [4 * 2_628_000]
    assert [line.quantity for line in found.least.lines] == [2_628_000]


def test_sagemaker_between_its_bounds() -> None:
    found = cost(*sagemaker(target(1, 4, resourceId="endpoint/iris/variant/main")), around=[AWS])
    assert usd(found) == (round(G5 * MONTH, 4), round(G5 * MONTH, 4), round(4 * G5 * MONTH, 4))
    assert "endpoint: one ml.g5.xlarge takes 1 requests at a time" in found.assumptions
    # 70,000,000 x 0.1 s / 2,628,000 s are 2.7 at a time
    busy = cost(*sagemaker(target(1, 4)), around=[AWS], expected=load(70_000_000))
    assert usd(busy)[1] == round(3 * G5 * MONTH, 4)


def test_sagemaker_with_the_aim_of_its_policy() -> None:
    policy = step(
        "aws:appautoscaling/policy:Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 600,
                "predefinedMetricSpecification": {
                    "predefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
            }
        },
        "policy",
    )
    # 600 a minute are 10 a second, of 0.1 s each: one at a time; 100,000,000 a month are 38 a second
    found = cost(*sagemaker(target(1, 8), policy), around=[AWS], expected=load(100_000_000))
    assert usd(found)[1] == round(4 * G5 * MONTH, 4)


def test_sagemaker_without_scaling_has_its_first_count() -> None:
    found = cost(*sagemaker(initialInstanceCount=2), around=[AWS])
    assert usd(found) == (round(2 * G5 * MONTH, 4),) * 3


def test_sagemaker_serverless_costs_nothing_at_zero_traffic() -> None:
    serverless = {"memorySizeInMb": 3072, "maxConcurrency": 5}
    found = cost(*sagemaker(serverlessConfig=serverless), around=[AWS])
    # 100,000 s x 0.00006; at most 5 x 2,628,000 s
    assert usd(found) == (0, 6, round(5 * 2_628_000 * 0.00006, 4))


def test_an_unknown_configuration_is_not_guessed() -> None:
    second = step("aws:sagemaker/endpointConfiguration:EndpointConfiguration", {}, "other")
    assert "of no configuration" in why(cost(*sagemaker(second), around=[AWS]))[0]


def test_what_is_billed_around_an_endpoint() -> None:
    found = cost(
        step("aws:kms/key:Key"),
        step("aws:cloudwatch/metricAlarm:MetricAlarm", {"period": 60}, "slow"),
        step(
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {"metricQueries": [{"metric": {"period": 10}}] * 2},
            "fast",
        ),
        step("aws:ec2/natGateway:NatGateway"),
        step(
            "aws:ec2/vpcEndpoint:VpcEndpoint",
            {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]},
            "private",
        ),
        step("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Gateway"}, "gateway"),
        step("aws:eks/cluster:Cluster"),
        around=[AWS],
    )
    sums = 1.00 + 0.10 + 2 * 0.30 + 0.045 * MONTH + 2 * 0.01 * MONTH + 0.10 * MONTH
    assert usd(found) == (round(sums, 4),) * 3
    assert any("not from the vendor's list" in said for said in found.assumptions)


def test_nodes_of_a_group() -> None:
    scaling = {"minSize": 0, "desiredSize": 1, "maxSize": 3}
    group = step("aws:eks/nodeGroup:NodeGroup", {"instanceTypes": ["g6.xlarge"], "scalingConfig": scaling})
    found = cost(group, around=[AWS])
    assert usd(found) == (0, round(0.8048 * MONTH, 4), round(3 * 0.8048 * MONTH, 4))
    assert "the disks of its machines are not estimated" in why(found)
    spot = cost(step("aws:eks/nodeGroup:NodeGroup", {"capacityType": "SPOT"}), around=[AWS])
    assert usd(spot) == (0, 0, 0)
    assert "Spot" in why(spot)[0]


def test_an_http_api_before_a_function() -> None:
    api = step("aws:apigatewayv2/api:Api", {"protocolType": "HTTP"}, "api")
    found = cost(api, function(reservedConcurrentExecutions=100), around=[AWS], expected=load(301_000_000))
    requests = [line for line in found.expected.lines if line.price.startswith("aws.apigateway")]
    assert [(line.quantity, round(line.usd, 6)) for line in requests] == [(300, 300), (1, 0.9)]
    alone = cost(api, around=[AWS])
    assert usd(alone) == (0, 1, 1)
    assert any("nothing bounds its requests" in said for said in alone.assumptions)


def test_a_configuration_is_found_by_the_name_that_it_has_got() -> None:
    made = step(
        "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
        {"productionVariants": [{"variantName": "main", "instanceType": "ml.g5.xlarge"}]},
        "config",
        op=Op.SAME,
        before={},
        outputs_before={"name": "config-1"},
    )
    other = step("aws:sagemaker/endpointConfiguration:EndpointConfiguration", {"name": "config-2"}, "other")
    endpoint = step("aws:sagemaker/endpoint:Endpoint", {"endpointConfigName": "config-1"}, "endpoint")
    assert usd(cost(made, other, endpoint, around=[AWS]))[0] == round(G5 * MONTH, 4)
