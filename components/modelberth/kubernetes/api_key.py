"""The program's side of `modelberth:kubernetes:ApiKey`; `provider/kubernetes/api_key.py` is the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import Input, Output

__all__ = ["ApiKey", "ApiKeyArgs"]


@dataclass(frozen=True)
class ApiKeyArgs:
    """Whose key, and where it lies."""

    name: Input[str]
    """Name of the Secret; a change replaces it."""
    namespace: Input[str]
    """Its namespace, which exists; a change replaces it."""
    endpoint: Input[str]
    """Whose key it is. A Secret of another endpoint, or of nobody, is never touched."""
    rotation: Input[str] | None = None
    """Any text. Another one makes a new key; the one before it stays valid until the next."""
    labels: Input[Mapping[str, Input[str]]] | None = None
    """Labels of the Secret."""
    kubeconfig: Input[str] | None = None
    """Itself or its path, relative to the provider's root. Default: `$KUBECONFIG`, then `~/.kube/config`."""
    context: Input[str] | None = None
    """Context of the kubeconfig. Default: its current one."""
    config_path: Input[str] | None = None
    """Where these settings stand in the config, such as `endpoints[0]`: refusals begin with it."""


class ApiKey(pulumi.CustomResource):
    """A Secret with an API key that is made in the provider: no program, state or log ever holds it.

    Its entry `key` is what a caller sends, its entry `keys` what the model server reads.
    """

    name: Output[str]
    namespace: Output[str]
    uid: Output[str]
    """The API server's id of the Secret."""
    fingerprint: Output[str]
    """First 12 hexadecimal digits of the key's sha256: tells keys apart, and gives nothing of them away."""
    status: Output[str]
    """`valid`, or what the last refresh found wrong."""

    def __init__(
        self, resource_name: str, args: ApiKeyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = {
            "name": args.name,
            "namespace": args.namespace,
            "endpoint": args.endpoint,
            "rotation": args.rotation,
            "labels": args.labels,
            "kubeconfig": args.kubeconfig,
            "context": args.context,
            "configPath": args.config_path,
            # Outputs that no input carries: named here so that they exist as attributes.
            "uid": None,
            "fingerprint": None,
            "status": None,
        }
        super().__init__("modelberth:kubernetes:ApiKey", resource_name, properties, opts)
