"""The validated environment."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelberth_server.errors import SettingsError
from modelberth_server.settings.table import VARIABLES
from modelberth_server.settings.variable import PREFIX

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """The validated environment; `table.VARIABLES` says what each field means."""

    model_path: Path | None
    model_uri: str | None
    model_sha256: str | None
    models_file: Path | None
    model_folder: Path
    allow_private_hosts: tuple[str, ...]
    model_name: str | None
    model_version: str | None
    revision: str
    host: str
    port: int
    admin_port: int | None
    grpc_port: int | None
    listen_fd: int | None
    lifeline_fd: int | None
    workers: int
    max_body_bytes: int
    timeout_seconds: float
    max_concurrency: int
    max_connections: int
    header_timeout_seconds: float
    threads: int
    max_batch_size: int
    batch_delay_ms: float
    drain_delay_seconds: float
    drain_seconds: float
    log_level: str
    log_format: str
    access_log: str
    api_keys_file: Path | None
    api_key_header: str
    jwt_issuer: str | None
    jwt_audience: str | None
    jwt_jwks: str | None
    jwt_leeway_seconds: float
    rate_limit_per_minute: int
    tls_cert_file: Path | None
    tls_key_file: Path | None
    tls_client_ca_file: Path | None
    tls_min_version: str
    capture_uri: str | None
    capture_percent: float
    capture_drop_fields: tuple[str, ...]
    capture_hash_fields: tuple[str, ...]
    capture_hash_key_file: Path | None
    s3_output_uri: str | None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and validate the variables.

        Raises:
            SettingsError: a required variable is missing, a `MODELBERTH_` name is unknown or a value is bad.

        """
        known = [variable.name for variable in VARIABLES]
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
                raise SettingsError(f"{name}: unknown variable, did you mean {nearest}?")
        return cls(**{variable.field: variable.read(environ) for variable in VARIABLES})
