"""Whether a cluster has the kinds and the objects that an endpoint names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.api.api_server import Kind, MissingKindError, listed
from modelberth.provider.kubernetes.inquiry import Entry, Inquiry
from modelberth.provider.kubernetes.secret_objects import secret_objects

__all__ = ["kinds", "objects", "release"]

_DEFAULTS: Final = {
    "StorageClass": "storageclass.kubernetes.io/is-default-class",
    "IngressClass": "ingressclass.kubernetes.io/is-default-class",
}
"""Annotation of the one that stands in where none is named."""


def kinds(inquiry: Inquiry, entry: Entry) -> Iterator[Problem]:
    """A kind that the endpoint's objects are of, in the version that they are written for."""
    try:
        inquiry.kind(entry)
    except MissingKindError:
        group, _, version = str(entry["apiVersion"]).rpartition("/")
        served = inquiry.server.groups().get(group, [])
        if version in served:
            found = f"{entry['apiVersion']} is there without it"
        elif served:
            found = f"{group} is there as {listed(served)} alone"
        else:
            found = f"there is no {group}"
        project = entry.get("project") or group
        way_out = f" See {entry['install']}" if entry.get("install") else ""
        yield Problem(
            str(entry["path"]),
            _given(entry),
            f"that only where the cluster has {entry['kind']} of {entry['apiVersion']}",
            f"In {inquiry.server.where} {found}: install {project} first.{way_out}",
        )


def objects(inquiry: Inquiry, entry: Entry) -> Iterator[Problem]:
    """An object that the endpoint names and does not make, with the entries that it reads of it."""
    try:
        kind = inquiry.kind(entry)
    except MissingKindError as error:
        yield Problem(str(entry["path"]), _given(entry), f"an existing {entry['kind']}", str(error))
        return
    namespace = str(entry.get("namespace") or inquiry.namespace)
    if kind.namespaced and namespace == inquiry.namespace and not inquiry.has_namespace:
        return
    if not entry.get("name"):
        yield from _default(inquiry, entry, kind)
        return
    found = inquiry.get(kind.path(namespace, str(entry["name"])))
    if classes := entry.get("madeBy"):
        made = secret_objects(inquiry, classes)
        if made is None and found is None:
            return
        if made is not None and entry["name"] in made:
            yield from _lacking_in_classes(entry, made[entry["name"]])
            return
    if found is None:
        yield Problem(
            str(entry["path"]),
            _given(entry),
            f"the name of an existing {kind.kind}{f' in namespace {namespace}' if kind.namespaced else ''}",
            _way_out(inquiry, entry, kind, namespace),
        )
        return
    wanted = entry.get("entries", ())
    has = sorted({*(found.get("data") or {}), *(found.get("binaryData") or {})})
    if lacking := [name for name in wanted if name not in has]:
        yield Problem(
            str(entry["path"]),
            _given(entry),
            f"a {kind.kind} with the entries {', '.join(wanted)}",
            f"{kind.kind} {namespace}/{entry['name']} has {listed(has)}; it lacks {', '.join(lacking)}. "
            f"Make it anew: {_command(entry, kind, namespace)} --dry-run=client -o yaml | kubectl apply -f -",
        )


def _lacking_in_classes(entry: Entry, made: Collection[str]) -> Iterator[Problem]:
    wanted = entry.get("entries", ())
    if lacking := [name for name in wanted if name not in made]:
        yield Problem(
            str(entry["path"]),
            _given(entry),
            f"a Secret with the entries {', '.join(wanted)}",
            f"The secretObjects of SecretProviderClass {listed(entry['madeBy'])} give it {listed(made)}; "
            f"it lacks {', '.join(lacking)}.",
        )


def release(inquiry: Inquiry, entry: Entry) -> Iterator[Problem]:
    """The oldest Kubernetes that has what the endpoint uses."""
    version = inquiry.server.request("GET", "/version")
    has = (_number(version.get("major", "")), _number(version.get("minor", "")))
    if has < tuple(int(part) for part in str(entry["minimum"]).split(".")):
        yield Problem(
            str(entry["path"]),
            _given(entry),
            f"that only where the cluster is Kubernetes {entry['minimum']} or newer",
            f"{inquiry.server.where} is {version.get('gitVersion', 'older')}.",
        )


def _default(inquiry: Inquiry, entry: Entry, kind: Kind) -> Iterator[Problem]:
    """The one that stands in where none is named; volumes without a class can also be there by hand."""
    found = inquiry.server.items(kind.collection(inquiry.namespace))
    if any(_annotation(one, _DEFAULTS[kind.kind]) == "true" for one in found):
        return
    if kind.kind == "StorageClass" and _is_volume_by_hand(inquiry):
        return
    yield Problem(
        str(entry["path"]),
        "nothing",
        f"the name of a {kind.kind}, because the cluster has no default one",
        f"{inquiry.server.where} has: {listed(_names(found))}. "
        f"An administrator makes one the default by its annotation {_DEFAULTS[kind.kind]}: 'true'.",
    )


def _is_volume_by_hand(inquiry: Inquiry) -> bool:
    return any(
        one.get("status", {}).get("phase") == "Available" and not one["spec"].get("storageClassName")
        for one in inquiry.server.items("/api/v1/persistentvolumes")
    )


def _way_out(inquiry: Inquiry, entry: Entry, kind: Kind, namespace: str) -> str:
    if (kind.api_version, kind.kind) == ("v1", "Secret"):
        # To list the others would be to read what is in them.
        sentence = f"Make it: {_command(entry, kind, namespace)}"
        if classes := entry.get("madeBy"):
            sentence += f", or list it in the secretObjects of SecretProviderClass {listed(classes)}"
        return sentence
    others = _names(inquiry.server.items(kind.collection(namespace)))
    sentence = f"{inquiry.server.where} has: {listed(others)}."
    if entry.get("install"):
        return f"{sentence} {entry['install']}"
    if kind.api_version == "v1" and kind.kind == "ServiceAccount":
        return f"{sentence} Make it: kubectl create serviceaccount {entry['name']} --namespace {namespace}"
    return sentence


def _command(entry: Entry, kind: Kind, namespace: str) -> str:
    """The command that makes a Secret or a ConfigMap with the entries; none of their values is in it."""
    name, wanted = f"{entry['name']} --namespace {namespace}", [*entry.get("entries", ())]
    if kind.kind != "Secret":
        return f"kubectl create configmap {name} {_files(wanted)}".rstrip()
    if wanted == [".dockerconfigjson"]:
        return f"kubectl create secret docker-registry {name} --docker-server=REGISTRY --docker-username=USER"
    if sorted(wanted) == ["tls.crt", "tls.key"]:
        return f"kubectl create secret tls {name} --cert=FILE --key=FILE"
    return f"kubectl create secret generic {name} {_files(wanted)}".rstrip()


def _files(entries: Sequence[str]) -> str:
    return " ".join(f"--from-file={entry}=FILE" for entry in entries)


def _given(entry: Entry) -> str:
    if "given" in entry or "name" in entry:
        return shown(entry.get("given", entry.get("name")))
    return f"what needs {entry.get('kind', 'it')}"


def _names(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(one["metadata"]["name"]) for one in found]


def _annotation(found: Mapping[str, Any], name: str) -> str:
    return str((found["metadata"].get("annotations") or {}).get(name, ""))


def _number(text: str) -> int:
    """The number that a part of a version begins with: some clusters write `36+`."""
    digits = "".join(character for character in text if character.isdigit())
    return int(digits or 0)
