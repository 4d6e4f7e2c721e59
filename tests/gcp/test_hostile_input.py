"""What a careless or a hostile hand writes: told as a problem of its field, before anything is made.

Each row stood once as a traceback, as a field that did nothing, or as something that Google would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from modelberth.errors import SpecError
from modelberth.spec import EndpointDeployment, parse
from support import gcp_cloud_run, gcp_gke, gcp_vertex
from support.clouds.bad_input import refusals
from support.clouds.change import merged

Config = Mapping[str, Any]

SMALL: Final[Mapping[str, Config]] = {
    "cloud_run": gcp_cloud_run.mode().config,
    "vertex": gcp_vertex.mode().config,
    "gke": gcp_gke.config(),
}
IN_MIRROR: Final = {"model": {"uri": "s3://models/iris/3.onnx"}}
SAMPLED: Final = {
    "target": {"capture": "gs://samples/iris", "billing": "instances"},
    "monitoring": {"capture": {"percent": 5.0}},
}
NEW: Final = gcp_gke.config(gcp_gke.NEW)

NAMES: Final = {
    "a bucket in capitals": "gs://Models/iris.onnx",
    "a bucket of two characters": "gs://ab/iris.onnx",
    "a bucket with a port": "gs://models:80/iris.onnx",
    "a percent sign alone": "gs://models/100%.onnx",
    "not UTF-8": "gs://models/%ff.onnx",
    "an end of line": "gs://models/a%0Ab.onnx",
    "a NUL": "gs://models/a%00b.onnx",
    "too long": f"gs://models/{'a' * 1020}.onnx",
}
TAKEN: Final = {
    "a bucket of a domain": "gs://models.example.com/iris.onnx",
    "quotes": "gs://models/it's%22.onnx",
    "other letters": "gs://models/%E8%8A%B1.onnx",
    "the longest": f"gs://models/{'a' * 1019}.onnx",
}


def told(config: Config) -> dict[str, str]:
    return {problem.path: str(problem) for problem in refusals(config)}


def unread(notify: list[str]) -> str:
    """The refusal of receivers, which are no matter of a target's."""
    with pytest.raises(SpecError) as caught:
        parse(EndpointDeployment, merged(SMALL["cloud_run"], {"monitoring": {"alerts": {"notify": notify}}}))
    return str(caught.value)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("uri", NAMES.values(), ids=NAMES)
def test_a_model_that_no_object_can_be_is_refused(kind: str, uri: str) -> None:
    assert "model.uri" in told(merged(SMALL[kind], {"model": {"uri": uri}}))


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("uri", TAKEN.values(), ids=TAKEN)
def test_a_model_of_a_strange_name_is_taken(kind: str, uri: str) -> None:
    assert told(merged(SMALL[kind], {"model": {"uri": uri}})) == {}


@pytest.mark.parametrize("kind", SMALL)
def test_labels_that_say_whose_it_is_are_not_overwritten_in_silence(kind: str) -> None:
    found = told(merged(SMALL[kind], {"labels": {"modelberth-endpoint": "rose", "team": "plants"}}))
    assert [*found] == ["labels.modelberth-endpoint"]
    assert "does not begin with modelberth-" in found["labels.modelberth-endpoint"]


@pytest.mark.parametrize("kind", ["cloud_run", "vertex"])
def test_what_watches_nothing_is_refused(kind: str) -> None:
    found = told(merged(SMALL[kind], {"target": {"billing_account": "012345-6789AB-CDEF01"}}))
    assert [*found] == ["target.billing_account"]
    assert "nothing without budget" in found["target.billing_account"]


@pytest.mark.parametrize("kind", ["cloud_run", "vertex"])
@pytest.mark.parametrize("account", ["cmek-p{}", "service-{}"])
def test_the_logging_account_is_the_project_s(kind: str, account: str) -> None:
    def with_number(number: str) -> dict[str, str]:
        mail = f"{account.format(number)}@gcp-sa-logging.iam.gserviceaccount.com"
        return told(merged(SMALL[kind], {"target": {"logging_account": mail}}))

    assert with_number("123456789012") == {}
    assert "project number 123456789012" in with_number("999999999999")["target.logging_account"]


def test_callers_that_are_one_to_iam_are_named_once() -> None:
    config = merged(SMALL["cloud_run"], {"security": {"invokers": ["user:a@b.org", "user:A@b.org"]}})
    assert "user:a@b.org is the same to IAM" in told(config)["security.invokers[1]"]


def test_samples_go_into_a_folder() -> None:
    """The right to write them is one to a folder: a bucket as a whole was refused as `needs.capture`."""
    found = told(merged(SMALL["cloud_run"], merged(SAMPLED, {"target": {"capture": "gs://samples"}})))
    assert "gs://BUCKET/PREFIX" in found["target.capture"]
    sampled = {"target": {"capture": {"uri": "gs://samples"}}, "monitoring": {"capture": {}}}
    assert "gs://BUCKET/PREFIX" in told(merged(SMALL["gke"], sampled))["target.capture.uri"]


def test_names_of_fields_fit_into_a_variable() -> None:
    def dropped(count: int) -> dict[str, str]:
        names = [f"{place:03}{'x' * 124}" for place in range(count)]
        return told(
            merged(SMALL["cloud_run"], merged(SAMPLED, {"monitoring": {"capture": {"drop_fields": names}}}))
        )

    assert dropped(256) == {}  # 256 of 127 bytes, with 255 commas: 32,767
    assert "given 32895 bytes, allowed: 32768" in dropped(257)["monitoring.capture.drop_fields"]


def test_a_model_has_one_copy() -> None:
    mirrors = {"s3://models": "gs://models-eu", "s3://models/": "gs://models-us"}
    config = merged(SMALL["cloud_run"], {**IN_MIRROR, "target": {"model_mirrors": mirrors}})
    assert "one copy of what begins with s3://models" in told(config)["target.model_mirrors.s3://models/"]


def test_pods_and_services_have_ranges_of_their_own() -> None:
    cluster = {"cluster": {"pod_range": "shop", "service_range": "shop"}}
    assert "that of the pods" in told(merged(NEW, {"target": cluster}))["target.cluster.service_range"]


def test_an_image_of_a_project_with_a_domain_is_named_with_a_slash() -> None:
    """A colon ends the name of a reference: the project example.com:shop is example.com/shop there."""
    image = f"europe-west4-docker.pkg.dev/example.com{{}}shop/models/server@sha256:{'1' * 64}"
    for kind in ("cloud_run", "vertex"):
        assert told(merged(SMALL[kind], {"target": {"image": image.format("/")}})) == {}
        assert "target.image" in told(merged(SMALL[kind], {"target": {"image": image.format(":")}}))


@pytest.mark.parametrize(
    "receiver", ["https://[", "https://!!", "https://:80/", "mailto:@@@@", f"mailto:{'a' * 65}@b.org"]
)
def test_a_receiver_has_an_address(receiver: str) -> None:
    assert "monitoring.alerts.notify[0]" in unread([receiver])


def test_a_receiver_is_told_once() -> None:
    assert "notify[1]: given 'mailto:a@b.org', allowed: each one once" in unread(["mailto:a@b.org"] * 2)


def test_a_webhook_is_never_shown() -> None:
    """The address of a webhook is all that it takes to call it."""
    hook = "https://hooks.example.com/services/T0/hunter2"
    for receivers in ([f"{hook} "], [hook, hook], [hook.replace("https", "http")]):
        refusal = unread(receivers)
        assert "a hidden value" in refusal
        assert "hunter2" not in refusal
