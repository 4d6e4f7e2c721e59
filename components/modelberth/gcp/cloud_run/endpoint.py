"""`CloudRunEndpoint`: a model endpoint as a service in Google Cloud Run.

Idle it costs nothing unless `scaling.min` keeps instances ready. It is closed by default: only the project's
networks reach it, IAM asks who calls, the model's own prefix is all that instances may read, and Cloud Run's
copy of the image is encrypted with a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_gcp import cloudrunv2

from modelberth.arguments import asked, clean_errors, read_for
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.errors import SpecError
from modelberth.gcp.cloud_run import invokers, names, quota, reach, service
from modelberth.gcp.cloud_run.contract import contract
from modelberth.gcp.cloud_run.model import is_mounted
from modelberth.gcp.cloud_run.scaling import most
from modelberth.gcp.cloud_run.server import server
from modelberth.gcp.cloud_run.sizes import size
from modelberth.gcp.cloud_run.traffic import foreign_problems, is_split, shares
from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.endpoint_key import endpoint_key
from modelberth.gcp.identity import GcpIdentityArgs, Identity, identity
from modelberth.gcp.monitoring import budget
from modelberth.gcp.monitoring.component import GcpMonitoring, GcpMonitoringArgs
from modelberth.gcp.monitoring.logs import GcpLogs, GcpLogsArgs
from modelberth.gcp.monitoring.signals import VERSION
from modelberth.gcp.needs import Needs
from modelberth.gcp.plan import Plan
from modelberth.gcp.services import GcpServices, GcpServicesArgs
from modelberth.spec import EndpointSpec
from modelberth.spec.cloud_run import CloudRunTarget
from modelberth.target_image import chosen

__all__ = ["CloudRunEndpoint", "CloudRunEndpointArgs"]


@dataclass(frozen=True)
class CloudRunEndpointArgs:
    """What to serve, and in which project and region."""

    spec: EndpointSpec
    target: CloudRunTarget
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""
    image: pulumi.Input[str] | None = None
    """Serving image by digest, in Artifact Registry, where the program itself builds it."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> CloudRunEndpointArgs:
        """Read the arguments from a mapping shaped like an entry of a stack's config.

        Raises:
            pulumi.RunError: the mapping is wrong; each problem has its path.

        """
        return cls(*read_for(CloudRunTarget, config))


class CloudRunEndpoint(pulumi.ComponentResource):
    """A service, its revisions and their shares, who may call it, what it runs as and is encrypted with."""

    contract: EndpointContract
    service: cloudrunv2.Service
    key: EncryptionKey
    """That Cloud Run's copy of the image is encrypted with."""
    tagged: Mapping[str, pulumi.Output[str]]
    """Addresses of single revisions by tag, whatever their share: `new`, and `previous` where there is one.
    Behind a load balancer they are off, as the service's own address is."""

    def __init__(
        self, name: str, args: CloudRunEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:CloudRunEndpoint", name, asked(args.spec, args.target, opts), opts)
        with clean_errors():
            require(args.spec, args.target, args.path, has_image=args.image is not None)
            plan = Plan.of(args.spec, args.target, pulumi.get_project(), pulumi.get_stack())
            if found := [*foreign_problems(plan)]:
                raise SpecError(*(one.under(args.path) for one in found))
        self._plan = plan
        self._services = self._enabled()
        image = chosen(plan.spec, plan.target, args.image)
        self.key = endpoint_key(f"{name}-key", plan, "run", self._child())
        logs = self._logs()
        made = service.register(
            f"{name}-service",
            plan,
            pulumi.ResourceOptions.merge(self._lasting(), pulumi.ResourceOptions(depends_on=[logs])),
            image=image,
            account=self._identity().email,
            key=self.key.id,
        )
        self.service = made.service
        invokers.register(f"{name}-invoker", plan, made.service, self._child())
        self.tagged = self._tagged()
        self.contract = contract(
            plan,
            url=reach.address(plan.spec, plan.target) or made.service.uri,
            revision=made.revision,
            image=image,
            dashboard=self._monitoring(made).dashboard_url,
        )
        self._tell()
        self.register_outputs({"contract": self.contract.to_dict(), "tagged": dict(self.tagged)})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address of the endpoint."""
        return pulumi.Output.from_input(self.contract.url)

    def _enabled(self) -> GcpServices:
        args = GcpServicesArgs(self._plan.place, "cloud_run", budget.apis(self._plan.spec))
        opts = pulumi.ResourceOptions(parent=self)
        return GcpServices(f"{self.pulumi_resource_name}-services", args, opts)

    def _identity(self) -> Identity:
        plan = self._plan
        secret = plan.target.capture_hash_key
        needs = Needs(
            plan.spec,
            plan.place,
            "run",
            mounted=is_mounted(plan.spec, plan.target),
            capture=plan.target.capture,
            secrets=() if secret is None else (secret,),
        )
        args = GcpIdentityArgs(names.account_name(plan), needs)
        return identity(f"{self.pulumi_resource_name}-identity", args, self._child())

    @property
    def _where(self) -> dict[str, pulumi.Input[str]]:
        plan = self._plan
        return {"service": names.service_name(plan), "location": plan.place.region}

    def _logs(self) -> GcpLogs:
        plan = self._plan
        key = None if plan.target.logging_account is None else self.key
        args = GcpLogsArgs(plan, "cloud_run", self._where, key)
        return GcpLogs(f"{self.pulumi_resource_name}-logs", args, self._lasting())

    def _monitoring(self, made: service.Made) -> GcpMonitoring:
        plan, spec = self._plan, self._plan.spec
        where = self._where
        if is_split(spec):
            where[VERSION] = made.revision
        found, is_public = size(spec.resources), spec.security.network.public
        args = GcpMonitoringArgs(
            plan,
            "cloud_run",
            where,
            capacity=spec.limits.concurrency,
            warm=spec.scaling.min,
            replicas=most(spec),
            processors=None if found is None else found.cpus,
            url=made.service.uri if is_public else None,
            health_path=server(spec, plan.target).ready.path,
            signed=spec.security.auth.kind == "platform",
            after=[made.service],
        )
        return GcpMonitoring(f"{self.pulumi_resource_name}-monitoring", args, self._child())

    def _tagged(self) -> dict[str, pulumi.Output[str]]:
        plan = self._plan
        tags = [one.tag for one in shares(plan.spec, "", plan.target.previous_revision)]
        uri: pulumi.Output[str] = self.service.uri
        return {tag: _with_tag(uri, tag) for tag in tags}

    def _tell(self) -> None:
        """Say what no preview can find out."""
        note = quota.note(self._plan.spec, self._plan.target)
        if note is not None:
            pulumi.info(note, self)

    def _child(self) -> pulumi.ResourceOptions:
        """Options of what comes after the APIs of the project, whatever it is made of itself."""
        return self._services.before(self)

    def _lasting(self) -> pulumi.ResourceOptions:
        """Options of what stays as long as the endpoint does, and holds up its deletion."""
        protected = pulumi.ResourceOptions(protect=self._plan.spec.protect or None)
        return pulumi.ResourceOptions.merge(self._child(), protected)


def _with_tag(uri: pulumi.Output[str], tag: str) -> pulumi.Output[str]:
    return uri.apply(lambda found: reach.tagged(found, tag))
