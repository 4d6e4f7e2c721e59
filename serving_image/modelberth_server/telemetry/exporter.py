"""Whether OpenTelemetry's standard variables ask for traces, found out without its SDK."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from modelberth_server.errors import SettingsError

__all__ = ["exporter"]

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
# Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/, less those of
# extensions that the SDK does not bring along.
_SAMPLERS: Final = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)


def exporter(environ: Mapping[str, str]) -> str | None:
    """Return `otlp`, `console`, or None for no traces: the default where there is no endpoint.

    Raises:
        SettingsError: they ask for an exporter, protocol or sampler that is not here, or an endpoint is none.

    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    named = any(environ.get(variable) for variable in _ENDPOINTS)
    chosen = environ.get("OTEL_TRACES_EXPORTER", "").strip() or ("otlp" if named else "none")
    if chosen == "none":
        return None
    if chosen not in ("otlp", "console"):
        raise SettingsError(f"OTEL_TRACES_EXPORTER: {chosen!r}, allowed are otlp, console and none")
    for variable in _PROTOCOLS:
        if (protocol := environ.get(variable, "").strip()) not in ("", "http/protobuf"):
            raise SettingsError(f"{variable}: {protocol!r}, allowed is http/protobuf")
    for variable in _ENDPOINTS:
        if (endpoint := environ.get(variable, "")) and not _is_address(endpoint):
            # What is before an @ may be a password.
            shown = endpoint.rpartition("@")[2]
            raise SettingsError(f"{variable}: {shown!r}, allowed is an http or https address")
    _check_sampler(environ)
    return chosen


def _is_address(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def _check_sampler(environ: Mapping[str, str]) -> None:
    """Refuse what the SDK would replace by its default, which records every request."""
    sampler = environ.get("OTEL_TRACES_SAMPLER", "")
    if sampler and sampler.lower() not in _SAMPLERS:
        raise SettingsError(f"OTEL_TRACES_SAMPLER: {sampler!r}, allowed are {', '.join(_SAMPLERS)}")
    share = environ.get("OTEL_TRACES_SAMPLER_ARG", "")
    try:
        allowed = not share or 0 <= float(share) <= 1
    except ValueError:
        allowed = False
    if not allowed:
        raise SettingsError(f"OTEL_TRACES_SAMPLER_ARG: {share!r}, allowed is a number from 0 to 1")
