"""TLS: the server's certificate, the clients' certificates, and their rotation."""

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelberth_server.access.watched_file import Stamp, stamp
from modelberth_server.errors import SettingsError
from modelberth_server.settings import Settings

__all__ = ["Tls", "certificate_caller"]

CERT: Final = "MODELBERTH_TLS_CERT_FILE"
KEY: Final = "MODELBERTH_TLS_KEY_FILE"
CLIENT_CA: Final = "MODELBERTH_TLS_CLIENT_CA_FILE"
MAX_NAME: Final = 255
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

logger = logging.getLogger(__name__)


class Tls:
    """The context of a listening socket, which follows its files.

    Certificates are rotated by replacing their files. A changed set is built into a context of its own, and
    only a good one is put in the place of the last one, for the handshakes from then on: loading it into the
    context in use would leave that one without a key where certificate and key are replaced one by one, and
    could not take back an authority. Connections that are open stay.

    Attributes:
        context: for `create_server(ssl=...)`, always the same one

    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None, min_version: str) -> None:
        """Read the files.

        Raises:
            SettingsError: one of them is missing or bad, or the key is another certificate's.

        """
        self._cert = cert
        self._key = key
        self._client_ca = client_ca
        self._min_version = _VERSIONS[min_version]
        self._stamps = self._look()
        self.context = self._current = self._build()
        self.context.sni_callback = self._choose

    @property
    def wants_certificate(self) -> bool:
        """Whether every client has to have a certificate."""
        return self._client_ca is not None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Tls | None":
        """Return what the settings ask for, or None where that is plain HTTP.

        Raises:
            SettingsError: a file is missing or bad, or a variable is set without its partner.

        """
        cert, key, client_ca = settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file
        if cert is not None and key is not None:
            return cls(cert, key, client_ca, settings.tls_min_version)
        if cert is not None:
            raise SettingsError(f"{KEY}: required with {CERT}, and not set")
        for name, path in ((KEY, key), (CLIENT_CA, client_ca)):
            if path is not None:
                raise SettingsError(f"{CERT}: required with {name}, and not set")
        return None

    def refresh(self) -> None:
        """Read the files again if one of them changed; bad ones are logged and the last good ones stay."""
        stamps = self._look()
        if stamps == self._stamps:
            return
        # Taken before the files are read: what is replaced meanwhile is another change.
        self._stamps = stamps
        try:
            self._current = self._build()
        except SettingsError as error:
            logger.error("%s; what was read before stays in force", error)  # noqa: TRY400 -- the message says it
        else:
            logger.info("%s: %s was read again", CERT, self._cert)

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(stamp(path) for path in (self._cert, self._key, self._client_ca) if path is not None)

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Use the newest certificate; asked at every handshake, whether the client names a host or not."""
        if connection.context is not self._current:
            connection.context = self._current

    def _build(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self._min_version
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        # Into a context that is thrown away: to tell a bad certificate from a bad key.
        _load_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), CERT, self._cert, "a certificate")
        _read(KEY, self._key)
        try:
            context.load_cert_chain(self._cert, self._key, password=_refuse_password)
        except _EncryptedKeyError:
            raise SettingsError(f"{KEY}: {self._key} is encrypted, allowed is a plain private key") from None
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None)
            if reason == "KEY_VALUES_MISMATCH":
                raise SettingsError(
                    f"{KEY}: {self._key} is not the key of the certificate {self._cert}"
                ) from None
            raise SettingsError(f"{KEY}: {self._key} is no private key in PEM that fits: {reason}") from None
        if self._client_ca is not None:
            _load_authorities(context, CLIENT_CA, self._client_ca, "a certificate of an authority")
            context.verify_mode = ssl.CERT_REQUIRED
            # A resumed session skips the check of the certificate. Python cannot turn off those of TLS 1.2.
            context.num_tickets = 0
        return context


class _EncryptedKeyError(Exception):
    """The private key has a passphrase."""


def _refuse_password() -> str:
    # Without an answer OpenSSL would ask for it on the terminal.
    raise _EncryptedKeyError


def _read(variable: str, path: Path) -> str:
    try:
        return path.read_bytes().decode("latin-1")
    except OSError as error:
        raise SettingsError(f"{variable}: {path}: {error.strerror}") from None


def _load_authorities(context: ssl.SSLContext, variable: str, path: Path, what: str) -> None:
    """Trust the certificates of a PEM file, or raise a SettingsError that names the variable."""
    text = _read(variable, path)
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise SettingsError(f"{variable}: {path}: no certificate in it, allowed is {what} in PEM")
    try:
        context.load_verify_locations(cafile=path)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None)
        raise SettingsError(f"{variable}: {path} is not {what} in PEM: {reason}") from None


def certificate_caller(certificate: Mapping[str, Any] | None) -> str:
    """Return the caller's name, `cert:NAME`, of a verified certificate (`SSLObject.getpeercert()`).

    NAME is its first URI (a SPIFFE id), else its common name, else its first DNS name. Where there is none,
    or it is longer than 255 characters or not printable, it is empty, and `Access.check` answers with 403.
    """
    if not certificate:
        return ""
    alternatives = certificate.get("subjectAltName", ())
    names = [value for kind, value in alternatives if kind == "URI"]
    names += [
        value for part in certificate.get("subject", ()) for kind, value in part if kind == "commonName"
    ]
    names += [value for kind, value in alternatives if kind == "DNS"]
    name = names[0] if names else ""
    return f"cert:{name}" if name and len(name) <= MAX_NAME and name.isprintable() else ""
