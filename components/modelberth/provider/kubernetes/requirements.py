"""`modelberth:kubernetes:Requirements`: what a cluster must have, asked before anything is made in it.

Inputs (camelCase on the wire); each entry has its `path` in the config, and `given`, what stands there
    kubeconfig, context        the cluster, as kubectl finds it where they are left out; itself or its path
    namespace                  of the endpoint
    namespaceExpected          it must be there now; default true
    makesNamespace             the endpoint makes it, so nobody else may have it
    instance                   the endpoint's name, the label of all that it has there already
    kinds                      {apiVersion, kind, project, install}
    objects                    {apiVersion, kind, name, namespace, entries, madeBy}; with no name the default
    releases                   {minimum} version of Kubernetes, such as 1.36
    gateways                   {name, namespace, section, host}
    hosts                      {host, paths, route, gateway: {namespace, name} or ingressClass}
    devices                    {resource, perPod, pods, nodeSelector}
    pods                       {name, containers: [{name, requests, limits, first}]}: of each kind of pod one
    claims                     {name, storage, storageClass}: PersistentVolumeClaims that are made
    quota                      {resource, amount}: totals as a ResourceQuota names them, such as requests.cpu
    made                       {apiVersion, kind, names}: objects that are made, for quotas on their number
    permissions                {apiVersion, kind, verbs}
    bakes                      {route, new, previous, percent, steps: [{percent, bakeSeconds}]}: see `bake.py`
    configPath                 where all this stands in the config: refusals begin with it
Outputs: the inputs.

All of it happens in the check, which a preview does too, but `bakes`: that a step comes too early is right by
waiting, and no reason for a plan to fail. So a preview only warns of it, and the update refuses it, before
anything else is touched. Nothing is changed in the cluster: an access review is a question in the form of a
POST. What the user may not see is not refused, and is told in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.api.api_server import ApiServer
from modelberth.kubernetes.api.connection import RefusedError, UnreachableError
from modelberth.provider.kubernetes import bake, capacity, existing, limit_range, permission, quota, reach
from modelberth.provider.kubernetes.inquiry import Entry, Inquiry, in_parallel, seen
from modelberth.provider.kubernetes.server import is_document, object_or_none, server_of
from modelberth.provider.resource import (
    UNKNOWN,
    Change,
    Checked,
    CheckFailure,
    Observed,
    Properties,
    ResourceError,
    Settings,
)

__all__ = ["Requirements"]

_FORBIDDEN: Final = 403

_log = logging.getLogger(__name__)

_WHERE: Final = ("kubeconfig", "context", "namespace", "instance")
"""Inputs without which nothing can be asked."""

_Question = Callable[[Inquiry, Entry], Iterator[Problem]]
_EACH: Final[Mapping[str, _Question]] = {
    "kinds": existing.kinds,
    "objects": existing.objects,
    "releases": existing.release,
    "gateways": reach.gateways,
    "hosts": reach.hosts,
    "devices": capacity.devices,
}
_TOGETHER: Final[Mapping[str, Callable[[Inquiry, Sequence[Entry]], list[Problem]]]] = {
    "pods": limit_range.pods,
    "claims": lambda inquiry, entries: [
        *limit_range.claims(inquiry, entries),
        *quota.claims(inquiry, entries),
    ],
    "quota": quota.pods,
    "made": quota.counts,
    "permissions": permission.permissions,
}


class Requirements:
    """Asks; makes and keeps nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def identity(self, inputs: Properties) -> str:
        """The namespace with the endpoint's name."""
        return f"{inputs['namespace']}/{inputs.get('instance', '')}"

    def check(self, news: Properties, olds: Properties) -> Checked:  # noqa: ARG002 - the cluster may have changed
        """Ask the cluster for everything; each problem by its own."""
        if self._settings.offline:
            return Checked(news)
        if any(news.get(name) == UNKNOWN for name in _WHERE):
            if news.get("kubeconfig") == UNKNOWN:
                _log.warning("the requirements were not checked: their cluster is only made by the update")
            return Checked(news)
        prefix = str(news.get("configPath") or "")
        return Checked(
            news,
            [
                CheckFailure(name, str(problem.under(prefix)))
                for name, problem in _problems(news, self._settings.root)
            ],
        )

    def diff(self, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Sequence[Change]:  # noqa: ARG002
        """Compare the inputs; they are remembered, and nothing else comes of them."""
        names = sorted((old_inputs.keys() | news.keys()) - {"configPath"})
        return [Change(name) for name in names if old_inputs.get(name) != news.get(name)]

    def preview(self, inputs: Properties, old_outputs: Properties) -> Properties:  # noqa: ARG002
        """The inputs; warn of a step that would be refused now."""
        for problem in self._too_early(inputs):
            _log.warning("an update would be refused now: %s", problem)
        return inputs

    def create(self, inputs: Properties, timeout: float) -> Observed:  # noqa: ARG002
        """Remember the inputs, unless a step comes too early."""
        self._refuse_too_early(inputs)
        return Observed(self.identity(inputs), inputs, inputs)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> Observed | None:
        """What is remembered; there is nothing to look at, and so nothing to import."""
        return Observed(resource_id, inputs, outputs) if outputs else None

    def update(
        self,
        resource_id: str,  # noqa: ARG002
        old_outputs: Properties,  # noqa: ARG002
        inputs: Properties,
        timeout: float,  # noqa: ARG002
    ) -> Properties:
        """Remember the inputs, unless a step comes too early."""
        self._refuse_too_early(inputs)
        return inputs

    def delete(self, resource_id: str, outputs: Properties, timeout: float) -> None:
        """Nothing is there to remove."""

    def _refuse_too_early(self, inputs: Properties) -> None:
        if problems := self._too_early(inputs):
            raise ResourceError("\n".join(str(problem) for problem in problems))

    def _too_early(self, inputs: Properties) -> list[Problem]:
        """Steps of a rollout that are to follow on one that has not lasted."""
        entries = _known(inputs.get("bakes") or [])
        if not entries or self._settings.offline or any(inputs.get(name) == UNKNOWN for name in _WHERE):
            return []
        inquiry = _inquiry(server_of(inputs, self._settings.root), inputs)
        prefix = str(inputs.get("configPath") or "")
        return [problem.under(prefix) for problem in inquiry.each(bake.bakes, entries)]


def _problems(inputs: Properties, root: Path) -> list[tuple[str, Problem]]:
    """Every problem with the input that it is about."""
    problems: list[tuple[str, Problem]] = []
    try:
        server = server_of(inputs, root)
        server.request("GET", "/version")
        inquiry = _inquiry(server, inputs)
        problems += [("namespace", problem) for problem in permission.namespace(inquiry, inputs)]

        def answers(name: str) -> list[tuple[str, Problem]]:
            entries = _known(inputs[name])
            if name in _EACH:
                return [(name, problem) for problem in inquiry.each(_EACH[name], entries)]
            return [(name, one) for one in seen(name, lambda: _TOGETHER[name](inquiry, entries))]

        for found in in_parallel(answers, [name for name in (*_EACH, *_TOGETHER) if inputs.get(name)]):
            problems += found
    except ResourceError as error:
        problems.append(("context", _no_answer(inputs, error)))
    return problems


def _inquiry(server: ApiServer, inputs: Properties) -> Inquiry:
    name = str(inputs["namespace"])
    try:
        found, is_there = object_or_none(server, f"/api/v1/namespaces/{name}"), None
    except RefusedError as error:
        if error.status != _FORBIDDEN:
            raise
        # Who may not look at it learns from the first object in it.
        found, is_there = None, bool(inputs.get("namespaceExpected", True))
    has_namespace = found is not None if is_there is None else is_there
    return Inquiry(server, name, str(inputs.get("instance") or ""), found, has_namespace)


def _no_answer(inputs: Properties, error: ResourceError) -> Problem:
    if is_document(inputs.get("kubeconfig")):
        hint = f"{error}. A private endpoint is reached from within its network alone."
        return Problem("target", "a cluster", "one that answers and lets you in", hint)
    allowed = "a context of the kubeconfig that leads to a cluster"
    match error:
        case UnreachableError():
            allowed = "the context of a cluster that answers"
        case RefusedError():
            allowed = "the context of a cluster that lets you in"
    return Problem("target.context", shown(inputs.get("context")), allowed, str(error))


def _known(entries: Any) -> list[Entry]:
    """The entries of which all is known; the others are checked when they are."""
    return [] if entries == UNKNOWN else [entry for entry in entries if not _has_unknown(entry)]


def _has_unknown(value: Any) -> bool:
    match value:
        case Mapping():
            return any(_has_unknown(item) for item in value.values())
        case list():
            return any(_has_unknown(item) for item in value)
    return bool(value == UNKNOWN)
