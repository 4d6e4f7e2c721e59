"""`target.model_mirrors` of a target in Google Cloud: the addresses it takes, and what it says of others."""

import pytest

from modelberth.errors import SpecError
from modelberth.spec import parse
from modelberth.spec.cloud_run import CloudRunTarget
from modelberth.spec.gke import GkeTarget
from modelberth.spec.vertex import VertexTarget

PLACE = {"project": "shop-prod", "project_number": "123456789012", "region": "europe-west4"}


def mirrors(given: object) -> CloudRunTarget:
    return parse(CloudRunTarget, {**PLACE, "model_mirrors": given}, "target")


def test_every_target_in_google_cloud_has_it() -> None:
    for kind in (CloudRunTarget, VertexTarget, GkeTarget):
        assert kind.model_fields["model_mirrors"].default == {}


@pytest.mark.parametrize(
    "original",
    [
        "s3://models",
        "s3://models/iris/",
        "azblob://shop/models",
        "hf://shop/iris",
        "https://example.com/models",
    ],
)
def test_originals_lie_in_other_stores(original: str) -> None:
    assert mirrors({original: "gs://models-eu/copies"}).model_mirrors == {original: "gs://models-eu/copies"}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"gs://models": "gs://models-eu"}, "the beginning of a model's address"),
        ({"file:models": "gs://models-eu"}, "the beginning of a model's address"),
        ({"models": "gs://models-eu"}, "the beginning of a model's address"),
        ({"s3://models?x=1": "gs://models-eu"}, "the beginning of a model's address"),
        ({"s3://models": "s3://models-eu"}, "gs://BUCKET/PREFIX"),
        ({"s3://models": "gs://m"}, "gs://BUCKET/PREFIX"),
        ({"s3://models": "gs://Models"}, "gs://BUCKET/PREFIX"),
        ({"s3://models": 3}, "a text"),
        ({f"s3://models/{at}": "gs://models-eu" for at in range(17)}, "16"),
    ],
)
def test_what_is_no_original_or_no_copy_is_refused(given: object, word: str) -> None:
    with pytest.raises(SpecError) as refused:
        mirrors(given)
    (found,) = refused.value.problems
    assert found.path.startswith("target.model_mirrors")
    assert word in found.allowed


def test_as_many_as_it_takes() -> None:
    assert len(mirrors({f"s3://models/{at}": "gs://models-eu" for at in range(16)}).model_mirrors) == 16
