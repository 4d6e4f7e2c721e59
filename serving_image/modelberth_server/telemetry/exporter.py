"""Whether OpenTelemetry's standard variables ask for traces, found out without its SDK."""

from collections.abc import Mapping
from typing import Final

from modelberth_server.errors import SettingsError

__all__ = ["exporter"]

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def exporter(environ: Mapping[str, str]) -> str | None:
    """Return `otlp`, `console`, or None for no traces: the default where there is no endpoint.

    Raises:
        SettingsError: they ask for an exporter or protocol that is not here.

    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    endpoint = any(environ.get(variable) for variable in _ENDPOINTS)
    chosen = environ.get("OTEL_TRACES_EXPORTER", "").strip() or ("otlp" if endpoint else "none")
    if chosen == "none":
        return None
    if chosen not in ("otlp", "console"):
        raise SettingsError(f"OTEL_TRACES_EXPORTER: {chosen!r}, allowed are otlp, console and none")
    for variable in _PROTOCOLS:
        if (protocol := environ.get(variable, "").strip()) not in ("", "http/protobuf"):
            raise SettingsError(f"{variable}: {protocol!r}, allowed is http/protobuf")
    return chosen
