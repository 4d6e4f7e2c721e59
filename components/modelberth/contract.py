"""What every endpoint returns, whatever its target.

Routers, monitoring and stack outputs are written against this contract and know no cloud.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pulumi import Input

from modelberth._version import CONTRACT

VERSION: Final = CONTRACT
"""Version of the plain form. A field may be added within a version; nothing is renamed or removed."""


@dataclass(frozen=True, kw_only=True)
class EndpointContract:
    """The address of an endpoint and what a caller must know. Sizes in bytes, times in seconds."""

    name: str
    target: str
    """Kind of the target, as in `target.kind`."""
    url: Input[str]
    predict_path: str = "/predict"
    health_path: str = "/health/ready"
    """Answers 200 only while predictions are served."""
    auth: str
    """How callers prove who they are: `loopback` (on this machine), `iam`, `api_key`, `jwt`, `none`."""
    auth_header: str | None = None
    """HTTP header that carries the API key; None: `x-api-key`, where callers have one."""
    predict_headers: Mapping[str, str] = field(default_factory=dict)
    """HTTP headers that each prediction carries beside those that prove who calls."""
    invoker_identity: Input[str] | None = None
    """Identity that a caller takes on to call, where the target has such."""
    region: str
    """Cloud region, cluster, or `local`."""
    model_name: str
    model_version: str
    model_sha256: Input[str] | None = None
    revision: Input[str] | None = None
    """What is deployed now; changes with the model and with every setting that decides what is served."""
    image_digest: Input[str] | None = None
    """Digest of the serving image; None where the target runs none."""
    max_body_bytes: int
    timeout_seconds: float
    logs: Input[str] | None = None
    """Where the logs are: a link or a path."""
    dashboard: Input[str] | None = None

    def to_dict(self) -> Mapping[str, Any]:
        """The plain, versioned form for stack outputs.

        A dict, not this class: the Pulumi SDK changed how it names the keys of exported objects, and what
        other stacks read must not change with it.
        """
        return {"contract_version": VERSION, **{one.name: getattr(self, one.name) for one in fields(self)}}
