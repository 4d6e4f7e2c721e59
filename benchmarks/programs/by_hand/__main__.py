"""The resources of a stack with local endpoints, registered one by one: types and inputs as plain dicts."""

from pathlib import Path

import pulumi

config = pulumi.Config()
max_body = config.get("max_body") or "1048576"

provider = pulumi.ProviderResource(
    "modelberth", "local", {"root": str(Path(__file__).resolve().parent.parent), "stateDir": ".state/local"}
)
for index, name in enumerate(config.require_object("endpoints")):
    endpoint = pulumi.ComponentResource(
        "modelberth:index:ModelEndpoint", name, {}, pulumi.ResourceOptions(providers=[provider])
    )
    local = pulumi.ComponentResource(
        "modelberth:index:LocalEndpoint", f"{name}-local", {}, pulumi.ResourceOptions(parent=endpoint)
    )
    process = pulumi.CustomResource(
        "modelberth:local:Process",
        f"{name}-local-process",
        {
            "name": f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}",
            "model": "models/iris/model.onnx",
            "environment": {
                "MODELBERTH_MODEL_NAME": name,
                "MODELBERTH_MODEL_VERSION": "1",
                "MODELBERTH_MAX_BODY_BYTES": max_body,
                "MODELBERTH_TIMEOUT_SECONDS": "30",
                "MODELBERTH_MAX_CONCURRENCY": "64",
                "MODELBERTH_THREADS": "1",
            },
            "replicas": 1,
            "startupTimeout": 300,
            "drainTimeout": 10,
            "configPath": f"endpoints[{index}]",
            "url": None,
        },
        pulumi.ResourceOptions(parent=local),
    )
    url = pulumi.get(process, "url")
    local.register_outputs({"url": url})
    endpoint.register_outputs({"url": url})
    pulumi.export(name, url)
