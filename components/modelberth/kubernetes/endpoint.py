"""`KubernetesEndpoint`: a model endpoint in a cluster that exists already.

It asks for a namespace. It brings no operator, takes no right beyond that namespace, and makes neither the
cluster nor a Gateway, a registry or an issuer: it names those that exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi

from modelberth.arguments import asked, clean_errors, parse_for
from modelberth.capabilities import require
from modelberth.contract import EndpointContract
from modelberth.errors import Problem, SpecError
from modelberth.kubernetes.api_key import ApiKey, ApiKeyArgs
from modelberth.kubernetes.authentication import generates_key, own_key_secret
from modelberth.kubernetes.autoscaling.autoscalers import owned
from modelberth.kubernetes.network.routing import address, health_path
from modelberth.kubernetes.objects import register
from modelberth.kubernetes.plan import REVISION, Manifest, Plan
from modelberth.kubernetes.pods.workload import progress_deadline_seconds
from modelberth.kubernetes.preflight.needs import needs
from modelberth.kubernetes.preflight.requirements import Requirements, RequirementsArgs
from modelberth.kubernetes.stages import Stages, stages
from modelberth.spec import EndpointSpec, KubernetesTarget
from modelberth.spec.security import ApiKeyAuth

__all__ = ["KubernetesEndpoint", "KubernetesEndpointArgs"]

_MARGIN_SECONDS: Final = 60
"""For the cluster to say what went wrong."""


@dataclass(frozen=True)
class KubernetesEndpointArgs:
    """What to serve in which cluster."""

    spec: EndpointSpec
    target: KubernetesTarget = field(default_factory=KubernetesTarget)
    path: str = ""
    """Where the spec stands in the config, such as `endpoints[0]`: refusals begin with it."""
    namespace: pulumi.Resource | None = None
    """What makes the namespace, where the program does: it comes first, and need not be there yet."""
    kubeconfig: pulumi.Input[str] | None = None
    """Kubeconfig of a cluster that the program makes or looks up, instead of `target.context`."""
    nodes_come: bool = False
    """Nodes with the GPUs are made by the program: that there are none yet is no reason to refuse."""
    after: Sequence[pulumi.Resource] = ()
    """What has to be there before the cluster is asked: its nodes, and what its pods run as."""

    @classmethod
    def parse(cls, config: Mapping[str, object]) -> KubernetesEndpointArgs:
        """Read the arguments from a mapping shaped like an entry of a stack's config, `target` left out.

        Raises:
            pulumi.RunError: every problem of the mapping, each with its path.

        """
        return cls(*parse_for(KubernetesTarget, config))


class KubernetesEndpoint(pulumi.ComponentResource):
    """Pods that serve the model, and everything around them in their namespace."""

    contract: EndpointContract
    namespace: pulumi.Resource | None
    """The namespace, where the endpoint makes it: what else goes into it comes after it."""

    def __init__(
        self, name: str, args: KubernetesEndpointArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(
            "modelberth:index:KubernetesEndpoint", name, asked(args.spec, args.target, opts), opts
        )
        with clean_errors():
            require(args.spec, args.target, args.path)
            _one_maker(args)
            plan = Plan.of(args.spec, args.target, pulumi.get_project(), pulumi.get_stack())
            made = stages(plan)
        self._plan = plan
        self._kubeconfig = args.kubeconfig
        asks = Requirements(
            f"{name}-requirements",
            _requirements(args, plan, made),
            pulumi.ResourceOptions(parent=self, depends_on=[*args.after]),
        )
        own = self._add(made.space, [asks]) if made.space else []
        self.namespace = own[0] if own else None
        space = own or [asks, *([args.namespace] if args.namespace is not None else [])]
        around = [*self._add(made.around, space), *self._api_key(space, args.path)]
        patience = _patience(plan)
        pods = self._add(made.pods, around, timeout_seconds=patience, ignore_changes=owned(plan))
        # Where Pulumi does not wait for the pods, the Services do.
        reach = self._add(made.reach, pods, timeout_seconds=None if plan.awaits_pods else patience)
        self._add(made.routes, reach)
        self._add(made.watching, space)
        self.contract = contract(plan)
        self.register_outputs({"contract": self.contract.to_dict()})

    @property
    def url(self) -> pulumi.Output[str]:
        """Address of the endpoint: of its route, or inside the cluster."""
        return pulumi.Output.from_input(self.contract.url)

    def _add(
        self,
        stage: Mapping[str, Manifest],
        after: Sequence[pulumi.Resource],
        *,
        timeout_seconds: int | None = None,
        ignore_changes: Sequence[str] = (),
    ) -> Sequence[pulumi.Resource]:
        """Register a stage; where there is nothing in it, the next one waits for the one before.

        What belongs to one revision comes and goes with a rollout, and what is named after its content with a
        change of that. Protected, it would hold both up; and while the rest is, a destroy deletes nothing.
        """
        lasting = {role: one for role, one in stage.items() if _lasts(one)}
        passing = {role: one for role, one in stage.items() if role not in lasting}
        made = [
            resource
            for manifests, protect in ((lasting, self._plan.spec.protect or None), (passing, None))
            for resource in register(
                self.pulumi_resource_name,
                manifests,
                self,
                depends_on=after,
                protect=protect,
                timeout_seconds=timeout_seconds,
                ignore_changes=ignore_changes,
            )
        ]
        return made or after

    def _api_key(self, after: Sequence[pulumi.Resource], path: str) -> Sequence[pulumi.Resource]:
        plan = self._plan
        if not generates_key(plan):
            return ()
        args = ApiKeyArgs(
            name=own_key_secret(plan),
            namespace=plan.namespace,
            endpoint=plan.name,
            rotation=plan.target.key_rotation,
            labels=plan.labels(),
            kubeconfig=self._kubeconfig,
            context=plan.target.context,
            config_path=path or None,
        )
        opts = pulumi.ResourceOptions(parent=self, depends_on=[*after], protect=plan.spec.protect or None)
        return [ApiKey(f"{self.pulumi_resource_name}-api-key", args, opts)]


def contract(plan: Plan) -> EndpointContract:
    """What callers of the endpoint must know."""
    spec, container = plan.spec, plan.container(plan.main)
    return EndpointContract(
        name=spec.name,
        target="kubernetes",
        url=address(plan),
        predict_path=container.predict.path,
        health_path=health_path(plan),
        auth="api_key" if spec.security.auth.kind == "platform" else spec.security.auth.kind,
        auth_header=spec.security.auth.header if isinstance(spec.security.auth, ApiKeyAuth) else None,
        region=plan.target.context or "cluster",
        model_name=spec.name,
        model_version=plan.main.model.version,
        model_sha256=plan.main.model.sha256,
        revision=plan.revision_name(plan.main),
        image_digest=container.image.rpartition("@")[2],
        max_body_bytes=int(spec.limits.max_body),
        timeout_seconds=spec.limits.timeout.seconds,
    )


def _requirements(args: KubernetesEndpointArgs, plan: Plan, made: Stages) -> RequirementsArgs:
    found = needs(plan, made, args.path, namespace_is_made=args.namespace is not None)
    asked = replace(found, kubeconfig=args.kubeconfig)
    return replace(asked, devices=()) if args.nodes_come else asked


def _one_maker(args: KubernetesEndpointArgs) -> None:
    if args.namespace is not None and args.target.create_namespace:
        allowed = "false where the program itself makes the namespace (`namespace` of the arguments)"
        raise SpecError(Problem("target.create_namespace", "true", allowed).under(args.path))


def _lasts(manifest: Manifest) -> bool:
    """Tell whether an object stays as long as the endpoint does."""
    is_content = manifest["kind"] == "ResourceClaimTemplate"
    return not is_content and REVISION not in manifest["metadata"].get("labels", {})


def _patience(plan: Plan) -> int:
    """Seconds until all pods have to be there; the Deployment itself gives up on a replica before that.

    Replicas are replaced one after the other, and each has the time of a start.
    """
    replicas = max(1, plan.spec.scaling.min)
    return progress_deadline_seconds(plan) * replicas + _MARGIN_SECONDS
