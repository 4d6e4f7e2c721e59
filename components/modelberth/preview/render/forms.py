"""The shape of a report's JSON form. Its JSON Schema is written from these types.

Within a version a field may be added; nothing is renamed or removed. So a reader lets pass what it does not
know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic takes no other one before Python 3.12

from modelberth.preview.effects.effect import Calls, Kind
from modelberth.preview.plan import Op
from modelberth.preview.report import Outcome

__all__ = [
    "AnswersForm",
    "ChargeForm",
    "CostForm",
    "DifferenceForm",
    "EffectForm",
    "EndpointForm",
    "ErrorForm",
    "LoadForm",
    "PairForm",
    "ReportForm",
    "StepForm",
    "TotalForm",
    "UnpricedForm",
    "ViolationForm",
    "schema",
]

_documented = with_config(ConfigDict(use_attribute_docstrings=True))


@_documented
class ChargeForm(TypedDict):
    """One thing that is billed."""

    urn: str
    what: str
    quantity: float
    unit: str
    usd: float
    """Cost of a month."""
    price: str
    """Id of the price in the price file."""


@_documented
class LoadForm(TypedDict):
    """A month at one load."""

    usd: float
    """Sum of the lines."""
    lines: list[ChargeForm]


@_documented
class UnpricedForm(TypedDict):
    """A resource, or a part of one, that has no price. It is in no sum."""

    urn: str
    why: str
    idle: bool
    """Whether it is billed without a single request as well, or may be."""


@_documented
class CostForm(TypedDict):
    """The cost of a month in US dollars."""

    least: LoadForm
    """Not one request."""
    expected: LoadForm
    most: LoadForm
    """Every replica, always."""
    unpriced: list[UnpricedForm]
    assumptions: list[str]


@_documented
class PairForm(TypedDict):
    """The cost before and after; null where there is nothing, or nothing is estimated."""

    before: CostForm | None
    after: CostForm | None


@_documented
class TotalForm(TypedDict):
    """Sums of all endpoints at the expected load, in US dollars a month."""

    before_usd: float
    after_usd: float
    unpriced: int
    """How many things `after_usd` leaves out because they have no price."""
    unpriced_before: int
    """The same of `before_usd`."""
    comparable: bool
    """Whether the difference is one of the bill: false where a resource has a price on one side alone."""


@_documented
class EffectForm(TypedDict):
    """One thing that happens to an endpoint."""

    kind: Kind
    severity: Literal["none", "change", "danger"]
    """`danger`: calls may fail, data may be lost, or somebody may do what they could not do before."""
    sentence: str
    urn: str
    """Resource that causes it; empty where the endpoint as a whole is meant."""
    paths: list[str]
    """The properties that cause it."""
    downtime_seconds: Annotated[list[int], Field(min_length=2, max_length=2)] | None
    """For how long calls fail, shortest and longest usual time; null where no such time is known."""
    calls: Calls
    """Whether calls fail because of it."""
    of_callers: bool
    """Of a permission: whether it is about who may call, not about what the endpoint itself may do."""
    extra_gpus: int
    """GPUs that are needed for the time of the change, on top of those in use."""


@_documented
class AnswersForm(TypedDict):
    """What a reviewer asks of an endpoint as it will be: sentences without their end."""

    callers: list[str]
    """Who may call it, and by which way."""
    reads: list[str]
    """What its replicas may read, and by which permission."""
    does: list[str]
    """What else they may do."""
    takes_down: list[str]
    """What alone takes the endpoint down."""
    idle: str
    """What it costs without a request; empty where nothing is to be estimated."""


@_documented
class EndpointForm(TypedDict):
    """One endpoint, or what stands outside of all endpoints (`name` is empty then)."""

    name: str
    urn: str
    target: str | None
    """Kind of the target."""
    severity: Literal["none", "change", "danger"]
    """That of the gravest effect."""
    effects: list[EffectForm]
    answers: AnswersForm | None
    """Null where nothing in the plan says it."""
    cost: PairForm
    budget_usd: float | None
    """What a month may cost at the expected load."""
    over_budget: bool


@_documented
class ViolationForm(TypedDict):
    """What a policy pack has against the plan."""

    policy: str
    message: str
    mandatory: bool
    """Whether the update is refused for it."""
    urn: str


@_documented
class ErrorForm(TypedDict):
    """Why the preview failed."""

    message: str
    resource: str
    """Type and name; empty where the program as a whole is meant."""
    property: str
    where: str
    """File and line of the program, from the folder of its entry point; empty where that is not known."""
    detail: str
    """The whole text, such as a traceback, where `message` is a part of it."""


@_documented
class DifferenceForm(TypedDict):
    """One property that changes.

    A value that cannot be given is a mapping with the one key `modelberth:marker`: `secret`, `unknown` (until
    the update) or `absent` (that side does not have the property). It may also stand inside of a value.
    """

    path: str
    before: Any
    after: Any
    replaces: bool
    """Whether this change is what takes a replacement."""


@_documented
class StepForm(TypedDict):
    """What happens to one resource."""

    urn: str
    type: str
    name: str
    op: Op
    parent: str
    """URN of the parent; empty for the stack itself."""
    custom: bool
    """Whether a provider makes it; a component is not custom."""
    delete_first: bool
    """Of a replacement: whether the old one goes before the new one is there."""
    protect: bool
    retain: bool
    """Whether a deletion leaves the real thing where it is."""
    differences: list[DifferenceForm]
    """Empty for what is created or removed."""


@_documented
class ReportForm(TypedDict):
    """What `modelberth preview --format json` and `modelberth diff --format json` print."""

    version: Literal[1]
    outcome: Outcome
    headline: str
    """What happens to callers, and the bill, in a sentence or two."""
    project: str
    stack: str
    before: str
    """What is compared with."""
    after: str
    offline: bool
    """Whether stand-ins took the providers' place."""
    errors: list[ErrorForm]
    endpoints: list[EndpointForm]
    """The gravest first."""
    cost: TotalForm | None
    """Null where nothing is estimated."""
    violations: list[ViolationForm]
    steps: list[StepForm]
    outputs: list[DifferenceForm]
    """What the stack exports and what changes of it."""
    notes: list[str]
    """Assumptions, warnings, the age of prices, what was not looked at."""


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a report."""
    written = TypeAdapter(ReportForm).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **written,
        "title": "Modelberth report",
    }
