import json
import logging
from collections.abc import Callable, Iterator

import pytest

from modelberth_server.http.message import Request, Response
from modelberth_server.telemetry.logs import configure, escaped
from modelberth_server.telemetry.telemetry import Telemetry
from serving.watching import IRIS, iris_batch, request, settings

FORGED = "x\n2026-01-01T00:00:00.000Z ERROR forged\r\x1b[31m\u2028\x85\u202e"
CANARY = "canary-4711"


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was written to standard error, after `configure`; the root logger is put back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    root.handlers[:], root.level = before


def answered(access_log: str, status: int, one: Request | None = None) -> None:
    telemetry = Telemetry.from_settings(settings(ACCESS_LOG=access_log), {})
    one = one or request()
    telemetry.started(one)
    inputs, outputs = iris_batch(1)
    telemetry.batch(IRIS, [one], inputs, outputs, [0.0], 0.1)
    telemetry.answered(one, Response(status, b""))


def test_text_is_one_line_for_people(log: Callable[[], str]) -> None:
    configure("info", "text")
    logging.getLogger("modelberth_server.x").warning("listening on %s", "127.0.0.1:80")
    time, level, message = log().rstrip("\n").split(" ", 2)
    assert (level, message) == ("WARNING", "listening on 127.0.0.1:80")
    assert time.endswith("Z")


def test_json_is_one_object_a_line(log: Callable[[], str]) -> None:
    configure("info", "json")
    logging.getLogger("modelberth_server.x").warning("é %s", FORGED)
    text = log()
    assert text.isascii()
    assert text.count("\n") == 1
    line = json.loads(text)
    assert set(line) == {"time", "level", "logger", "message"}
    assert line["message"] == f"é {FORGED}"
    assert line["logger"] == "modelberth_server.x"


def test_the_level_is_the_least_that_is_written(log: Callable[[], str]) -> None:
    configure("error", "text")
    logging.getLogger("x").warning("quiet")
    logging.getLogger("x").error("loud")
    assert log().endswith("ERROR loud\n")


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_can_forge_a_line(log: Callable[[], str], form: str) -> None:
    configure("info", form)
    one = request(headers={b"x-request-id": FORGED.encode()})
    one.caller = FORGED
    answered("all", 200, one)
    logging.getLogger("x").error(FORGED, exc_info=ValueError(FORGED))
    text = log()
    assert "forged" in text
    assert not set(text) & set("\r\x1b\u2028\x85\u202e")
    records = [line for line in text.split("\n") if line and not line.startswith("    ")]
    assert len(records) == 2
    assert not any(line.startswith("2026-01-01") for line in records)


def test_escapes_leave_what_can_be_printed() -> None:
    assert escaped("café ✓") == "café ✓"
    assert escaped("a\tb\x00\u2029") == r"a\tb\x00\u2029"


@pytest.mark.parametrize(
    ("access_log", "status", "lines"),
    [("off", 500, 0), ("errors", 499, 0), ("errors", 500, 1), ("all", 200, 1)],
)
def test_the_access_log_has_what_was_asked_for(
    log: Callable[[], str], access_log: str, status: int, lines: int
) -> None:
    configure("info", "json")
    answered(access_log, status)
    assert log().count("answered") == lines


def test_an_access_line_tells_all_but_what_was_carried(log: Callable[[], str]) -> None:
    configure("info", "json")
    one = Request(
        "POST",
        f"/{CANARY}",
        {b"authorization": CANARY.encode(), b"x-request-id": b"order-7"},
        CANARY.encode(),
        request().sink,
        f"{CANARY}:1",
    )
    one.started = request().started
    one.caller = "shop"
    answered("all", 200, one)
    text = log()
    line = json.loads(text)
    assert CANARY not in text
    assert line.pop("ms") >= 0
    del line["time"]
    assert line == {
        "level": "INFO",
        "logger": "modelberth.access",
        "message": "answered",
        "request_id": "order-7",
        "method": "POST",
        "route": "other",
        "status": 200,
        "caller": "shop",
        "version": "3",
    }


def test_a_request_that_was_answered_before_it_was_computed_is_not_remembered() -> None:
    telemetry = Telemetry.from_settings(settings(ACCESS_LOG="all"), {})
    one = request()
    telemetry.started(one)
    telemetry.answered(one, Response(504, b""))
    inputs, outputs = iris_batch(1)
    telemetry.batch(IRIS, [one], inputs, outputs, [0.0], 40)
    assert telemetry._access_log._versions == {}
