"""The program's side of `modelberth:local:Process`; `provider/local_process.py` is the engine's side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import pulumi
from pulumi import Input, Output


@dataclass(frozen=True)
class ProcessArgs:
    """What to run. Times in seconds."""

    name: Input[str]
    """Physical name: decides the folder of the process; a change replaces it."""
    model: Input[str]
    """Path of the model file, relative to the provider's root."""
    model_sha256: Input[str] | None = None
    """Digest that the file must have. Default: the digest that it has at preview."""
    environment: Input[Mapping[str, Input[str]]] | None = None
    """Settings of the server."""
    port: Input[int] | None = None
    """Loopback port. Default: a free one, which the process keeps for its life."""
    replicas: Input[int] | None = None
    """Server processes on the one port. Default: 1."""
    startup_timeout: Input[float] | None = None
    """How long a replica may take until it is ready. Default: 120."""
    drain_timeout: Input[float] | None = None
    """How long open connections may go on after a replacement or delete. Default: 10."""
    config_path: Input[str] | None = None
    """Where these settings stand in the config, such as `endpoints[0]`: refusals begin with it. No more than
    that: another path alone changes nothing."""


class Process(pulumi.CustomResource):
    """The model server as a supervised, detached process on this machine."""

    url: Output[str]
    """Address on the loopback interface, `http://127.0.0.1:PORT`."""
    port: Output[int]
    revision: Output[str]
    """Short digest of all that decides what is served; `/health/ready` tells it too."""
    status: Output[str]
    """`serving`, or what the last refresh found wrong."""

    def __init__(
        self, resource_name: str, args: ProcessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = {
            "name": args.name,
            "model": args.model,
            "modelSha256": args.model_sha256,
            "environment": args.environment,
            "port": args.port,
            "replicas": args.replicas,
            "startupTimeout": args.startup_timeout,
            "drainTimeout": args.drain_timeout,
            "configPath": args.config_path,
            # Outputs that no input carries: named here so that they exist as attributes.
            "url": None,
            "revision": None,
            "status": None,
            "logFile": None,
        }
        super().__init__("modelberth:local:Process", resource_name, properties, opts)

    @property
    def model_sha256(self) -> Output[str]:
        """Digest of the model that is served."""
        return cast("Output[str]", pulumi.get(self, "modelSha256"))

    @property
    def log_file(self) -> Output[str]:
        """Path of what the server and its supervisor wrote."""
        return cast("Output[str]", pulumi.get(self, "logFile"))


class Provider(pulumi.ProviderResource):
    """Where this machine's processes live, and which APIs are asked: one for each stack, in its program."""

    def __init__(
        self,
        resource_name: str,
        *,
        root: Input[str] | None = None,
        state_dir: Input[str] | None = None,
        vertex_endpoint: Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make a provider.

        Args:
            resource_name: name in the stack.
            root: folder that relative model paths start from. Default: the program's folder.
            state_dir: folder for the processes' logs and records, relative to `root`. Default: `.modelberth`.
            vertex_endpoint: address of the Vertex AI API, such as one in a network of one's own; `{region}`
                in it is the region of what is asked about. A server on this machine, such as a fake, may have
                http://, and gets no token. Default: Google's, https://{region}-aiplatform.googleapis.com.
            opts: options of the resource.
        """
        settings = {"root": root, "stateDir": state_dir, "vertexEndpoint": vertex_endpoint}
        super().__init__("modelberth", resource_name, settings, opts)
