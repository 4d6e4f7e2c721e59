"""One model behind two endpoints, and a directory of both."""

import pulumi
from directory import EndpointDirectory, EndpointDirectoryArgs

from modelberth import ModelEndpoint, ModelEndpointArgs

config = pulumi.Config()
shared = {"model": {"uri": config.require("model")}, "target": {"kind": "local"}}

interactive = ModelEndpoint(
    "iris", ModelEndpointArgs.parse({**shared, "name": "iris", "limits": {"timeout": "2s"}})
)
batch = ModelEndpoint(
    "iris-batch",
    ModelEndpointArgs.parse(
        {**shared, "name": "iris-batch", "limits": {"max_body": config.require("batchBody")}}
    ),
)

directory = EndpointDirectory(
    "flowers",
    EndpointDirectoryArgs(team=config.require("team"), endpoints=[interactive.contract, batch.contract]),
)
pulumi.export("catalogue", directory.catalogue)
pulumi.export("scrape_config", directory.scrape_config)
