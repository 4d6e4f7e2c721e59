"""The table of metrics: whole, named as PromQL has them, and of the endpoint alone."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from modelberth.gcp.monitoring import signals
from modelberth.gcp.monitoring.signals import REFUSALS, TABLE, Role, kinds, promql_name, signals_of
from support.gcp_blocks import PLACE
from support.gcp_watched import KINDS, NEW, WHERE, watched


def test_the_table_has_its_date_and_its_sources() -> None:
    data = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    assert isinstance(data["captured"], date)
    assert len(data["sources"]) == 3
    assert all(url.startswith("https://docs.cloud.google.com/") for url in data["sources"].values())


def test_each_kind_tells_what_every_alert_needs() -> None:
    assert set(kinds()) == {*KINDS}
    needed = {"requests", "failed", "rejected", "latency", "replicas", "active", "cpu_use", "memory_use"}
    for kind in kinds().values():
        assert needed <= kind.metrics.keys() <= set(get_args(Role))
        assert kind.metrics["latency"].measured(0.3) == 300
        for role, metric in kind.metrics.items():
            histogram = role in {"latency", "in_progress", "starts"} or metric.name.endswith("utilizations")
            assert (metric.form == "histogram") == histogram, role
            counter = role in {"requests", "failed", "rejected", "refused"}
            assert (metric.form == "counter") == counter, role
    with pytest.raises(KeyError):
        kinds()["vertex"].metrics["memory_use"].measured(1)


@pytest.mark.parametrize(
    ("google", "promql"),
    [
        # As the page has them.
        ("kubernetes.io/container/cpu/limit_cores", "kubernetes_io:container_cpu_limit_cores"),
        (
            "compute.googleapis.com/instance/cpu/utilization",
            "compute_googleapis_com:instance_cpu_utilization",
        ),
        ("logging.googleapis.com/log_entry_count", "logging_googleapis_com:log_entry_count"),
        ("logging.googleapis.com/user/shop-iris", "logging_googleapis_com:user_shop_iris"),
    ],
)
def test_names_are_those_of_promql(google: str, promql: str) -> None:
    assert promql_name(google) == promql


@pytest.mark.parametrize("kind", KINDS)
def test_a_selector_names_the_endpoint_and_its_resource(kind: str) -> None:
    found = watched(kind, version=True).signals
    for role in found.metrics:
        selector = found.series(role)
        name, labels = re.fullmatch(r"([a-z_]+:[a-z_]+)\{(.*)\}", selector).groups()  # type: ignore[union-attr]
        assert name.startswith(
            ("run_googleapis_com:", "aiplatform_googleapis_com:", "logging_googleapis_com:")
        )
        assert f'monitored_resource="{found.resource}"' in labels
        assert all(f'="{value}"' in labels for value in WHERE[kind].values())
        assert NEW[kind] not in labels
        assert f'{found.version}="{NEW[kind]}"' in found.series(role, version=True)
    assert "_bucket{" in found.series("latency", "_bucket")


def test_the_project_is_known_where_the_resource_has_it() -> None:
    assert f'project_id="{PLACE.project}"' in watched("cloud_run").signals.series("requests")
    assert "project" not in watched("vertex").signals.series("requests")


def test_the_log_is_of_the_endpoint_and_holds_no_audit_log() -> None:
    assert watched("cloud_run").signals.log_filter == (
        'resource.type="cloud_run_revision" AND resource.labels.project_id="shop-prod" AND '
        'resource.labels.location="europe-west4" AND resource.labels.service_name="shop-prod-iris" AND '
        'NOT logName:"cloudaudit.googleapis.com"'
    )
    assert watched("vertex").signals.log_filter.startswith(
        'resource.type="aiplatform.googleapis.com/Endpoint" AND resource.labels.location="europe-west4" AND '
        'resource.labels.endpoint_id="4711" AND '
    )


def test_a_metric_of_our_own_is_there_once_it_has_a_name() -> None:
    without = signals_of("cloud_run", PLACE.project, WHERE["cloud_run"])
    assert not without.has("refused")
    assert without.has("requests", "failed")
    assert signals_of("cloud_run", PLACE.project, {**WHERE["cloud_run"], REFUSALS: "x"}).has("refused")
    assert not watched("vertex").signals.has("refused")


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no signals are known of the kind 'gke', only of cloud_run, vertex"):
        signals_of("gke", PLACE.project, WHERE["cloud_run"])
    with pytest.raises(ValueError, match="the signals of vertex need to know: endpoint, location"):
        signals_of("vertex", PLACE.project, {"service": "s"})


@pytest.mark.parametrize(
    ("find", "put", "message"),
    [
        ('rejected = "run-4xx"', 'rejected = "run-5xx"', "metrics not listed, or not used: run-4xx"),
        ('source = "log"', 'source = "rumour"', "sources not listed, or not used: log, rumour"),
        ('starts = "run-', 'begins = "run-', "metrics not listed, or not used: run-starts"),
        (
            'starts = "run-starts"',
            'starts = "run-starts"\nbegins = "x"',
            "kind cloud_run: no such role: begins",
        ),
    ],
)
def test_a_wrong_table_is_noticed(
    find: str, put: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = TABLE.read_text(encoding="utf-8")
    assert find in text
    changed = tmp_path / TABLE.name
    changed.write_text(text.replace(find, put), encoding="utf-8")
    monkeypatch.setattr(signals, "TABLE", changed)
    with pytest.raises(ValueError, match=message):
        signals.kinds.__wrapped__()
