"""`ModelEndpoint`: one component for every target."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from modelberth.arguments import asked, clean_errors
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.errors import Problem, SpecError
from modelberth.kinds import KINDS
from modelberth.spec import EndpointDeployment, EndpointSpec, Target, parse
from modelberth.spec.kubernetes import ClusterTarget


@dataclass(frozen=True)
class ModelEndpointArgs:
    """What to serve and where."""

    spec: EndpointSpec
    target: Target
    path: str = ""
    """Where they stand in the config, such as `endpoints[0]`: refusals begin with it."""
    namespace: pulumi.Resource | None = None
    """With a target in a cluster: what makes its namespace, where the program does."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> "ModelEndpointArgs":
        """Read the arguments from a mapping shaped like an entry of a stack's config.

        Raises:
            pulumi.RunError: every problem of the mapping, each with its path.
        """
        with clean_errors():
            deployment = parse(EndpointDeployment, config)
        return cls(deployment.spec, deployment.target)


class ModelEndpoint(pulumi.ComponentResource):
    """An endpoint on the target that its arguments name."""

    contract: EndpointContract
    namespace: pulumi.Resource | None = None
    """The namespace, where the endpoint makes one."""

    def __init__(
        self, name: str, args: ModelEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:ModelEndpoint", name, asked(args.spec, args.target), opts)
        with clean_errors():
            require(args.spec, args.target, args.path)
            if args.namespace is not None and not isinstance(args.target, ClusterTarget):
                raise SpecError(Problem("namespace", "a resource", f"nothing on target `{args.target.kind}`"))
        self.contract = self._endpoint(name, args)
        self.register_outputs({"contract": self.contract.to_dict()})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address of the endpoint."""
        return pulumi.Output.from_input(self.contract.url)

    def _endpoint(self, name: str, args: ModelEndpointArgs) -> EndpointContract:
        """The target's own component; its package is imported only here, so that no other SDK is needed."""
        kind = args.target.kind
        make, arguments = KINDS[kind].component()
        more = [args.namespace] if isinstance(args.target, ClusterTarget) else []
        endpoint = make(
            f"{name}-{kind.replace('_', '-')}",
            arguments(args.spec, args.target, args.path, *more),
            pulumi.ResourceOptions(parent=self),
        )
        if isinstance(args.target, ClusterTarget):
            self.namespace = endpoint.namespace
        contract: EndpointContract = endpoint.contract
        return contract
