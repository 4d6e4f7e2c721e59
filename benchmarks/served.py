"""Run a command whose providers are served from here: by stand-ins, or by one that accepts everything.

    python benchmarks/served.py standins pulumi preview
    python benchmarks/served.py accept-all pulumi preview

A process of its own for each run, so that what a server imports and reads counts each time, as it does in
`modelberth preview --offline`. For the same reason it imports nothing of the other server.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager


@contextmanager
def _standins() -> Iterator[Mapping[str, str]]:
    from modelberth.preview.standins import StandIns  # noqa: PLC0415

    with StandIns() as standins:
        yield standins.environment


def _accept_all() -> AbstractContextManager[Mapping[str, str]]:
    from accept_all import serve  # noqa: PLC0415

    return serve()


_SERVERS: Mapping[str, Callable[[], AbstractContextManager[Mapping[str, str]]]] = {
    "standins": _standins,
    "accept-all": _accept_all,
}


def main() -> int:
    """Serve while the command runs; its exit status."""
    if len(sys.argv) < 3 or sys.argv[1] not in _SERVERS:
        print(f"usage: served.py {{{','.join(_SERVERS)}}} COMMAND…", file=sys.stderr)
        return 2
    with _SERVERS[sys.argv[1]]() as environ:
        return subprocess.run(sys.argv[2:], env={**os.environ, **environ}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
