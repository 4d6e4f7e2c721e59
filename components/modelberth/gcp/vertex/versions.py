"""The versions in the registry: a model each, with the container that serves it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from modelberth.gcp.vertex import names
from modelberth.gcp.vertex.model import Model, ModelArgs, Probe
from modelberth.gcp.vertex.path import deployment_seconds
from modelberth.gcp.vertex.server import artifact_uri, environment, serving

if TYPE_CHECKING:
    import pulumi

    from modelberth.gcp.plan import Plan
    from modelberth.gcp.vertex.shares import ModelShare
    from modelberth.spec import EndpointSpec
    from modelberth.spec.vertex import VertexTarget

__all__ = ["register", "startup_probe"]

# What Vertex AI itself takes for its health checks, which go on once the server has started: every 10 s, of
# which the server has 10 ("Custom container requirements for inference", default health checks).
_SECONDS: Final = 10
# A server that has stood still for a minute is started again. Vertex AI's own check asks nothing of it but
# that the port is open.
_STILL: Final = 6
_MIB: Final = 2**20


def register(
    name: str,
    plan: Plan[VertexTarget],
    share: ModelShare,
    opts: pulumi.ResourceOptions,
    *,
    image: pulumi.Input[str],
    key: pulumi.Input[str],
    path: str = "",
) -> Model:
    """Register the version that serves a model.

    Args:
        name: beginning of the logical name, which the model ends
        plan: of the endpoint
        share: the model
        opts: of the resource
        image: in Artifact Registry of the region, by digest
        key: full name of what encrypts the model's files
        path: where the spec stands in the config

    """
    spec, model = plan.spec, share.model
    started = serving(spec, model)
    shared = started.shared_memory
    args = ModelArgs(
        project=plan.place.project,
        region=plan.place.region,
        model_id=names.model_id(plan),
        display_name=names.model_id(plan),
        description=f"Models of endpoint {spec.name}.",
        version_description=f"Version {model.version} of {spec.name}.",
        image=image,
        command=started.command,
        args=started.args,
        env=dict(environment(spec, model)),
        ports=[started.ports["http"]],
        predict_route=started.predict.path,
        health_route=started.ready.path,
        startup_probe=startup_probe(spec, started.ready.path),
        liveness_probe=Probe(
            path=started.live.path, period=_SECONDS, timeout=_SECONDS, failure_threshold=_STILL
        ),
        shared_memory_mb=None if shared is None else math.ceil(shared / _MIB),
        deployment_timeout=deployment_seconds(spec),
        artifact_uri=artifact_uri(model),
        encryption_key=key,
        labels=plan.labels,
        config_path=path or None,
    )
    return Model(f"{name}-{names.model_key(model)}", args, opts)


def startup_probe(spec: EndpointSpec, path: str) -> Probe:
    """Return how long a server may take to get ready: until then, nothing else is asked of it."""
    failures = math.ceil(spec.limits.startup_timeout.seconds / _SECONDS)
    return Probe(path=path, period=_SECONDS, timeout=_SECONDS, failure_threshold=failures)
