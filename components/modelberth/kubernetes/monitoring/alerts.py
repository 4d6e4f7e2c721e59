"""What Prometheus computes of an endpoint, and when it tells somebody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from modelberth.kubernetes.crds import api_version
from modelberth.kubernetes.monitoring.burn_rate import burn_alerts, burn_recordings
from modelberth.kubernetes.monitoring.load_alerts import load_alerts, load_recordings
from modelberth.kubernetes.monitoring.queries import ENDPOINT, Queries, is_measured
from modelberth.kubernetes.monitoring.replica_alerts import gpu_alerts, replica_alerts
from modelberth.kubernetes.monitoring.rule import Rule, alert
from modelberth.spec.rollout import Canary

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan
    from modelberth.spec import Drift

__all__ = ["groups", "rules"]

# Above it the usual reading of the index is a large shift: docs/watching.md.
_SHIFTED: Final = 0.25


def rules(plan: Plan) -> dict[str, Manifest]:
    """Return the rules: the operator's PrometheusRule, or a ConfigMap for Prometheus' `rule_files`."""
    labels = {**plan.labels(), **plan.target.prometheus.labels}
    metadata = {"name": f"{plan.name}-rules", "namespace": plan.namespace, "labels": labels}
    if plan.target.prometheus.operator:
        kind = "PrometheusRule"
        spec = {"groups": groups(plan)}
        return {"rules": {"apiVersion": api_version(kind), "kind": kind, "metadata": metadata, "spec": spec}}
    # Not imported with the package: it makes that slow.
    import yaml  # noqa: PLC0415

    text = yaml.safe_dump({"groups": groups(plan)}, sort_keys=False, width=1000)
    data = {f"{plan.namespace}-{plan.name}.yaml": text}
    return {"rules": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}}


def groups(plan: Plan) -> list[dict[str, Any]]:
    """Return the groups of rules, as in a rule file; a group's name is unique in a Prometheus."""
    monitoring = plan.spec.monitoring
    found: dict[str, list[Rule]] = {"replicas": [*replica_alerts(plan), *gpu_alerts(plan)]}
    if is_measured(plan):
        found["load"] = [*load_recordings(plan), *load_alerts(plan)]
        if monitoring.slo is not None:
            found["slo"] = [*burn_recordings(plan, monitoring.slo), *burn_alerts(plan, monitoring.slo)]
        found["rollout"] = [*_guards(plan)]
        if monitoring.drift is not None:
            found["drift"] = [*_drift(plan, monitoring.drift)]
    prefix = f"modelberth/{plan.namespace}/{plan.name}"
    return [{"name": f"{prefix}/{name}", "rules": listed} for name, listed in found.items() if listed]


def _guards(plan: Plan) -> Iterator[Rule]:
    """Yield what must hold at the new revision of a canary."""
    rollout = plan.spec.rollout
    if not isinstance(rollout, Canary) or not plan.is_split:
        return
    queries = Queries(plan)
    new = next(one for one in plan.revisions if not one.is_previous)
    back = "Set rollout.step to 0: every request goes to the previous model. Then read the new one's log."
    guard, version = rollout.guard, f"{plan.spec.name}: the new model, version {new.model.version}"
    if guard.max_error_percent is not None:
        series = f"modelberth:revision_error_ratio:rate5m{{{queries.of(new)}}}"
        yield alert(
            plan,
            "ModelberthGuardErrors",
            f"{series} > {guard.max_error_percent / 100:g}",
            severity="critical",
            lasting="1m",
            summary=f"{version}, fails in {{{{ $value | humanizePercentage }}}} of its requests",
            description=f"rollout.guard.max_error_percent is {guard.max_error_percent:g}.",
            runbook=back,
        )
    if guard.max_latency_p99 is not None and queries.latency(0.99, "5m") is not None:
        series = f'modelberth:latency_seconds:rate5m{{{queries.of(new)},quantile="0.99"}}'
        yield alert(
            plan,
            "ModelberthGuardLatency",
            f"{series} > {guard.max_latency_p99.seconds:g}",
            severity="critical",
            lasting="1m",
            summary=f"{version}, has a 99th percentile of {{{{ $value | humanizeDuration }}}}",
            description=f"rollout.guard.max_latency_p99 is {guard.max_latency_p99}.",
            runbook=back,
        )


def _drift(plan: Plan, drift: Drift) -> Iterator[Rule]:
    queries = Queries(plan)
    version = f"namespace, {ENDPOINT}, model, version"
    period = _prometheus_duration(drift.every.milliseconds)
    feature, column = (
        f"avg by ({version}, {by}) (avg_over_time(modelberth_{kind}_psi{{{queries.all}}}[{period}]))"
        for kind, by in (("feature", "input, feature"), ("prediction", "output, column"))
    )
    share = drift.threshold_percent / 100
    yield alert(
        plan,
        "ModelberthInputsDrifted",
        f"sum by ({version}) ({feature} > bool {_SHIFTED}) / count by ({version}) ({feature}) >= {share:g}",
        severity="warning",
        lasting="15m",
        summary=f"{plan.spec.name}: {{{{ $value | humanizePercentage }}}} of the input fields have drifted",
        description=f"Over {drift.every} their population stability index against the training data is above "
        f"{_SHIFTED}, the usual mark of a large shift.",
        runbook="modelberth_feature_bucket_total tells which fields and values: a fault of the data that "
        "come in has to be mended there, a change of the world needs training anew.",
    )
    yield alert(
        plan,
        "ModelberthPredictionsShifted",
        f"{column} > {_SHIFTED}",
        severity="warning",
        lasting="15m",
        summary=f"{plan.spec.name}: {{{{ $labels.output }}}}[{{{{ $labels.column }}}}] has shifted",
        description=f"Over {drift.every} their population stability index against those on the training data "
        f"is {{{{ $value | humanize }}}}, above {_SHIFTED}.",
        runbook="Compare the inputs first: they drifted as well, or the model judges the same inputs anew.",
    )


def _prometheus_duration(milliseconds: int) -> str:
    return f"{milliseconds // 1000}s" if milliseconds % 60_000 else f"{milliseconds // 60_000}m"
