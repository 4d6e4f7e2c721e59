"""Servers started as a platform starts them."""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from modelberth.conformance import CONTRACTS, Report, Verdict
from serving.forms import compiled
from serving.processes import ServerProcess

NOBODY = 65532
"""A user without rights, as the image has one; tests that run as root become it."""

BECOME = """
import encodings.idna, os, sys
import modelberth_server.model.loading
import modelberth_server.process.worker
import modelberth_server.telemetry.exposition
from modelberth_server.__main__ import main
os.setgroups([])
os.setresgid({user}, {user}, {user})
os.setresuid({user}, {user}, {user})
sys.exit(main())
"""


class PlatformProcess(ServerProcess):
    """A server with arguments, perhaps of another user, that inherits none of this process's environment."""

    def __init__(
        self,
        environ: Mapping[str, str],
        stderr: Path,
        arguments: tuple[str, ...] = (),
        user: int | None = None,
    ) -> None:
        self._stderr = stderr
        module = [sys.executable, "-m", "modelberth_server", *arguments]
        with stderr.open("wb") as file:
            env = {**compiled(), **environ}
            start = functools.partial(subprocess.Popen, env=env, stderr=file, cwd="/")
            if user is None:
                self.process = start(module)
                return
            try:
                self.process = start(module, user=user, group=user, extra_groups=())
            except PermissionError:  # the interpreter is in somebody's home: change the user a moment later
                self.process = start([sys.executable, "-c", BECOME.format(user=user), *arguments])

    def port_of(self, name: str) -> int:
        """The port of `name`, such as gRPC, as the log tells it."""
        self.wait_for_log(f"{name} on port ")
        return int(self.log.partition(f"{name} on port ")[2].split()[0])


@contextmanager
def started(
    environ: Mapping[str, str], *arguments: str, user: int | None = None
) -> Iterator[PlatformProcess]:
    """Run a server until the end of the context, with the model ready; its log has no error at the end."""
    with tempfile.TemporaryDirectory() as folder:
        server = PlatformProcess(environ, Path(folder) / "stderr", arguments, user)
        try:
            server.wait_until_ready()
            yield server
            assert "ERROR" not in server.log, server.log
        finally:
            server.process.kill()
            server.process.wait()


def other_user() -> int | None:
    """Who runs a server that must not be root: somebody else where we are root, else we ourselves."""
    return NOBODY if os.geteuid() == 0 else None


def assert_kept(report: Report, *contracts: str) -> None:
    """Every check of the contracts held, and none of any other was broken."""
    broken = {
        (finding.contract, finding.check): finding.detail
        for finding in report.findings
        if finding.verdict is Verdict.BROKEN
    }
    assert broken == {}
    for name in contracts:
        assert report.count(Verdict.HELD, name) == len(CONTRACTS[name].checks) > 0, report.findings
