"""Which tests must not run beside each other, where several processes share the suite."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

import modelberth_server  # noqa: F401 -- first: it turns off what ONNX Runtime would send
from support import cluster

# They start local endpoints, whose ports follow from their names: an endpoint of another test could take over
# the port of one that was killed on purpose.
LOCAL_ENDPOINTS = tuple(
    f"tests/{place}"
    for place in (
        "benchmarks/",
        "docs/",
        "engine/test_bad_input.py",
        "engine/test_crash.py",
        "engine/test_life.py",
        "engine/test_no_failed_request.py",
        "examples/test_composed.py",
        "local/",
        "provider/",
    )
)


class ByFile(LoadScopeScheduling):
    """A file's tests share its fixtures, so they stay in one process; those above share one as well."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/cluster/"):
            return "cluster"  # one for all of them: it takes long to start
        return "local endpoints" if nodeid.startswith(LOCAL_ENDPOINTS) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """What was not collected is told, and what would change that."""
    folder = Path(__file__).parent / "cluster"
    asked = [
        (config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args
    ]
    line = cluster.not_run()
    if line and any(path == folder or path in folder.parents for path in asked):
        terminalreporter.write_line(line, yellow=True)


_LOOP = asyncio.new_event_loop()


@pytest.fixture(autouse=True)
def _an_event_loop() -> None:
    """Pulumi's mocks ask for the current event loop, and `asyncio.run` in an earlier test leaves none."""
    asyncio.set_event_loop(_LOOP)
