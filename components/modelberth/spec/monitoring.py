"""What is recorded of an endpoint and when somebody is told."""

from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from modelberth.errors import HIDDEN, Problem, SpecError, shown

from .model import ModelUri
from .quantities import Duration
from .rules import Count, Flag, Matching, Number, Part, between

__all__ = ["Alerts", "Capture", "Drift", "Logs", "Monitoring", "Slo", "Tracing"]

FieldName = Annotated[str, Field(min_length=1, max_length=128)]
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_LOGIN: Final = r"([A-Za-z0-9._~%!$&'()*+,;=:-]+@)?"  # RFC 3986, userinfo
_OPEN: Final = ("mailto:", "arn:", "projects/")


def _is_secret(receiver: str) -> bool:
    return "/" in receiver and not receiver.startswith(_OPEN)


@dataclass(frozen=True, slots=True)
class _Receiver(Matching):
    """Of a webhook the address is the secret: who knows it may call it."""

    def check(self, value: str) -> str:
        return Matching.check(replace(self, is_secret=_is_secret(value)), value)


_NOTIFY = _Receiver(
    # RFC 5321, "Size Limits and Minimums": 64 characters before the @.
    rf"(mailto:[!-?A-~]{{1,64}}@{_HOST}|https://{_LOGIN}{_HOST}(:[0-9]{{1,5}})?([/?][!-~]{{0,2000}})?|arn:[!-~]+"
    r"|projects/[a-z0-9-]+/notificationChannels/[0-9]+)",
    "mailto:ADDRESS, an https webhook, an SNS topic's ARN or projects/PROJECT/notificationChannels/NUMBER",
)


class Logs(Part):
    """Request and server logs, without bodies."""

    retention_days: Count = Field(30, ge=1, le=3653, description="Days that logs are kept.")


class Tracing(Part):
    """Distributed traces, by OpenTelemetry."""

    percent: Number = Field(
        5.0, gt=0, le=100, description="Share of the requests that is traced, in percent."
    )


class Slo(Part):
    """What callers are promised; a burn-rate alert pair is derived from it."""

    availability: Number = Field(
        99.5, ge=50, lt=100, description="Share of requests that succeed over the window, in percent."
    )
    latency_p99: Annotated[Duration, between(Duration, "1ms", "1h")] | None = Field(
        None, description="Latency that 99 percent of requests stay below. Unset: not promised."
    )
    window_days: Count = Field(30, ge=1, le=90, description="Window of the promise, in days.")


class Capture(Part):
    """A sample of requests and predictions, kept for drift checks and retraining."""

    percent: Number = Field(1.0, gt=0, le=100, description="Share of the requests that is kept, in percent.")
    retention_days: Count = Field(30, ge=1, le=3653, description="Days that the sample is kept.")
    drop_fields: tuple[FieldName, ...] = Field(
        (), max_length=500, description="Input fields that are never stored."
    )
    hash_fields: tuple[FieldName, ...] = Field(
        (), max_length=500, description="Input fields that are stored only as a keyed hash."
    )

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        both = sorted(set(self.drop_fields) & set(self.hash_fields))
        if both:
            raise SpecError(
                Problem("hash_fields", ", ".join(both), "fields that are not in drop_fields as well")
            )
        return self


class Drift(Part):
    """A scheduled comparison of captured inputs with those that the model was trained on."""

    reference: ModelUri = Field(
        description="Data set that captured inputs are compared with.",
        examples=["s3://models/iris/train.parquet"],
    )
    every: Annotated[Duration, between(Duration, "1h", "30d")] = Field(
        Duration(86_400_000), description="Time between two checks."
    )
    threshold_percent: Number = Field(
        30.0, gt=0, le=100, description="Share of drifted input fields at which an alert is sent, in percent."
    )


class Alerts(Part):
    """Where alerts go."""

    notify: tuple[Annotated[str, _NOTIFY], ...] = Field(
        (),
        max_length=20,
        description="Receivers: mailto:ADDRESS, an https webhook, the ARN of an SNS topic, the full name of "
        "an existing notification channel of Google Cloud. Empty: alerts show in the console only.",
    )

    @model_validator(mode="after")
    def _each_is_told_once(self) -> Self:
        problems = [
            Problem(f"notify[{place}]", HIDDEN if _is_secret(one) else shown(one), "each one once")
            for place, one in enumerate(self.notify)
            if one in self.notify[:place]
        ]
        if problems:
            raise SpecError(*problems)
        return self


class Monitoring(Part):
    """Signals, promises and alerts."""

    logs: Logs = Field(default_factory=Logs, description="Logs.")
    metrics: Flag = Field(
        default=True,
        description="Traffic, errors, latency and saturation as metrics, at /metrics in the Prometheus "
        "format.",
    )
    tracing: Tracing | None = Field(None, description="Traces. Unset: none.")
    slo: Slo | None = Field(None, description="Service level objective with its alerts. Unset: none.")
    capture: Capture | None = Field(
        None, description="Sample of requests and predictions. Unset: none is stored."
    )
    drift: Drift | None = Field(None, description="Drift check. Unset: none.")
    alerts: Alerts = Field(default_factory=Alerts, description="Where alerts go.")

    @model_validator(mode="after")
    def _drift_has_data(self) -> Self:
        if self.drift is not None and self.capture is None:
            raise SpecError(
                Problem("capture", "nothing", "a mapping, since monitoring.drift compares captured requests")
            )
        return self
