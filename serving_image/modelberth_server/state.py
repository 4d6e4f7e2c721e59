"""What is served at the moment, and whether the server is ready to."""

from collections.abc import Mapping

from modelberth_server.errors import RequestError
from modelberth_server.model.session import Model
from modelberth_server.model.signature import FIRST_VERSION, UNNAMED
from modelberth_server.model.versions import Versions
from modelberth_server.settings import Settings
from modelberth_server.tensors import shown

__all__ = ["State"]


class State:
    """The state of a server.

    Attributes:
        versions: of the model; none while it loads
        draining: the server is about to end
        failure: why the last change of the versions was not carried out

    """

    def __init__(self, settings: Settings) -> None:
        self.versions = Versions()
        self.draining = False
        self.failure = ""
        self.revision = settings.revision
        self._name = settings.model_name or UNNAMED
        self._version = settings.model_version or FIRST_VERSION
        self._sha256 = settings.model_sha256

    @property
    def status(self) -> str:
        """Return `loading`, `ready` or `draining`."""
        if self.draining:
            return "draining"
        return "ready" if self.versions.served else "loading"

    @property
    def name(self) -> str:
        """The name by which requests ask for the model."""
        primary = self.versions.primary
        return primary.signature.name if primary else self._name

    @property
    def version(self) -> str:
        """The version that most requests get."""
        primary = self.versions.primary
        return primary.signature.version if primary else self._version

    @property
    def served(self) -> tuple[str, ...]:
        """The versions that a path can name, shadows too; none while they load."""
        return tuple(one.model.signature.version for one in self.versions.served)

    @property
    def sha256(self) -> str | None:
        """What pins that version; None where nothing but the file of versions says it yet."""
        primary = self.versions.primary
        return primary.signature.sha256 if primary else self._sha256

    def model(self, segments: Mapping[str, str]) -> Model:
        """Return the model that a request's path asks for.

        Raises:
            RequestError: 404, another name or version; 503, it is loading.

        """
        if segments:
            name = segments.get("name", self.name)
            if name != self.name:
                raise RequestError(404, f"name: {shown(name)} is not served here, only {self.name!r} is")
        return self.versions.pick(segments.get("version"))
