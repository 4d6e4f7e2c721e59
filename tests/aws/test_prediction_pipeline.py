"""The pipeline from one bucket to another: who tells whom, what the function may touch, what would loop."""

from dataclasses import replace
from functools import cache
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from modelberth.aws.object_events import ObjectEvents
from modelberth.aws.prediction_pipeline import AwsPredictionPipeline, AwsPredictionPipelineArgs
from support.aws_blocks import KEY, PLACE
from support.aws_plans import PIPELINE, LambdaRecorder
from support.iam import allows
from support.recording import RecordingMonitor, run

INPUT = "arn:aws:s3:::shop-dev-flowers"
OUTPUT = "arn:aws:s3:::shop-dev-answers"
FUNCTION = PLACE.arn("lambda", "function:shop-dev-iris")


def made(args: AwsPredictionPipelineArgs = PIPELINE) -> tuple[LambdaRecorder, AwsPredictionPipeline]:
    recorder = LambdaRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    return recorder, run(recorder, lambda: AwsPredictionPipeline("iris", args))


@cache
def registered() -> LambdaRecorder:
    """The pipeline as it is without a further word: looked at by several tests, changed by none."""
    return made()[0]


def role(action: str, resource: str, **context: str) -> bool:
    """Whether the function's role may do something, by all its policies together."""
    found = registered()
    documents = [found.document(one.name) for one in found.of("RolePolicy")]
    together = {"Statement": [each for document in documents for each in document["Statement"]]}
    return allows(together, action, resource)(context)


def test_one_function_between_two_buckets() -> None:
    found = registered()
    buckets = {one.inputs["bucket"] for one in found.of("Bucket")}
    assert buckets == {"shop-dev-flowers", "shop-dev-answers", "shop-dev-answers-logs"}
    assert len(found.of("Function")) == len(found.of("BucketNotification")) == 1
    variables = found.of("Function")[0].inputs["environment"]["variables"]
    assert variables["MODELBERTH_S3_OUTPUT_URI"] == "s3://shop-dev-answers/predictions"


def test_s3_tells_the_alias_of_each_form_of_input() -> None:
    (one,) = registered().of("BucketNotification")
    assert one.inputs["bucket"] == "shop-dev-flowers"
    told = one.inputs["lambdaFunctions"]
    assert [(each["filterPrefix"], each["filterSuffix"]) for each in told] == [
        ("incoming/", ".json"),
        ("incoming/", ".csv"),
    ]
    for each in told:
        assert each["events"] == ["s3:ObjectCreated:*"]
        assert each["lambdaFunctionArn"] == f"{FUNCTION}:live"
    # S3 asks whether it may, before it takes the configuration.
    assert any(urn.endswith("iris-may-tell") for urn in one.dependencies)


def test_a6_this_bucket_of_this_account_may_invoke_and_no_other() -> None:
    """A6: source ARN and source account, and the alias alone."""
    given = registered().named("iris-may-tell").inputs
    assert given["principal"] == "s3.amazonaws.com"
    assert given["action"] == "lambda:InvokeFunction"
    assert (given["sourceArn"], given["sourceAccount"]) == (INPUT, PLACE.account)
    assert (given["function"], given["qualifier"]) == ("shop-dev-iris", "live")


def test_the_function_reads_the_one_folder_and_writes_to_the_other() -> None:
    assert role("s3:GetObject", f"{INPUT}/incoming/a.json")
    assert role("s3:PutObject", f"{OUTPUT}/predictions/incoming/a.json.json")
    for action, resource in (
        ("s3:GetObject", f"{INPUT}/other/a.json"),
        ("s3:PutObject", f"{INPUT}/incoming/a.json"),
        ("s3:DeleteObject", f"{INPUT}/incoming/a.json"),
        ("s3:GetObject", f"{OUTPUT}/predictions/a.json.json"),
        ("s3:PutObject", f"{OUTPUT}/other/a.json"),
        ("s3:ListBucket", INPUT),
    ):
        assert not role(action, resource), f"{action} on {resource}"


def test_a30_its_key_opens_these_objects_by_s3_alone() -> None:
    """A30: no use of a key but through S3, for these folders."""
    by_s3 = {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}
    context = "kms:EncryptionContext:aws:s3:arn"
    assert role("kms:Decrypt", KEY, **by_s3, **{context: INPUT})
    assert role("kms:GenerateDataKey", KEY, **by_s3, **{context: OUTPUT})
    assert not role("kms:GenerateDataKey", KEY, **by_s3, **{context: INPUT})
    assert not role("kms:Decrypt", KEY, **{context: INPUT})
    assert not role("kms:Decrypt", KEY, **by_s3, **{context: "arn:aws:s3:::another"})


def test_both_buckets_are_closed_and_encrypted_by_the_endpoints_key() -> None:
    found = registered()
    assert len(found.of("BucketPublicAccessBlock")) == len(found.of("BucketVersioning")) == 3
    keys = [
        one.inputs["rules"][0]["applyServerSideEncryptionByDefault"].get("kmsMasterKeyId")
        for one in found.of("BucketServerSideEncryptionConfiguration")
    ]
    assert sorted(keys, key=str) == [None, KEY, KEY]
    assert {one.inputs["targetBucket"] for one in found.of("BucketLogging")} == {"shop-dev-answers-logs"}
    records = found.document("iris-access-logs-policy")
    for bucket in (INPUT, OUTPUT):
        delivers = allows(
            records, "s3:PutObject", f"{OUTPUT}-logs/a", ("Service", "logging.s3.amazonaws.com")
        )
        assert delivers({"aws:SourceArn": bucket, "aws:SourceAccount": PLACE.account})
        assert not delivers({"aws:SourceArn": bucket, "aws:SourceAccount": "210987654321"})


def test_a11_what_fails_is_kept() -> None:
    """A11: an event that S3 does not wait for ends in the queue."""
    found = registered()
    (queue,) = found.of("Queue")
    assert found.of("Function")[0].inputs["deadLetterConfig"]["targetArn"].endswith(queue.inputs["name"])
    (retries,) = found.of("FunctionEventInvokeConfig")
    assert retries.inputs["qualifier"] == "live"
    assert retries.inputs["maximumRetryAttempts"] == 2


def test_objects_end() -> None:
    recorder, _ = made(replace(PIPELINE, input_days=7, output_days=90, record_days=30))
    days = {
        one.name.partition("-lifecycle")[0]: one.inputs["rules"][0]["expiration"]["days"]
        for one in recorder.of("BucketLifecycleConfiguration")
    }
    assert days == {"iris-input": 7, "iris-output": 90, "iris-access-logs": 30}


def test_the_folders_are_told_once_uploads_are_told_of() -> None:
    recorder, _ = made()
    (outputs,) = [found for urn, found in recorder.outputs.items() if "AwsPredictionPipeline::" in urn]
    assert outputs == {
        "input": "s3://shop-dev-flowers/incoming/",
        "output": "s3://shop-dev-answers/predictions/",
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"output_bucket": "shop-dev-flowers"}, "output_bucket"),
        ({"input_bucket": "shop-dev-answers-logs"}, "output_bucket"),
        ({"input_bucket": "Flowers"}, "input_bucket"),
        ({"output_bucket": "a" * 60}, "output_bucket"),
        ({"input_prefix": ""}, "input_prefix"),
        ({"input_prefix": "incoming"}, "input_prefix"),
        ({"input_prefix": "*/"}, "input_prefix"),
        ({"output_prefix": "${aws:username}/"}, "output_prefix"),
        ({"suffixes": ()}, "suffixes"),
        ({"suffixes": (".json", ".png")}, "suffixes[1]"),
        ({"suffixes": (".json", ".json")}, "suffixes[1]"),
        ({"output_days": 0}, "output_days"),
        (
            {"endpoint": replace(PIPELINE.endpoint, objects=ObjectEvents("s3://aaa/in/", "s3://aaa/out/"))},
            "endpoint.objects",
        ),
    ],
)
def test_what_would_loop_or_never_run_is_refused(change: dict[str, Any], path: str) -> None:
    args = replace(PIPELINE, **change)
    (found,) = args.problems()
    assert found.path == path
    with pytest.raises(pulumi.RunError):
        made(args)


@pytest.mark.parametrize(
    ("given", "output", "loops"),
    [
        ("s3://data/in/", "s3://data/out/", False),
        ("s3://data/in/", "s3://other/in/", False),
        ("s3://data/in/", "s3://data/in/out/", True),
        ("s3://data/in/", "s3://data/in/", True),
        # The object's own key follows the folder: `out/` + `out/in/a.json` would begin with `out/in/` again.
        ("s3://data/out/in/", "s3://data/out/", True),
        ("s3://data/in/", "s3://data/inside/", False),
        ("s3://data/", "s3://other/out/", True),
    ],
)
def test_neither_folder_lies_in_the_other(given: str, output: str, loops: bool) -> None:
    assert bool([*ObjectEvents(given, output).problems("objects")]) is loops
