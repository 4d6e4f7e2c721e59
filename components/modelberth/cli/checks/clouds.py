"""What the targets of a cloud need: provider plugins, credentials, a kubeconfig. Nothing asks the network.

Of credentials only the presence is looked at, never a value.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from modelberth.cli.engine import Engine
from modelberth.cli.failure import Failure
from modelberth.preview.standins.sdk.packages import installed
from modelberth.spec import KubernetesTarget

from .finding import Check, Checkup, Finding

__all__ = ["CLOUDS"]

_PROVIDERS: Final[Mapping[str, str]] = {
    "aws": "aws",
    "sagemaker": "aws-native",
    "gcp": "gcp",
    "azure": "azure-native",
    "kubernetes": "kubernetes",
}
"""The provider plugin by the package's extra."""


@dataclass(frozen=True)
class _Credentials:
    variables: tuple[tuple[str, ...], ...]
    """Sets of environment variables; one set is enough."""
    files: tuple[tuple[str, str], ...]
    """Environment variable that names a file, and where it is without one."""
    login: str


_CREDENTIALS: Final[Mapping[str, _Credentials]] = {
    # https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
    "aws": _Credentials(
        (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
        ),
        (("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ("AWS_CONFIG_FILE", ".aws/config")),
        "aws configure sso",
    ),
    # https://www.pulumi.com/registry/packages/gcp/installation-configuration/
    "gcp": _Credentials(
        (("GOOGLE_CREDENTIALS",), ("GOOGLE_OAUTH_ACCESS_TOKEN",)),
        (
            (
                "GOOGLE_APPLICATION_CREDENTIALS",
                ".config/gcloud/application_default_credentials.json",
            ),
        ),
        "gcloud auth application-default login",
    ),
    # https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
    "azure": _Credentials(
        (
            ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID"),
            ("ARM_CLIENT_ID", "ARM_CLIENT_CERTIFICATE_PATH", "ARM_TENANT_ID"),
            ("ARM_USE_OIDC", "ARM_CLIENT_ID", "ARM_TENANT_ID"),
            ("ARM_USE_MSI",),
        ),
        (("", ".azure/azureProfile.json"),),
        "az login",
    ),
}


def plugins(checkup: Checkup) -> Iterator[Finding]:
    """The real providers; without them only an offline preview works."""
    needed = _extras(checkup)
    if not needed:
        return
    there = {(found.get("name"), found.get("version")) for found in _listed(checkup)}
    names = {name for name, _ in there}
    automatic = checkup.environ.get("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "").lower() not in {
        "1",
        "true",
    }
    for extra in needed:
        provider = _PROVIDERS[extra]
        sdk = installed().get(provider)
        name = f"provider plugin {provider}"
        version = sdk.version if sdk else ""
        if (provider, version) in there or (not version and provider in names):
            yield Finding.ok(name, version or "installed")
            continue
        fix = f"pulumi plugin install resource {provider}" + (f" v{version}" if version else "")
        if automatic:
            yield Finding.optional(name, "not installed: the engine downloads it when it is needed", fix)
        else:
            yield Finding.missing(name, "not installed: offline previews only", fix)


def credentials(checkup: Checkup) -> Iterator[Finding]:
    """Whether there are credentials for each cloud; whether they are good is not asked."""
    for extra in _extras(checkup):
        if extra not in _CREDENTIALS:
            continue
        known, name = _CREDENTIALS[extra], f"credentials of {extra}"
        found = next(_present(checkup, known), None)
        if found is None:
            yield Finding.missing(
                name, "neither in the environment nor in a file; offline previews work", known.login
            )
        else:
            yield Finding.ok(name, f"{found}; not tried")


def kubeconfig(checkup: Checkup) -> Iterator[Finding]:
    """Whether the context of each target in a cluster is in the kubeconfig."""
    targets = [d.target for d in checkup.deployments if isinstance(d.target, KubernetesTarget)]
    if not targets:
        return
    named = checkup.environ.get("KUBECONFIG", "")
    files = [Path(part) for part in named.split(os.pathsep) if part] or [checkup.home / ".kube" / "config"]
    there = [file for file in files if file.is_file()]
    if not there:
        told = f"no {' or '.join(map(str, files))}; offline previews work"
        yield Finding.missing("kubeconfig", told, "export KUBECONFIG=FILE")
        return
    contexts, current = [], ""
    for file in there:
        content = _mapping(file)
        if content is None:
            yield Finding.missing(
                "kubeconfig", f"{file} is no YAML mapping", f"kubectl config view --kubeconfig '{file}'"
            )
            return
        current = current or str(content.get("current-context") or "")
        listed = content.get("contexts")
        contexts += [str(c["name"]) for c in listed or () if isinstance(c, dict) and "name" in c]
    for wanted in dict.fromkeys(target.context for target in targets):
        known = ", ".join(contexts) or "none"
        if wanted is None and current not in contexts:
            yield Finding.missing(
                "kubeconfig", f"no current context; contexts: {known}", "kubectl config use-context NAME"
            )
        elif wanted is not None and wanted not in contexts:
            fix = f"edit target.context in {checkup.stack.file.name}"
            yield Finding.missing("kubeconfig", f"no context {wanted!r}; contexts: {known}", fix)
        else:
            yield Finding.ok("kubeconfig", f"context {wanted or current}; the cluster was not asked")


def aws_cli(checkup: Checkup) -> Iterator[Finding]:
    """The program that the way into a cluster of EKS asks for a token, each time it is used."""
    if "eks" not in checkup.kinds:
        return
    found = checkup.program("aws")
    if found is None:
        link = "install the AWS CLI: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
        yield Finding.missing("AWS CLI", "no `aws` on PATH; offline previews work", link)
    else:
        yield Finding.ok("AWS CLI", found)


def _extras(checkup: Checkup) -> list[str]:
    """The extras of the clouds that the stack uses."""
    return [extra for extra in _PROVIDERS if extra in checkup.extras]


def _listed(checkup: Checkup) -> list[dict[str, Any]]:
    try:
        return Engine(checkup.stack.folder, checkup.environ).ask("plugin", "ls", "--json") or []
    except Failure:
        return []


def _present(checkup: Checkup, known: _Credentials) -> Iterator[str]:
    for names in known.variables:
        if all(checkup.environ.get(name) for name in names):
            yield " and ".join(names)
    for variable, usual in known.files:
        named = checkup.environ.get(variable, "") if variable else ""
        file = Path(named) if named else checkup.home / usual
        if file.is_file():
            yield str(file)


def _mapping(file: Path) -> dict[str, Any] | None:
    """What a YAML file holds; None for what is none. Its text may hold a token: no error quotes it."""
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None


CLOUDS: Final[tuple[Check, ...]] = (plugins, credentials, kubeconfig, aws_cli)
