"""How a change reaches the people who use the endpoint."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from modelberth.errors import Problem, SpecError

from .model import ModelSource
from .quantities import Amount, Duration
from .rules import Count, Flag, Matching, Number, Part, between

__all__ = [
    "BlueGreen",
    "Canary",
    "CanaryStep",
    "Guard",
    "HeaderMatch",
    "Recreate",
    "Rolling",
    "Rollout",
    "Shadow",
]

Bake = Annotated[Duration, between(Duration, "0s", "7d")]

_PREVIOUS = (
    "Model that the endpoint comes from, which keeps serving beside the new one. Unset: none, the new "
)


class Rolling(Part):
    """Replace the replicas a few at a time; requests are served throughout."""

    strategy: Literal["rolling"] = Field("rolling", description="How a change is rolled out.")
    max_surge: Amount = Field(
        Amount(1), description="Replicas above the wanted number during a change: a count or a percentage."
    )
    max_unavailable: Amount = Field(
        Amount(0), description="Replicas that may be missing during a change: a count or a percentage."
    )

    @model_validator(mode="after")
    def _can_move(self) -> Self:
        if self.max_surge.count == 0 and self.max_unavailable.count == 0:
            allowed = "1 or more, or max_unavailable of 1 or more"
            raise SpecError(
                Problem(
                    "max_surge",
                    str(self.max_surge),
                    allowed,
                    "With both at 0 no replica can ever be replaced.",
                )
            )
        return self


class Recreate(Part):
    """Stop the old replicas, then start the new ones: no second set of machines, but a gap in service."""

    strategy: Literal["recreate"] = Field("recreate", description="How a change is rolled out.")


class CanaryStep(Part):
    """One share of the traffic, kept until it has proved itself."""

    percent: Count = Field(
        ge=1, le=99, description="Share of the requests that the new revision gets, in percent."
    )
    bake: Bake = Field(Duration(600_000), description="Time that the step lasts before the next one.")


class HeaderMatch(Part):
    """Requests with this header go to the new revision, whatever the share."""

    name: Annotated[str, Matching(r"[A-Za-z0-9-]{1,64}", "1 to 64 letters, digits or hyphens")] = Field(
        "x-canary", description="Name of the HTTP header."
    )
    value: Annotated[str, Matching(r"[!-~]{1,128}", "1 to 128 printable characters without spaces")] = Field(
        "always", description="Value that the header must have."
    )


class Guard(Part):
    """What must hold at the new revision; else all traffic goes back, or on some targets an alert is sent."""

    max_error_percent: Number | None = Field(
        1.0,
        ge=0,
        le=100,
        description="Greatest share of failed requests (5xx and timeouts), in percent. Null: not watched.",
    )
    max_latency_p99: Annotated[Duration, between(Duration, "1ms", "1h")] | None = Field(
        None, description="Greatest latency of the 99th percentile. Unset: not watched."
    )

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        if self.max_error_percent is None and self.max_latency_p99 is None:
            raise SpecError(
                Problem("max_error_percent", "nothing", "0 to 100 (percent), or a max_latency_p99")
            )
        return self


class Canary(Part):
    """Give the new revision a growing share of the traffic, and all of it after the last step."""

    strategy: Literal["canary"] = Field("canary", description="How a change is rolled out.")
    steps: tuple[CanaryStep, ...] = Field(
        default_factory=lambda: (CanaryStep(percent=10), CanaryStep(percent=50)),
        min_length=1,
        max_length=10,
        description="Shares in rising order; 100 percent follows by itself.",
    )
    header: HeaderMatch | None = Field(
        None, description="Header that picks the new revision on purpose. Unset: the share alone decides."
    )
    guard: Guard = Field(
        default_factory=Guard, description="What must hold at the new revision during every step."
    )
    previous: ModelSource | None = Field(None, description=f"{_PREVIOUS}model gets every request.")
    step: Count = Field(
        1,
        ge=0,
        le=11,
        description="Step that is reached, with `previous`: 0 sends every request to the previous model "
        "(the way back), one more than there are `steps` every request to the new one.",
    )

    @property
    def share(self) -> int:
        """Percent of the requests that the new model gets at the step that is reached."""
        whole = 100
        return whole if self.previous is None else (0, *(one.percent for one in self.steps), whole)[self.step]

    @model_validator(mode="after")
    def _step_exists(self) -> Self:
        last = len(self.steps) + 1
        if self.step > last:
            allowed = f"0 to {last}, since there are {len(self.steps)} steps and {last} is the whole traffic"
            raise SpecError(Problem("step", str(self.step), allowed))
        if self.previous is None and self.step != 1:
            raise SpecError(Problem("step", str(self.step), "1 without rollout.previous"))
        return self

    @model_validator(mode="after")
    def _rising(self) -> Self:
        problems = [
            Problem(
                f"steps[{place}].percent",
                str(after.percent),
                f"above {before.percent}, the step before, and at most 99",
            )
            for place, (before, after) in enumerate(pairwise(self.steps), start=1)
            if after.percent <= before.percent
        ]
        if problems:
            raise SpecError(*problems)
        return self


class BlueGreen(Part):
    """Start a full second set, switch all traffic at once, keep the old set for the way back."""

    strategy: Literal["blue_green"] = Field("blue_green", description="How a change is rolled out.")
    bake: Bake = Field(
        Duration(600_000),
        description="Time that the old set stays ready after the switch; both sets cost meanwhile.",
    )
    previous: ModelSource | None = Field(None, description=f"{_PREVIOUS}model gets every request.")
    active: Literal["new", "previous"] = Field(
        "new", description="Set that gets every request, with `previous`: the way there and back."
    )

    @property
    def share(self) -> int:
        """Percent of the requests that the new model gets: all or none."""
        return 100 if self.active == "new" else 0

    @model_validator(mode="after")
    def _there_are_two(self) -> Self:
        if self.previous is None and self.active == "previous":
            raise SpecError(Problem("active", self.active, "new without rollout.previous"))
        return self


class Shadow(Part):
    """Copy requests to the new revision and drop its answers; nothing is promoted by itself."""

    strategy: Literal["shadow"] = Field("shadow", description="How a change is rolled out.")
    percent: Count = Field(10, ge=1, le=100, description="Share of the requests that is copied, in percent.")
    previous: ModelSource | None = Field(
        None, description=f"{_PREVIOUS}model answers, since there is no other."
    )
    promoted: Flag = Field(
        default=False, description="The new model answers and nothing is copied, with `previous`."
    )

    @property
    def share(self) -> int:
        """Percent of the requests that the new model answers: all or none."""
        return 100 if self.promoted or self.previous is None else 0

    @model_validator(mode="after")
    def _promoted_from_something(self) -> Self:
        if self.previous is None and self.promoted:
            raise SpecError(Problem("promoted", "true", "false without rollout.previous"))
        return self


Rollout = Annotated[Rolling | Recreate | Canary | BlueGreen | Shadow, Field(discriminator="strategy")]
