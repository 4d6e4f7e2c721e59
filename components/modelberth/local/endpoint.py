"""`LocalEndpoint`: a model endpoint on the machine at hand.

It listens on the loopback address only. It deliberately limits neither CPU nor memory and terminates no TLS:
capabilities refuse a spec that asks for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import pulumi

from modelberth.arguments import asked, clean_errors, parse_for
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.local.process import Process, ProcessArgs
from modelberth.naming import physical_name
from modelberth.serving import serving_environment
from modelberth.spec import EndpointSpec, LocalTarget


@dataclass(frozen=True)
class LocalEndpointArgs:
    """What to serve on this machine."""

    spec: EndpointSpec
    target: LocalTarget = field(default_factory=LocalTarget)
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> "LocalEndpointArgs":
        """Read the arguments from a mapping shaped like an entry of a stack's config, `target` left out.

        Raises:
            pulumi.RunError: every problem of the mapping, each with its path.
        """
        return cls(*parse_for(LocalTarget, config))


class LocalEndpoint(pulumi.ComponentResource):
    """The model server as a process of this machine that is kept up, watched and replaced without a gap."""

    contract: EndpointContract

    def __init__(
        self, name: str, args: LocalEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:LocalEndpoint", name, asked(args.spec, args.target, opts), opts)
        with clean_errors():
            require(args.spec, args.target, args.path)
            physical = physical_name(pulumi.get_project(), pulumi.get_stack(), args.spec.name)
        self._process = Process(
            f"{name}-process",
            process_args(args, physical),
            pulumi.ResourceOptions(parent=self, protect=args.spec.protect or None),
        )
        self.contract = contract(args.spec, self._process)
        self.register_outputs({"contract": self.contract.to_dict()})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address on the loopback interface, `http://127.0.0.1:PORT`."""
        return self._process.url


def process_args(args: LocalEndpointArgs, name: str) -> ProcessArgs:
    """The process that serves the spec."""
    spec = args.spec
    return ProcessArgs(
        name=name,
        model=unquote(spec.model.path),
        model_sha256=spec.model.sha256,
        environment=serving_environment(spec),
        port=args.target.port,
        replicas=spec.scaling.min,
        startup_timeout=spec.limits.startup_timeout.seconds,
        drain_timeout=args.target.drain.seconds,
        config_path=args.path or None,
    )


def contract(spec: EndpointSpec, process: Process) -> EndpointContract:
    """What callers of the process must know."""
    return EndpointContract(
        name=spec.name,
        target="local",
        url=process.url,
        auth="loopback",
        region="local",
        model_name=spec.name,
        model_version=spec.model.version,
        model_sha256=process.model_sha256,
        revision=process.revision,
        max_body_bytes=int(spec.limits.max_body),
        timeout_seconds=spec.limits.timeout.seconds,
        logs=process.log_file,
    )
