"""What the server refuses: to start (an exit code) and to answer (an HTTP status)."""

from typing import ClassVar

__all__ = ["ListenError", "ModelError", "RequestError", "SettingsError", "StartError"]


class StartError(Exception):
    """The server cannot start; `exit_code` tells a supervisor which kind of fault it was."""

    exit_code: ClassVar[int]


class SettingsError(StartError):
    """A variable of the environment is missing, unknown or has a value out of bounds."""

    exit_code = 2


class ModelError(StartError):
    """The model file is missing, not the pinned one, or not servable."""

    exit_code = 3


class ListenError(StartError):
    """The address cannot be listened on."""

    exit_code = 4


class RequestError(Exception):
    """A request is answered with `status` (4xx or 5xx) and the JSON body `{"error": message}`.

    `headers` are added to the response. `close` ends the connection after it, where the rest of the request
    is not going to be read.
    """

    def __init__(
        self, status: int, message: str, headers: tuple[tuple[str, str], ...] = (), *, close: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers
        self.close = close
