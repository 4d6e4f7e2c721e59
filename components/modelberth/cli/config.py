"""The endpoints that a stack's config names, and copies of the config with other endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml
from pydantic import BaseModel, TypeAdapter

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.stack import Stack
from modelberth.errors import SpecError
from modelberth.spec import EndpointDeployment, Target, parse

__all__ = [
    "Entry",
    "config_of",
    "endpoints_of",
    "entries_of",
    "example_targets",
    "with_config",
    "with_endpoints",
]

Entry = dict[str, Any]
"""An endpoint as written in the config."""

_IN_ECR: Final = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/models/example@sha256:{'0' * 64}"
_CLUSTER: Final = {
    "image": f"registry.example.com/models/example@sha256:{'0' * 64}",
    "prometheus": {"namespace": "monitoring"},
}
_SAGEMAKER: Final = {"account": "123456789012", "region": "us-east-1", "image": _IN_ECR}
# The second is asked where the first cannot: with nothing that runs while nobody calls.
_SAGEMAKERS: Final[Sequence[Mapping[str, Any]]] = (
    _SAGEMAKER,
    {**_SAGEMAKER, "mode": {"kind": "serverless"}},
)
_EKS: Final = {
    "account": "123456789012",
    "region": "us-east-1",
    "image": _IN_ECR,
    "cluster": {"kind": "existing", "name": "example"},
}
_GATEWAY: Final = {"route": {"kind": "gateway", "gateway": "example", "envoy": True}}
_KEDA: Final = {"scaler": {"kind": "keda", "prometheus": "http://prometheus.monitoring:9090", "waking": "up"}}
# With and without what not every cluster has.
_CLUSTERS: Final[Sequence[Mapping[str, Any]]] = (
    _CLUSTER,
    {**_CLUSTER, **_KEDA},
    {**_CLUSTER, **_GATEWAY},
    {**_CLUSTER, **_GATEWAY, **_KEDA},
)
_GCP: Final = {
    "project": "example-project",
    "project_number": "123456789012",
    "region": "us-central1",
    "image": f"us-central1-docker.pkg.dev/example-project/models/example@sha256:{'0' * 64}",
}
# The second is asked where there is a budget to watch.
_GCPS: Final[Sequence[Mapping[str, Any]]] = (_GCP, {**_GCP, "billing_account": "012345-6789AB-CDEF01"})
_GKE: Final = {**_GCP, "cluster": {"kind": "existing", "name": "example"}}
# What a target needs beyond its kind, where the config names another one; common regions of each cloud.
_EXAMPLES: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "lambda": [{"account": "123456789012", "region": "us-east-1", "image": _IN_ECR}],
    "sagemaker": _SAGEMAKERS,
    "cloud_run": [*_GCPS, {**_GCP, "model_access": "mount"}],
    "vertex": _GCPS,
    "container_apps": [{"resource_group": "example", "location": "eastus"}],
    "azure_ml": [{"resource_group": "example", "location": "eastus"}],
    "kubernetes": _CLUSTERS,
    "eks": [{**one, **_EKS} for one in _CLUSTERS],
    "gke": [{**one, **_GKE} for one in _CLUSTERS],
}


class _Endpoints(BaseModel):
    endpoints: tuple[EndpointDeployment, ...]


def entries_of(stack: Stack) -> list[Entry]:
    """The endpoints as written.

    Raises:
        Failure: the config has none; a program of one's own may keep them elsewhere.
    """
    key = f"{stack.project}:endpoints"
    found = config_of(stack).get(key)
    if not isinstance(found, list) or not found:
        raise Failure(
            Exit.USAGE,
            f"{stack.file.name}: {key}: given {found!r}, allowed: a list of endpoints "
            "(docs/reference/spec.md)",
        )
    return found


def endpoints_of(stack: Stack) -> tuple[EndpointDeployment, ...]:
    """The endpoints, checked.

    Raises:
        Failure: there are none, or something in them is wrong.
    """
    try:
        return parse(_Endpoints, {"endpoints": entries_of(stack)}).endpoints
    except SpecError as error:
        raise Failure(Exit.USAGE, f"{stack.file.name}: {error}") from None


def example_targets(kind: str) -> tuple[Target, ...]:
    """Targets of this kind with an example's place in them, the one that asks for least first."""
    of = TypeAdapter[Target](Target)
    return tuple(of.validate_python({"kind": kind, **more}) for more in _EXAMPLES.get(kind, [{}]))


def config_of(stack: Stack) -> dict[str, Any]:
    """What stands under `config` in the stack's file."""
    return dict(_content(stack).get("config") or {})


@contextmanager
def with_endpoints(stack: Stack, entries: Sequence[Entry]) -> Iterator[Path]:
    """A copy of the stack's config with these endpoints in it, for as long as it is needed."""
    config = {**config_of(stack), f"{stack.project}:endpoints": list(entries)}
    with with_config(stack, config) as copy:
        yield copy


@contextmanager
def with_config(stack: Stack, config: Mapping[str, Any]) -> Iterator[Path]:
    """A copy of the stack's config file with another `config`, for as long as it is needed."""
    with TemporaryDirectory(prefix="modelberth-") as folder:
        copy = Path(folder, stack.file.name)
        copy.write_text(yaml.safe_dump({**_content(stack), "config": dict(config)}, sort_keys=False))
        yield copy


def _content(stack: Stack) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(stack.file.read_text())
    return content
