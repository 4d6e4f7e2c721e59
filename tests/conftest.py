"""Which tests must not run beside each other, where several processes share the suite."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# They start local endpoints, whose ports follow from their names: an endpoint of another test could take over
# the port of one that was killed on purpose.
LOCAL_ENDPOINTS = (
    "benchmarks",
    "docs",
    "engine/test_bad_input.py",
    "engine/test_crash.py",
    "engine/test_life.py",
    "engine/test_no_failed_request.py",
    "examples/test_composed.py",
    "local",
    "provider",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(TESTS).as_posix()
        if place.startswith(LOCAL_ENDPOINTS):
            item.add_marker(pytest.mark.xdist_group("local-endpoints"))
