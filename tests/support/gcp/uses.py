"""What a service account is used for, read from what runs as it, not from what its grants were made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from support.clouds.graph import Graph, Resource
from support.gcp_blocks import PLACE

__all__ = ["Use", "uses"]

Use = tuple[str, str]
"""A permission on a resource."""

_PROJECT: Final = f"projects/{PLACE.project}"
_OBJECT: Final = "storage.objects.get"


def uses(graph: Graph, email: str) -> set[Use]:
    """Return everything that what runs as a service account will ask Google for."""
    return {
        use
        for one in graph.resources
        if one.token in _TAKERS
        for use in _TAKERS[one.token](one, graph, email)
    }


def _service(one: Resource, _graph: Graph, email: str) -> Iterator[Use]:
    """A revision of Cloud Run: its containers' variables and volumes."""
    template = one.inputs["template"]
    if template["serviceAccount"] != email:
        return
    yield "logging.logEntries.create", _PROJECT
    for container in template["containers"]:
        yield from _settings({each["name"]: each.get("value", "") for each in container.get("envs", ())})
    for volume in template.get("volumes", ()):
        if "gcs" in volume:
            yield from _mounted(volume["gcs"])
        if "secret" in volume:
            yield "secretmanager.versions.access", f"{volume['secret']['secret']}/versions/latest"


def _deployed(one: Resource, graph: Graph, email: str) -> Iterator[Use]:
    """Replicas of Vertex AI: the variables of every version that they serve as the account."""
    versions = {each.outputs.get("versionName"): each for each in graph.resources if each.token == _VERSION}
    for share in one.inputs["shares"]:
        if share.get("serviceAccount") == email:
            yield "logging.logEntries.create", _PROJECT
            yield from _settings(versions[share["model"]].inputs.get("env", {}))


def _nodes(one: Resource, graph: Graph, email: str) -> Iterator[Use]:
    """Machines of a cluster: they report on themselves and pull the images of the pods."""
    config = one.inputs.get("nodeConfig", {})
    made = one.inputs.get("clusterAutoscaling", {}).get("autoProvisioningDefaults", {})
    if email not in {config.get("serviceAccount"), made.get("serviceAccount")}:
        return
    for permission in ("logging.logEntries.create", "monitoring.timeSeries.create"):
        yield permission, _PROJECT
    for host, project, repository in set(_IMAGE.findall(json.dumps(_objects_of(graph)))):
        where = f"projects/{project}/locations/{host}/repositories/{repository}"
        yield "artifactregistry.repositories.downloadArtifacts", where


def _pods(one: Resource, graph: Graph, email: str) -> Iterator[Use]:
    """What is named in the pods that may act as the account."""
    found = _PODS.fullmatch(one.inputs["member"])
    if found is None or not one.inputs["serviceAccountId"].endswith(f"/{email}"):
        return
    account = f'"serviceAccountName": "{found["account"]}"'
    for each in _objects_of(graph):
        text = json.dumps(each, sort_keys=True)
        if account not in text:
            continue
        samples = set(_SAMPLES.findall(text))
        for uri in samples:
            yield from _settings({"MODELBERTH_CAPTURE_URI": uri})
        for uri in set(_IN_STORAGE.findall(text)) - samples:
            yield _OBJECT, _file(uri)


def _objects_of(graph: Graph) -> list[Mapping[str, Any]]:
    return [one.inputs for one in graph.of("kubernetes")]


def _file(uri: str) -> str:
    """A file of a model by its address: that of a package is a folder."""
    name = re.sub(r"@\d+$", "", _objects(uri))  # without its generation
    return name if re.search(r"\.[a-z]+$", name) else f"{name.rstrip('/')}/weights.safetensors"


def _mounted(volume: Mapping[str, Any]) -> Iterator[Use]:
    """A bucket that is a folder: its names are listed, and what is below its own folder is read."""
    bucket = f"projects/_/buckets/{volume['bucket']}"
    yield "storage.objects.list", bucket


def _settings(variables: Mapping[str, str]) -> Iterator[Use]:
    """What the server reads and writes by its settings."""
    if variables.get("MODELBERTH_MODEL_URI", "").startswith("gs://"):
        yield _OBJECT, _file(variables["MODELBERTH_MODEL_URI"])
    if samples := _objects(variables.get("MODELBERTH_CAPTURE_URI", "")):
        yield "storage.objects.create", f"{samples.rstrip('/')}/2026/11/22/one.jsonl"


def _objects(uri: str) -> str:
    """The name of an object that IAM knows, by its address; a folder's is that of a file in it."""
    if not uri.startswith("gs://"):
        return ""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return f"projects/_/buckets/{bucket}/objects/{unquote(name)}"


_VERSION: Final = "modelberth:vertex:Model"
_IMAGE: Final = re.compile(r"([a-z0-9-]+)-docker\.pkg\.dev/([a-z0-9.:-]+)/([a-z0-9-]+)/")
_IN_STORAGE: Final = re.compile(r"gs://[a-z0-9._-]+/[\w./=-]+")
_SAMPLES: Final = re.compile(r'"MODELBERTH_CAPTURE_URI", "value": "(gs://[^"]+)"')
_PODS: Final = re.compile(r"serviceAccount:[a-z0-9-]+\.svc\.id\.goog\[[a-z0-9-]+/(?P<account>[a-z0-9.-]+)\]")
_TAKERS: Final[Mapping[str, Callable[[Resource, Graph, str], Iterator[Use]]]] = {
    "gcp:cloudrunv2/service:Service": _service,
    "gcp:container/cluster:Cluster": _nodes,
    "gcp:container/nodePool:NodePool": _nodes,
    "gcp:serviceaccount/iAMMember:IAMMember": _pods,
    "modelberth:vertex:DeployedModel": _deployed,
}
