"""A bucket, a function, a bucket: what is uploaded to the first is predicted on into the second."""

import pulumi
from pulumi_aws import Provider

from modelberth.aws.lambda_.endpoint import LambdaEndpointArgs
from modelberth.aws.prediction_pipeline import AwsPredictionPipeline, AwsPredictionPipelineArgs

config = pulumi.Config()
account, region = config.require("account"), config.require("region")
place = f"{account}-{region}-{pulumi.get_stack()}"

endpoint = LambdaEndpointArgs.parse(
    {
        "name": "iris",
        "model": config.require_object("model"),
        # Ten objects at once, the others wait; between two of them nothing runs and nothing is paid for.
        "scaling": {"min": 0, "max": 10},
        "limits": {"max_body": "6Mi"},
        "target": {"kind": "lambda", "account": account, "region": region, "image": config.require("image")},
    }
)
pipeline = AwsPredictionPipeline(
    "iris",
    AwsPredictionPipelineArgs(
        endpoint,
        input_bucket=f"flowers-{place}",
        output_bucket=f"flower-names-{place}",
        suffixes=(".json", ".jsonl", ".csv"),
    ),
    pulumi.ResourceOptions(providers=[Provider("aws", region=region, allowed_account_ids=[account])]),
)
pulumi.export("uploads", pipeline.input)
pulumi.export("answers", pipeline.output)
