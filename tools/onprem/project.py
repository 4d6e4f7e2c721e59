"""The checkout's Pulumi project in a folder of its own, in which `Pulumi.onprem.yaml` names our image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from console import SetupError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["STACK", "configured", "make"]

STACK = "onprem"

_LINKS = ("Pulumi.yaml", "stacks", "models", ".venv")
_FILE = f"Pulumi.{STACK}.yaml"
_ENDPOINTS = "modelberth:endpoints"


def make(folder: Path, checkout: Path, image: str) -> None:
    """Make the folder, or bring its config up to date with the checkout's.

    Only the config is a copy: the file in the checkout is under version control, and the image's digest is
    that of this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _LINKS:
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(checkout / name)
    (folder / _FILE).write_text(configured((checkout / _FILE).read_text(), image))


def configured(text: str, image: str) -> str:
    """Return the stack's config with `image` in it, for the only context of the cluster's kubeconfig.

    Raises SetupError where it has more than one endpoint or another target: the image holds one model.
    """
    try:
        content: Any = yaml.safe_load(text)
        (endpoint,) = content["config"][_ENDPOINTS]
        target = endpoint["target"]
        kind = target["kind"]
    except (yaml.YAMLError, ValueError, LookupError, TypeError) as error:
        raise SetupError(f"{_FILE}: {_ENDPOINTS}: allowed: one endpoint with a target; {error}") from error
    if kind != "kubernetes":
        raise SetupError(f"{_FILE}: {_ENDPOINTS}[0].target.kind: given {kind!r}, allowed: 'kubernetes'")
    endpoint["target"] = {key: value for key, value in target.items() if key != "context"} | {"image": image}
    return yaml.safe_dump(content, sort_keys=False)
