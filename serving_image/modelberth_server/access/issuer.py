"""The issuer that the settings name: whose tokens are accepted, and where the keys come from."""

from pathlib import Path

from modelberth_server.access.fetch import check_url, fetch
from modelberth_server.access.issuer_keys import Fetch, IssuerKeys
from modelberth_server.access.key_set import KeySet
from modelberth_server.access.tokens import Tokens
from modelberth_server.access.watched_file import WatchedFile
from modelberth_server.errors import SettingsError
from modelberth_server.settings import Settings

__all__ = ["KeysFile", "tokens_from_settings"]

ISSUER = "MODELBERTH_JWT_ISSUER"
AUDIENCE = "MODELBERTH_JWT_AUDIENCE"
JWKS = "MODELBERTH_JWT_JWKS"


class KeysFile(WatchedFile[KeySet]):
    """An issuer's keys in a file, for where the issuer cannot be reached."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            SettingsError: it cannot be read, or is no key set.

        """
        super().__init__(JWKS, path, KeySet.parse)

    @property
    def keys(self) -> KeySet:
        """The newest keys."""
        return self.value

    def ask(self) -> None:
        """Return None: nobody can be asked for newer ones."""


def tokens_from_settings(settings: Settings, fetch: Fetch = fetch) -> tuple[Tokens, IssuerKeys | KeysFile]:
    """Return the verifier of the issuer's tokens and its keys.

    Raises:
        SettingsError: a variable is set without its partner, is no address, or names a bad file.

    """
    issuer, audience, jwks = settings.jwt_issuer, settings.jwt_audience, settings.jwt_jwks
    if issuer is None:
        raise SettingsError(f"{ISSUER}: required with {AUDIENCE if audience else JWKS}, and not set")
    if audience is None:
        # Any token of the issuer would do, those for other services included.
        raise SettingsError(f"{AUDIENCE}: required with {ISSUER}, and not set")
    _check_address(ISSUER, issuer)
    source: IssuerKeys | KeysFile
    if jwks is not None and jwks.startswith("/"):
        source = KeysFile(Path(jwks))
    else:
        if jwks is not None:
            _check_address(JWKS, jwks)
        source = IssuerKeys(issuer, jwks, fetch=fetch)
    return Tokens(issuer, audience, settings.jwt_leeway_seconds, source), source


def _check_address(variable: str, url: str) -> None:
    try:
        check_url(url)
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None
