"""Several server processes, seen as one: each writes what it counted into a file of its own.

Whoever is scraped writes its own file and then adds up all of them, so the sums never fall from one scrape
to the next, whichever worker answers. There are as many files as workers, for ever: a worker that takes the
place of a dead one takes over its file. (`prometheus_client`'s multiprocess mode names its files by process
id, so they grow with every restart, and keeps every number in a file, which makes each update dearer.)
"""

import logging
from pathlib import Path

import orjson

from modelberth_server.telemetry.families import FAMILIES
from modelberth_server.telemetry.instruments import Kind, Samples, add

__all__ = ["Worker"]

_LOG = logging.getLogger(__name__)


class Worker:
    """One of several server processes.

    Args:
        index: its number; a process that takes the place of a dead one has the same
        folder: that they share; fresh for each start of the server, and only writable by it

    """

    def __init__(self, index: int, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"worker-{index}.json"
        self._failing = False

    def publish(self, samples: Samples) -> None:
        """Replace this worker's file; a reader sees the old one or the new one."""
        data = orjson.dumps({name: list(series.items()) for name, series in samples.items()})
        beside = self._path.with_suffix(".new")
        try:
            beside.write_bytes(data)
            beside.replace(self._path)
        except OSError as error:
            if not self._failing:
                _LOG.warning("metrics of this worker stay as they were: %s", error)
            self._failing = True
        else:
            self._failing = False

    def restored(self) -> Samples:
        """Read what a predecessor of the same number had counted, without its gauges."""
        samples = _read(self._path)
        return {name: series for name, series in samples.items() if FAMILIES[name].kind is not Kind.GAUGE}

    def together(self) -> Samples:
        """Add up what all workers published last."""
        total: Samples = {}
        for path in sorted(self._folder.glob("worker-*.json")):
            add(total, _read(path), FAMILIES)
        return total


def _read(path: Path) -> Samples:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, orjson.JSONDecodeError) as error:
        _LOG.warning("metrics of %s are left out: %s", path.name, error)
        return {}
    return {
        name: {tuple(labels): numbers for labels, numbers in series}
        for name, series in content.items()
        if name in FAMILIES
    }
