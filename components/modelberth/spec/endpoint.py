"""What an endpoint is, whatever it runs on."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from modelberth.errors import Problem, SpecError

from .limits import Budget, Limits
from .load import Load
from .model import ModelSource
from .monitoring import Monitoring
from .resources import Resources
from .rollout import Recreate, Rolling, Rollout
from .rules import Flag, Matching, Part
from .runtime import Runtime
from .scaling import Scaling
from .security import Security
from .variants import Variant, check_weights

__all__ = ["EndpointSpec"]

# Azure ML takes 3 to 32 characters and a letter first, Container Apps no two hyphens in a row.
_NAME = Matching(
    r"(?=.{3,32}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "3 to 32 lower-case letters, digits and single hyphens, a letter first, no hyphen last",
)
# The intersection of Kubernetes' labels and Google Cloud's.
_LABEL = Matching(
    r"[a-z]([a-z0-9_-]{0,61}[a-z0-9])?",
    "1 to 63 lower-case letters, digits, hyphens and underscores, a letter first",
)
_LABEL_VALUE = Matching(
    r"([a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)?", "up to 63 lower-case letters, digits, hyphens and underscores"
)


def _weights(variants: Mapping[str, Variant]) -> Mapping[str, Variant]:
    check_weights(variants)
    return variants


class EndpointSpec(Part):
    """What is wanted of one endpoint. The target says where, capabilities whether it can be had there."""

    name: Annotated[str, _NAME] = Field(
        description="Name of the endpoint, unique in its stack; part of every physical name."
    )
    model: ModelSource = Field(description="The model.")
    runtime: Runtime = Field(default_factory=Runtime, description="What runs the model.")
    resources: Resources = Field(default_factory=Resources, description="Share of a machine for one replica.")
    scaling: Scaling = Field(default_factory=Scaling, description="Number of replicas.")
    rollout: Rollout = Field(default_factory=Rolling, description="How a change reaches the callers.")
    variants: Annotated[Mapping[Annotated[str, _NAME], Variant], AfterValidator(_weights)] = Field(
        {}, max_length=10, description="Further models by name that share the traffic."
    )
    security: Security = Field(
        default_factory=Security, description="Identity, callers, keys, network and encryption."
    )
    limits: Limits = Field(default_factory=Limits, description="Bounds of a request.")
    load: Load = Field(default_factory=Load, description="Expected load, for the cost estimate alone.")
    budget: Budget | None = Field(None, description="Bound of the cost. Unset: none.")
    monitoring: Monitoring = Field(default_factory=Monitoring, description="Signals, promises and alerts.")
    labels: Annotated[Mapping[Annotated[str, _LABEL], Annotated[str, _LABEL_VALUE]], Field(max_length=32)] = (
        Field({}, description="Labels (tags) on every resource of the endpoint.")
    )
    protect: Flag = Field(default=False, description="Refuse to delete the endpoint until this is off again.")

    @property
    def threads(self) -> int:
        """Threads that compute one request in a replica: `runtime.threads`, else one for each whole core."""
        return self.runtime.threads or max(1, self.resources.cpu.millicores // 1000)

    @property
    def previous(self) -> ModelSource | None:
        """The model that the rollout comes from and that stays beside the new one; None: there is none."""
        previous: ModelSource | None = getattr(self.rollout, "previous", None)
        return previous

    @property
    def share(self) -> int:
        """Percent of what both answer that `model` gets; `previous` has the rest."""
        return 100 if isinstance(self.rollout, Rolling | Recreate) else self.rollout.share

    @property
    def models(self) -> Mapping[str, ModelSource]:
        """Every model that a replica may have to serve, by the path of its field."""
        previous = {} if self.previous is None else {"rollout.previous": self.previous}
        variants = {f"variants.{name}.model": one.model for name, one in self.variants.items()}
        return {"model": self.model, **previous, **variants}

    @model_validator(mode="after")
    def _one_traffic_split(self) -> Self:
        if self.variants and self.rollout.strategy in {"canary", "shadow"}:
            allowed = "rolling, recreate or blue_green while variants share the traffic"
            raise SpecError(
                Problem(
                    "rollout.strategy",
                    self.rollout.strategy,
                    allowed,
                    "Only one thing at a time can split the traffic.",
                )
            )
        return self
