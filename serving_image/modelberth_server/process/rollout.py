"""Which versions a worker serves: loaded at the start, and again when the file that lists them changes.

New versions are loaded beside those that serve, and take over in one step when all of them are ready. What
cannot be loaded changes nothing: the versions before go on, and the log and `/admin/versions` say why.
"""

import asyncio
import gc
import logging
import os
from collections.abc import Mapping
from typing import Final

from modelberth_server.app import App
from modelberth_server.errors import StartError
from modelberth_server.model.versions import Served
from modelberth_server.process.versions import load_versions
from modelberth_server.settings import Settings

__all__ = ["Rollout"]

# A mounted ConfigMap changes by a swap of links, which no signal tells.
LOOK_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class Rollout:
    """Loads versions in a thread, and hands them to the application in the event loop's."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        app: App,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._app = app
        self._served: tuple[Served, ...] = ()
        self._seen: object = None
        self._asked = asyncio.Event()

    async def first(self) -> None:
        """Load and serve what the settings ask for.

        Raises:
            StartError: a version is refused.

        """
        self._seen = self._look()
        await self._change()
        for one in self._served:
            signature = one.model.signature
            logger.info(
                "ready: model %s version %s sha256 %s revision %s",
                *(signature.name, signature.version, signature.sha256),
                self._settings.revision or "(none)",
            )

    def ask(self) -> None:
        """Look at once whether anything changed."""
        self._seen = None
        self._asked.set()

    async def follow(self) -> None:
        """Follow the changes of the file, for ever."""
        while self._settings.models_file is not None:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            except TimeoutError:
                pass
            self._asked.clear()
            seen = self._look()
            if seen == self._seen:
                continue
            self._seen = seen
            try:
                await self._change()
            except StartError as error:
                self._app.state.failure = str(error)
                logger.error("the versions stay as they are: %s", error)  # noqa: TRY400 -- it says all
            else:
                self._app.state.failure = ""
                logger.info("serving %s", ", ".join(map(_told, self._served)))

    async def _change(self) -> None:
        loop = asyncio.get_running_loop()
        served = await loop.run_in_executor(
            self._app.execution.pool, load_versions, self._settings, self._environ, self._served
        )
        self._app.serve(*served)
        if self._served:
            # The versions that go were to stay.
            gc.unfreeze()
        self._served = served
        # What is there now stays: the collector need not look through it, which takes it 5 ms in between two
        # requests.
        gc.collect()
        gc.freeze()

    def _look(self) -> object:
        """Tell one state of the file from another."""
        if self._settings.models_file is None:
            return None
        try:
            status = os.stat(self._settings.models_file)  # noqa: PTH116 -- follows links, as reading does
        except OSError as error:
            return error.errno
        return status.st_mtime_ns, status.st_ino, status.st_size


def _told(one: Served) -> str:
    role = "as a shadow" if one.shadow else f"with weight {one.weight}"
    return f"version {one.model.signature.version} {role}"
