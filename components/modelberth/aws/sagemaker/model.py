"""A model in SageMaker: an image, what its server is told, and the files that are put beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from pulumi_aws.sagemaker import Model

from modelberth.aws.sagemaker.names import named_by_content
from modelberth.aws.sagemaker.network import is_isolated, vpc_config
from modelberth.aws.sagemaker.server import environment
from modelberth.model_address import is_file

if TYPE_CHECKING:
    import pulumi

    from modelberth.aws.plan import Plan
    from modelberth.aws.sagemaker.variants import Variant
    from modelberth.spec import ModelSource
    from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["Model", "data_source", "register"]

_UNPACKED: Final = (".tar.gz", ".tgz")


def register(
    name: str,
    plan: Plan[SageMakerTarget],
    variant: Variant,
    opts: pulumi.ResourceOptions,
    *,
    image: pulumi.Input[str],
    role: pulumi.Input[str],
) -> Model:
    """Register the model of a variant.

    Args:
        name: logical
        plan: of the endpoint
        variant: that serves it
        opts: of the resource
        image: in ECR, by digest
        role: ARN of what replicas run as

    """
    spec, target = plan.spec, plan.target
    container = {
        "image": image,
        "environment": {**environment(spec, variant.model)},
        **_given("model_data_source", data_source(variant.model)),
    }
    content: dict[str, Any] = {
        "execution_role_arn": role,
        "primary_container": container,
        "enable_network_isolation": is_isolated(spec, target),
        **_given("vpc_config", vpc_config(target)),
    }
    return Model(
        name,
        name=named_by_content(plan, variant.name, content),
        **content,
        region=target.region,
        tags=plan.tags,
        opts=opts,
    )


def data_source(model: ModelSource) -> dict[str, Any] | None:
    """Return where SageMaker copies a model from; None: it is in the image, or the server fetches it.

    A file keeps its name below /opt/ml/model, a folder its files; an archive by gzip is unpacked there.
    """
    if model.scheme != "s3":
        return None
    uri = unquote(model.uri)
    source = {"s3_uri": uri, "s3_data_type": "S3Object", "compression_type": "None"}
    if uri.lower().endswith(_UNPACKED):
        source["compression_type"] = "Gzip"
    elif not is_file(uri):
        source.update(s3_uri=f"{uri.rstrip('/')}/", s3_data_type="S3Prefix")
    return {"s3_data_sources": [source]}


def _given(name: str, value: object | None) -> dict[str, Any]:
    return {} if value is None else {name: value}
