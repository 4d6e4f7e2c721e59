"""How many replicas serve, and what adds or removes one."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from modelberth.errors import Problem, SpecError

from .quantities import Duration
from .rules import Count, Number, Part, between

__all__ = ["ScaleMetric", "Scaling"]

ScaleMetric = Literal["concurrency", "requests_per_second", "cpu", "gpu", "queue_depth"]
_PERCENT = 100.0


class Scaling(Part):
    """Fixed while `min` equals `max`. A higher `max` opens autoscaling, `min: 0` stops an idle endpoint."""

    min: Count = Field(
        1,
        ge=0,
        le=1000,
        description="Least number of replicas. 0 lets the endpoint scale to zero; the next request then "
        "waits for a cold start.",
    )
    max: Count = Field(
        1,
        ge=1,
        le=1000,
        description="Greatest number of replicas: the cap on cost. Above `min`, replicas follow the load.",
    )
    metric: ScaleMetric = Field(
        "concurrency",
        description="Load that is measured for each replica: requests in progress (concurrency), "
        "requests_per_second, "
        "use of cpu or gpu in percent, or waiting requests (queue_depth).",
    )
    target: Number | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="Value of the metric that one replica should run at. Unset: 70 percent of "
        "`limits.concurrency` for "
        "concurrency, 70 percent for cpu and gpu; the other metrics need it.",
    )
    cooldown: Annotated[Duration, between(Duration, "0s", "1h")] = Field(
        Duration(300_000), description="Time that the load has to stay low before a replica is removed."
    )
    idle_to_zero_after: Annotated[Duration, between(Duration, "1m", "1d")] | None = Field(
        None,
        description="Time without a request after which the last replica stops, with `min: 0`. Unset: the "
        "target's own rule.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._range(), *self._autoscaling()]
        if problems:
            raise SpecError(*problems)
        return self

    def _range(self) -> list[Problem]:
        if self.min <= self.max:
            return []
        if "max" in self.model_fields_set:
            return [Problem("max", str(self.max), f"1 or more, and not below scaling.min = {self.min}")]
        hint = f"Give `max: {self.min}` as well to keep a fixed number of replicas."
        return [
            Problem(
                "min", str(self.min), f"0 to {self.max}, since scaling.max is {self.max} unless given", hint
            )
        ]

    def _autoscaling(self) -> list[Problem]:
        problems = []
        if self.min == self.max:
            # A setting without effect reads as if it had one.
            fixed = f"nothing while scaling.min = scaling.max = {self.max}: the number of replicas is fixed"
            for name in ("metric", "target", "cooldown"):
                value = getattr(self, name)
                if value != type(self).model_fields[name].default:
                    problems.append(
                        Problem(name, str(value), fixed, "Raise scaling.max to scale with the load.")
                    )
        elif self.target is None and self.metric in {"requests_per_second", "queue_depth"}:
            problems.append(Problem("target", "nothing", f"a number above 0 for metric {self.metric}"))
        if self.metric in {"cpu", "gpu"} and self.target is not None and self.target > _PERCENT:
            problems.append(
                Problem(
                    "target", str(self.target), f"above 0 and at most 100 (percent) for metric {self.metric}"
                )
            )
        if self.idle_to_zero_after is not None and self.min > 0:
            problems.append(
                Problem(
                    "idle_to_zero_after",
                    str(self.idle_to_zero_after),
                    f"nothing while scaling.min = {self.min}",
                    "Set scaling.min to 0.",
                )
            )
        return problems
