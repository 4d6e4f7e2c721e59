"""The validated environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelberth_server.errors import SettingsError
from modelberth_server.settings.table import VARIABLES
from modelberth_server.settings.variable import PREFIX

__all__ = ["Settings"]

# A variable, and the one without which it has no effect. Pairs that need each other, as certificate and key,
# are checked where they are read.
_PARTNERS: Final = (
    ("MODELBERTH_API_KEY_HEADER", "MODELBERTH_API_KEYS_FILE"),
    ("MODELBERTH_CAPTURE_DROP_FIELDS", "MODELBERTH_CAPTURE_URI"),
    ("MODELBERTH_CAPTURE_HASH_FIELDS", "MODELBERTH_CAPTURE_URI"),
    ("MODELBERTH_CAPTURE_HASH_KEY_FILE", "MODELBERTH_CAPTURE_HASH_FIELDS"),
    ("MODELBERTH_CAPTURE_PERCENT", "MODELBERTH_CAPTURE_URI"),
    ("MODELBERTH_JWT_LEEWAY_SECONDS", "MODELBERTH_JWT_ISSUER"),
    ("MODELBERTH_TLS_MIN_VERSION", "MODELBERTH_TLS_CERT_FILE"),
)


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
    lambda_response_mode: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and validate the variables.

        Raises:
            SettingsError: a required variable is missing, a `MODELBERTH_` name is unknown, a value is bad, or
                a variable has no effect without another that is not set.

        """
        known = [variable.name for variable in VARIABLES]
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in known:
                import difflib  # noqa: PLC0415 -- no start that succeeds needs it

                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
                raise SettingsError(f"{name}: unknown variable, did you mean {nearest}?")
        values = {variable.name: variable.read(environ) for variable in VARIABLES}
        for name, partner in _PARTNERS:
            # An empty list of fields is as good as none.
            if name in environ and values[name] != () and values[partner] in (None, ()):
                raise SettingsError(f"{name}: set without {partner}, which it belongs to")
        if values["MODELBERTH_MAX_BATCH_SIZE"] == 1 and values["MODELBERTH_BATCH_DELAY_MS"] > 0:
            raise SettingsError(
                "MODELBERTH_BATCH_DELAY_MS: set with MODELBERTH_MAX_BATCH_SIZE 1, by which no request waits "
                "for others"
            )
        return cls(**{variable.field: values[variable.name] for variable in VARIABLES})

    def given(self, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the variables with these beginnings whose values are not their defaults."""
        return tuple(
            variable.name
            for variable in VARIABLES
            if variable.name.startswith(prefixes) and getattr(self, variable.field) != variable.default
        )
