"""Handwritten digits are read by two services: by a model in ONNX, and by one as TensorFlow saved it."""

from dataclasses import replace
from pathlib import Path

import pulumi
from foundation import Foundation, FoundationArgs
from package import ModelPackage, ModelPackageArgs

from modelberth import (
    BuildContext,
    CloudRunEndpoint,
    CloudRunEndpointArgs,
    EndpointContract,
    GcpServingImage,
    GcpServingImageArgs,
)
from modelberth.gcp.place import Place

VERSION = "1"

config = pulumi.Config()
place = Place(config.require("project"), config.require("projectNumber"), config.require("region"))
target = {
    "kind": "cloud_run",
    "project": place.project,
    "project_number": place.number,
    "region": place.region,
}
shared = {
    "scaling": {"min": 0, "max": 10},
    "security": {"invokers": config.require_object("callers")},
}
foundation = Foundation("shared", FoundationArgs(place, "digits"))

folder = config.get("build")
image = GcpServingImage(
    "digits-image",
    GcpServingImageArgs(place, existing=config.require("image"))
    if folder is None
    else GcpServingImageArgs(place, BuildContext.of(folder), foundation.images, kind="cloud_run"),
)
package = ModelPackage(
    "digits-model",
    ModelPackageArgs(Path(config.require("package")), foundation.store.bucket, f"digits/{VERSION}"),
)
onnx = CloudRunEndpointArgs.parse(
    {
        **shared,
        "name": "digits",
        "model": {
            "uri": f"gs://{foundation.models}/digits/{VERSION}",
            "sha256": package.sha256,
            "version": VERSION,
        },
        "target": target,
    }
)
endpoints = {
    # What takes the image comes after the model's files: an instance reads them when it starts.
    "digits": CloudRunEndpoint("digits", replace(onnx, image=package.before(image.reference))),
}
if tensorflow := config.get_object("tensorflow"):
    endpoints["digits-tensorflow"] = CloudRunEndpoint(
        "digits-tensorflow",
        CloudRunEndpointArgs.parse(
            {
                **shared,
                "name": "digits-tensorflow",
                "model": {
                    "uri": f"gs://{foundation.models}/digits-tensorflow/{VERSION}",
                    "sha256": tensorflow["sha256"],
                    "format": "savedmodel",
                    "version": VERSION,
                },
                "runtime": {"engine": "tensorflow-serving", "image": tensorflow["image"]},
                # Its server downloads no models: the bucket is a folder of the container.
                "target": {**target, "model_access": "mount"},
            }
        ),
    )


def address(contract: EndpointContract) -> pulumi.Output[str]:
    """Where predictions are asked for."""
    return pulumi.Output.concat(contract.url, contract.predict_path)


pulumi.export("models", pulumi.Output.concat("gs://", foundation.store.bucket))
pulumi.export("predict", {name: address(one.contract) for name, one in endpoints.items()})
