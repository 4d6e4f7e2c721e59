"""What the replicas of an endpoint may do in their project: one grant for each need, nothing for none.

No key is among it: Cloud Storage decrypts as its own service agent (Cloud Storage, "Customer-managed
encryption keys").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from modelberth.errors import Problem, join, shown
from modelberth.gcp.grants import Condition, Grant, below, exactly
from modelberth.gcp.needs import Needs
from modelberth.model_address import is_file
from modelberth.naming import content_digest

if TYPE_CHECKING:
    from modelberth.spec import ModelSource

__all__ = ["grants", "pod_member", "problems", "wide_problems"]

# IAM, "Quotas and limits": bindings of one policy with the same role and principal, each with another
# condition.
_MOST_CONDITIONS: Final = 20
_FULL_NAME: Final = r"projects/[a-z0-9-]+/secrets/[A-Za-z0-9_-]{1,255}"
# IAM, "Basic and predefined roles": a basic role, such as roles/editor, has no service before a dot.
_SERVICES_ROLE: Final = r"roles/[A-Za-z0-9]+(\.[A-Za-z0-9]+)+"
_OWN_ROLE: Final = r"(projects|organizations)/[a-z0-9-]+/roles/[A-Za-z0-9_.]+"
# What makes keys, acts as others, or grants itself the rest.
_RAISING: Final = r"roles/(iam\..+|.*[aA]dmin)"


def grants(needs: Needs) -> tuple[Grant, ...]:
    """Return everything that the identity is granted."""
    return (
        *_logs(needs),
        *_traces(needs),
        *_models(needs),
        *_capture(needs),
        *_secrets(needs),
        *needs.more,
    )


def pod_member(needs: Needs) -> str | None:
    """Return the pods that may act as the identity, as IAM writes them; None: no pods do.

    GKE, "Authenticate to Google Cloud APIs from GKE workloads", "link Kubernetes ServiceAccounts to IAM".
    """
    if needs.pods is None:
        return None
    pods = f"{needs.pods.namespace}/{needs.pods.service_account}"
    return f"serviceAccount:{needs.place.project}.svc.id.goog[{pods}]"


def problems(needs: Needs) -> Iterator[Problem]:
    """Yield what IAM would refuse of `grants`, and what `needs.more` opens too far."""
    for index, secret in enumerate(needs.secrets):
        if re.fullmatch(_FULL_NAME, secret) is None:
            hint = "Without a version: the right is to all of them." if "/versions/" in secret else ""
            path = f"needs.secrets[{index}]"
            yield Problem(path, shown(secret), "a secret's name, projects/PROJECT/secrets/SECRET", hint)
    if needs.capture is not None and not all(_parts(needs.capture)):
        yield Problem("needs.capture", shown(needs.capture), "a folder in Cloud Storage, gs://BUCKET/PREFIX")
    yield from wide_problems(needs.more, "needs.more")
    names = Counter(one.name for one in grants(needs))
    if twice := sorted(name for name, count in names.items() if count > 1):
        yield Problem("needs.more", f"name {', '.join(twice)}", "names that no other grant has")
    alike = Counter((one.role, one.resource) for one in grants(needs) if one.condition is not None)
    for (role, resource), count in alike.items():
        if count > _MOST_CONDITIONS:
            hint = "Fewer variants, or their models below one folder of a package, need fewer."
            given = f"{count} conditions for {role} on {resource}"
            yield Problem("needs", given, f"at most {_MOST_CONDITIONS}", hint)


def wide_problems(more: Sequence[Grant], path: str) -> Iterator[Problem]:
    """Yield grants of basic roles, and of such as could grant themselves the rest."""
    for index, one in enumerate(more):
        field = join(path, f"[{index}].role")
        if re.fullmatch(f"{_SERVICES_ROLE}|{_OWN_ROLE}", one.role) is None:
            hint = "Basic roles such as roles/editor reach everything in the project."
            yield Problem(field, shown(one.role), "a role of one service, roles/SERVICE.ROLE", hint)
        elif re.fullmatch(_RAISING, one.role):
            hint = "Whoever administers a service, or IAM, can give himself what he was not given."
            yield Problem(field, shown(one.role), "a role that reads, writes or uses", hint)


def _logs(needs: Needs) -> Iterator[Grant]:
    """Logs that replicas write as themselves; in GKE the nodes' own account does."""
    if needs.service != "gke":
        yield Grant("logs", "roles/logging.logWriter", "project", needs.place.project)


def _traces(needs: Needs) -> Iterator[Grant]:
    if needs.is_traced:
        yield Grant("traces", "roles/cloudtrace.agent", "project", needs.place.project)


def _models(needs: Needs) -> Iterator[Grant]:
    """Reading models: of a file that one, of a package what is below its folder.

    Conditions on objects need a bucket with uniform access (Cloud Storage, "Uniform bucket-level access").

    A list is asked of the bucket and not of an object, so a condition on objects allows none (Cloud Storage,
    "IAM permissions for JSON methods"), and a mount has to be allowed the names of all the bucket's objects.
    """
    found = [_model(model, mounted=needs.mounted) for model in needs.models if model.scheme == "gs"]
    yield from dict.fromkeys(found)


def _model(model: ModelSource, *, mounted: bool) -> Grant:
    bucket, name = _parts(model.uri)
    objects = f"projects/_/buckets/{bucket}/objects/"
    right = exactly(f"{objects}{name}") if is_file(model.uri) else below(f"{objects}{name.rstrip('/')}/")
    if mounted:
        right = f"{right} || {exactly(f'projects/_/buckets/{bucket}')}"
    called = f"model-{content_digest(f'{bucket} {right}')}"
    return Grant(called, "roles/storage.objectViewer", "bucket", bucket, Condition("this model", right))


def _capture(needs: Needs) -> Iterator[Grant]:
    """Writing samples: new ones, neither reading nor replacing those that are there."""
    if needs.capture is None:
        return
    bucket, name = _parts(needs.capture)
    right = below(f"projects/_/buckets/{bucket}/objects/{name.rstrip('/')}/")
    condition = Condition("this endpoint's samples", right)
    yield Grant("capture", "roles/storage.objectCreator", "bucket", bucket, condition)


def _secrets(needs: Needs) -> Iterator[Grant]:
    for secret in dict.fromkeys(needs.secrets):
        called = f"secret-{content_digest(secret)}"
        yield Grant(called, "roles/secretmanager.secretAccessor", "secret", secret)


def _parts(uri: str) -> tuple[str, str]:
    """Bucket and decoded name of an address in Cloud Storage; nothing where it is none."""
    scheme, _, rest = uri.partition("://")
    bucket, _, name = rest.partition("/")
    return (bucket, unquote(name)) if scheme == "gs" else ("", "")
