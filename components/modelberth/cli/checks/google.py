"""What only targets in Google Cloud need beside a plugin and credentials. Nothing asks the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from modelberth.spec.gcp import GcpTarget

from .finding import Check, Checkup, Finding

__all__ = ["GOOGLE"]

_PLUGIN: Final = "gke-gcloud-auth-plugin"
_FILE: Final = ".config/gcloud/application_default_credentials.json"
_OTHERS: Final = ("GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN")
"""Variables that come before the file."""


def quota_project(checkup: Checkup) -> Iterator[Finding]:
    """Which project pays for what a person asks: some APIs, such as that of budgets, refuse without one.

    Of the file, what kind it is and that project are read, and nothing else
    (https://docs.cloud.google.com/docs/authentication/troubleshoot-adc).
    """
    projects = [d.target.project for d in checkup.deployments if isinstance(d.target, GcpTarget)]
    if not projects or any(map(checkup.environ.get, _OTHERS)):
        return
    file = Path(checkup.environ.get("GOOGLE_APPLICATION_CREDENTIALS") or checkup.home / _FILE)
    content = _document(file)
    if content.get("type") != "authorized_user":
        return
    name = "quota project of gcp"
    paying = checkup.environ.get("GOOGLE_CLOUD_QUOTA_PROJECT") or content.get("quota_project_id")
    if paying:
        yield Finding.ok(name, str(paying))
    else:
        told = f"{file} names none: APIs that a project pays for refuse, such as that of budgets"
        fix = f"gcloud auth application-default set-quota-project {projects[0]}"
        yield Finding.optional(name, told, fix)


def gke_plugin(checkup: Checkup) -> Iterator[Finding]:
    """The program that the way into a cluster of GKE asks for a token, each time it is used.

    https://docs.cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl
    """
    if "gke" not in checkup.kinds:
        return
    found = checkup.program(_PLUGIN)
    if found is None:
        told = f"no `{_PLUGIN}` on PATH; offline previews work"
        yield Finding.missing("GKE plugin", told, f"gcloud components install {_PLUGIN}")
    else:
        yield Finding.ok("GKE plugin", found)


def _document(file: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing of what is none. Its text may hold a secret: no error quotes it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


GOOGLE: Final[tuple[Check, ...]] = (quota_project, gke_plugin)
