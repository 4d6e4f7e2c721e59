"""The sockets of a server, opened once and shared by its workers."""

import socket
from dataclasses import dataclass

from modelberth_server.http.listening import listen, listener
from modelberth_server.settings import Settings

__all__ = ["Sockets"]


@dataclass(frozen=True)
class Sockets:
    """Listening sockets: for requests, and for metrics and the admin routes where those have their own."""

    main: socket.socket
    admin: socket.socket | None = None

    @classmethod
    def open(cls, settings: Settings) -> "Sockets":
        """Open what the settings ask for.

        Raises:
            StartError: an address cannot be listened on.

        """
        main = listener(settings)
        if settings.admin_port is None:
            return cls(main)
        return cls(main, listen("MODELBERTH_ADMIN_PORT", settings.host, settings.admin_port))

    def close(self) -> None:
        """Close them in this process; another one that has them may go on."""
        self.main.close()
        if self.admin is not None:
            self.admin.close()
