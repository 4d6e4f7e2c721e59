"""TLS of the gRPC port: the files of the main port, followed as there."""

import logging

import grpc

from modelberth_server.access.tls import Tls
from modelberth_server.access.watched_file import stamp
from modelberth_server.errors import SettingsError
from modelberth_server.settings import Settings

__all__ = ["server_credentials"]

logger = logging.getLogger(__name__)


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Return what the settings ask for, or None where that is a port in the clear.

    A changed set of files is used from the next handshake on; a bad one is logged and not used.

    Raises:
        SettingsError: a file is missing or bad, or TLS 1.3 is asked for as the oldest version.

    """
    cert, key, client_ca = settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file
    if cert is None or key is None:
        return None
    if settings.tls_min_version != "1.2":
        raise SettingsError(
            f"MODELBERTH_TLS_MIN_VERSION: {settings.tls_min_version} is not possible together with "
            "MODELBERTH_GRPC_PORT: gRPC for Python has no such option, and takes 1.2 and 1.3"
        )
    files = (cert, key) if client_ca is None else (cert, key, client_ca)

    def read() -> grpc.ServerCertificateConfiguration:
        # It names what is wrong with a file, which gRPC would only find at a handshake.
        Tls.from_settings(settings)
        return grpc.ssl_server_certificate_configuration(
            [(key.read_bytes(), cert.read_bytes())], client_ca.read_bytes() if client_ca else None
        )

    stamps = [stamp(path) for path in files]
    initial = read()

    def newest() -> grpc.ServerCertificateConfiguration | None:
        """Return the files' newest content, or None where they are the same; asked at every handshake."""
        nonlocal stamps
        seen = [stamp(path) for path in files]
        if seen == stamps:
            return None
        stamps = seen
        try:
            return read()
        except (SettingsError, OSError) as error:
            logger.error("gRPC: %s; what was read before stays in force", error)  # noqa: TRY400 -- it says all
            return None

    # None means no change, which the stubs of grpc do not know.
    return grpc.dynamic_ssl_server_credentials(
        initial,
        newest,  # type: ignore[arg-type]
        require_client_authentication=client_ca is not None,
    )
