"""The program's side of `modelberth:vertex:Model`; `provider/vertex/model_resource.py` is the engine's.

What can be said of a version is what the API takes of it (docs.cloud.google.com/vertex-ai/docs/reference/
rest, "Method: models.upload", `Model` and `ModelContainerSpec`; read 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import pulumi
from pulumi import Input, Output

from modelberth.wire import wire

__all__ = ["Model", "ModelArgs", "Probe"]


@dataclass(frozen=True)
class Probe:
    """When Vertex AI asks a container how it is, in seconds. Either `path` or `command`.

    `Probe` of the API has Kubernetes's meaning and defaults: every 10 s, 1 s for an answer, 3 failures.
    """

    path: Input[str] | None = None
    """Path of an HTTP GET that answers with a status from 200 to 399."""
    port: Input[int] | None = None
    """Port of that request. Default: the container's first."""
    command: Sequence[Input[str]] = ()
    """A command in the container, which exits with 0."""
    initial_delay: Input[int] | None = None
    """Before the first one."""
    period: Input[int] | None = None
    """From one to the next."""
    timeout: Input[int] | None = None
    """For an answer."""
    failure_threshold: Input[int] | None = None
    """Failures in a row that count."""
    success_threshold: Input[int] | None = None
    """Successes in a row that count after a failure."""


@dataclass(frozen=True)
class ModelArgs:
    """What one version of a model is. All of it is kept by Vertex AI and cannot be changed, but its words.

    Another `display_name`, `description`, `version_description` or other `labels` are written in place;
    anything else makes another version, which takes the place of this one.
    """

    project: Input[str]
    """Google Cloud project id."""
    region: Input[str]
    """Region that the model lies in: an endpoint of the same region can serve it."""
    model_id: Input[str]
    """Id of the model that this is a version of, up to 63 lower-case letters, digits, `_` and `-`.

    The first version makes the model, the last one that goes takes it along.
    """
    display_name: Input[str]
    """Name of the model in the console, of all its versions; up to 128 characters."""
    image: Input[str]
    """Serving image, in Artifact Registry; Vertex AI copies it when the version is made."""
    command: Sequence[Input[str]] = ()
    """In place of the image's ENTRYPOINT."""
    args: Sequence[Input[str]] = ()
    """In place of the image's CMD."""
    env: Input[Mapping[str, Input[str]]] | None = None
    """Environment variables of the container."""
    ports: Sequence[Input[int]] = ()
    """Ports of the container; requests go to the first. Default: 8080."""
    predict_route: Input[str] | None = None
    """Path of the container that predictions are sent to, its `AIP_PREDICT_ROUTE`."""
    health_route: Input[str] | None = None
    """Path of the container that tells its health, its `AIP_HEALTH_ROUTE`."""
    startup_probe: Probe | None = None
    """Until it succeeds, the container is starting and no other probe is made."""
    health_probe: Probe | None = None
    """While it fails, the container gets no request."""
    liveness_probe: Probe | None = None
    """Where it fails, the container is started again."""
    shared_memory_mb: Input[int] | None = None
    """Shared memory of the container, in MiB."""
    deployment_timeout: Input[int] | None = None
    """Seconds that a deployment may take until it serves; up to 7200. Default: Vertex AI's."""
    artifact_uri: Input[str] | None = None
    """Folder in Cloud Storage that the container finds in `AIP_STORAGE_URI`, gs://BUCKET/FOLDER."""
    encryption_key: Input[str] | None = None
    """Key in Cloud KMS that encrypts the model: projects/…/locations/REGION/keyRings/…/cryptoKeys/…."""
    description: Input[str] | None = None
    """Of the model, for people."""
    version_description: Input[str] | None = None
    """Of this version, for people."""
    labels: Input[Mapping[str, Input[str]]] | None = None
    """Labels of the version."""
    config_path: Input[str] | None = None
    """Where these settings stand in the config, such as `endpoints[0]`: refusals begin with it. Another path
    alone changes nothing."""


class Model(pulumi.CustomResource):
    """A version of a model in Vertex AI's registry; many of them with one `model_id` are one model's."""

    def __init__(
        self, resource_name: str, args: ModelArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # Outputs that no input carries: named here so that they exist as attributes.
        outputs = dict.fromkeys(("versionName", "modelName", "versionId", "holder", "status"))
        super().__init__("modelberth:vertex:Model", resource_name, {**wire(args), **outputs}, opts)

    @property
    def version_name(self) -> Output[str]:
        """What an endpoint deploys: projects/PROJECT/locations/REGION/models/ID@VERSION."""
        return cast("Output[str]", pulumi.get(self, "versionName"))

    @property
    def model_name(self) -> Output[str]:
        """The model of the version: projects/PROJECT/locations/REGION/models/ID."""
        return cast("Output[str]", pulumi.get(self, "modelName"))

    @property
    def version_id(self) -> Output[str]:
        """Number of the version; Vertex AI counts."""
        return cast("Output[str]", pulumi.get(self, "versionId"))
