"""The objects that run an endpoint's pods."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from modelberth.errors import Problem, shown
from modelberth.kubernetes.pods.pod import pod_template
from modelberth.kubernetes.roles import role_of
from modelberth.runtime_table import runtimes
from modelberth.spec.kubernetes import OBJECT_NAME
from modelberth.spec.rollout import Recreate, Rolling

if TYPE_CHECKING:
    from modelberth.kubernetes.plan import Manifest, Plan, Revision
    from modelberth.kubernetes.pods.part import PodPart
    from modelberth.spec import EndpointSpec, KubernetesTarget
    from modelberth.spec.quantities import Amount

__all__ = [
    "deployments",
    "disruption_budgets",
    "namespaces",
    "problems",
    "progress_deadline_seconds",
    "service_accounts",
]

# Pulumi keeps the history; these are for `kubectl rollout undo` in a night without it.
_HISTORY: Final = 3
# The manifests hold against the profile as of this release, or the cluster's own where it is older; what a
# newer one adds is only told.
_POD_SECURITY_VERSION: Final = "v1.36"
_CLUSTERS_OWN: Final = re.compile(r"default|kube-.*")


def progress_deadline_seconds(plan: Plan) -> int:
    """Return the time after which a rollout that has got no further counts as failed.

    A pod is given `target.placement_timeout` until its server starts, and `limits.startup_timeout` from then
    on; their defaults add up to Kubernetes' own, 10 minutes.
    """
    return math.ceil(plan.target.placement_timeout.seconds + plan.spec.limits.startup_timeout.seconds)


def deployments(plan: Plan, parts: Mapping[Revision, Sequence[PodPart]]) -> dict[str, Manifest]:
    """Return a Deployment for each revision; all have the replicas of `scaling`, also those at no weight yet.

    Where an autoscaler owns the number, `replicas` is only what the Deployment begins with: whoever registers
    it ignores the changes in `autoscaling.owned`.

    Args:
        plan: the endpoint
        parts: what the rooms add to the pods of each revision

    Raises:
        SpecError: the engine cannot serve a model, or no image is known.

    """
    return {
        role_of("deployment", revision): {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": plan.metadata(plan.revision_name(revision), revision, _taken_back(plan)),
            "spec": {
                "replicas": max(1, plan.spec.scaling.min),
                "revisionHistoryLimit": _HISTORY,
                "progressDeadlineSeconds": progress_deadline_seconds(plan),
                "selector": {"matchLabels": plan.selector(revision)},
                "strategy": _strategy(plan.spec),
                "template": pod_template(plan, revision, parts[revision]),
            },
        }
        for revision in plan.revisions
    }


def _taken_back(plan: Plan) -> dict[str, str]:
    """Take `replicas` over from an autoscaler that is no longer there, which the API server has as its owner.

    That the annotation comes with a fixed number also makes an update of it where the number itself is what
    Pulumi has known all the time, while the autoscaler had set another one.
    """
    return {} if plan.is_autoscaled else {"pulumi.com/patchForce": "true"}


def _strategy(spec: EndpointSpec) -> dict[str, Any]:
    if isinstance(spec.rollout, Recreate):
        return {"type": "Recreate"}
    surge, missing = _rolling(spec)
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": missing}}


def _rolling(spec: EndpointSpec) -> tuple[int | str, int | str]:
    """Return `maxSurge` and `maxUnavailable`.

    New pods start before old ones stop, unless they hold GPUs: where all are in use, a pod beyond the wanted
    number waits for ever, and with it the rollout. So the default with GPUs is one pod fewer meanwhile, which
    for a single replica is a gap in service; the preview tells it. Whoever has a GPU to spare sets
    `rollout.max_surge`, or `max_unavailable: 0`.

    The strategies with weights move requests by the route; a change of anything but the model still has to
    reach the pods, by the same rule.
    """
    given = spec.rollout if isinstance(spec.rollout, Rolling) else Rolling()
    are_set = given.model_fields_set
    if spec.resources.gpu is None or "max_surge" in are_set:
        return _amount(given.max_surge), _amount(given.max_unavailable)
    if "max_unavailable" in are_set and given.max_unavailable.count == 0:
        return _amount(given.max_surge), 0
    return 0, _amount(given.max_unavailable) if given.max_unavailable.count else 1


def _amount(amount: Amount) -> int | str:
    return str(amount) if amount.is_percent else amount.count


def service_accounts(plan: Plan) -> dict[str, Manifest]:
    """Return the account that the pods run as: nothing where `security.identity` names one.

    It may do nothing in the cluster and its token is not mounted. Its annotations give it the identity of a
    cloud, whose own webhook then brings a token for that cloud alone.
    """
    if plan.spec.security.identity is not None:
        return {}
    return {
        "service-account": {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": plan.metadata(plan.name, annotations=plan.target.service_account_annotations),
            "automountServiceAccountToken": False,
        }
    }


def disruption_budgets(plan: Plan) -> dict[str, Manifest]:
    """Return a budget for each revision: whoever empties nodes takes one pod at a time.

    It is written as what may be missing: `minAvailable: 1` with one replica would hold a node up for ever. So
    a single replica is down while it moves; two are the least for a service without a gap. A pod that is not
    ready may always be moved, since it serves nobody.
    """
    return {
        role_of("disruption-budget", revision): {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": plan.metadata(plan.revision_name(revision), revision),
            "spec": {
                "maxUnavailable": 1,
                "selector": {"matchLabels": plan.selector(revision)},
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            },
        }
        for revision in plan.revisions
    }


def namespaces(plan: Plan) -> dict[str, Manifest]:
    """Return the namespace where the target asks for it; Pod Security `restricted` is enforced in it."""
    if not plan.target.create_namespace:
        return {}
    profile = "pod-security.kubernetes.io"
    labels = {
        # Whose it is: a namespace of somebody else is never taken over.
        **plan.labels(),
        f"{profile}/enforce": "restricted",
        f"{profile}/enforce-version": _POD_SECURITY_VERSION,
        **{f"{profile}/{mode}": "restricted" for mode in ("audit", "warn")},
        **{f"{profile}/{mode}-version": "latest" for mode in ("audit", "warn")},
    }
    return {
        "namespace": {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": plan.namespace, "labels": labels},
        }
    }


def problems(spec: EndpointSpec, target: KubernetesTarget) -> Iterator[Problem]:
    """Yield what the cluster would refuse of these objects, or would ignore."""
    identity = spec.security.identity
    if identity is not None and not OBJECT_NAME.matches(identity):
        yield Problem(
            "security.identity",
            shown(identity),
            "the name of an existing ServiceAccount in the namespace",
            "A cloud's identity is given by target.service_account_annotations.",
        )
    if identity is not None and target.service_account_annotations:
        yield Problem(
            "target.service_account_annotations",
            f"{len(target.service_account_annotations)} with security.identity",
            "nothing beside security.identity, which exists already",
            "Annotate that ServiceAccount.",
        )
    if target.create_namespace and _CLUSTERS_OWN.fullmatch(target.namespace):
        yield Problem(
            "target.namespace",
            shown(target.namespace),
            "a name of one's own with target.create_namespace: the namespace would go with the stack",
        )
    shared = runtimes()[spec.runtime.engine].shared_memory
    if shared is not None and spec.resources.memory <= shared:
        yield Problem(
            "resources.memory",
            str(spec.resources.memory),
            f"above {shared} with engine {spec.runtime.engine}, which shares that much between its processes",
            "A pod's shared memory counts as memory of its container.",
        )
