import asyncio
import hashlib
import hmac
import io
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import arro3.io
import numpy as np
import pytest

from modelberth_server.errors import SettingsError
from modelberth_server.http.message import Request
from modelberth_server.model.signature import Signature
from modelberth_server.telemetry import capture as capture_module
from modelberth_server.telemetry import writer as writer_module
from modelberth_server.telemetry.capture import Capture, sampled
from modelberth_server.telemetry.parquet import parquet_file
from modelberth_server.telemetry.redaction import Redaction
from modelberth_server.telemetry.telemetry import Telemetry
from modelberth_server.tensors import ONNX_DATATYPES, TensorSpec
from serving.watching import FLOAT, INT, IRIS, STRING, iris_batch, request, settings

KEY = b"sixteen bytes at least"
CANARY = "canary-4711"
CANARY_NUMBER = 123456.78125

MIXED = Signature(
    "mixed",
    "2",
    "b" * 64,
    (
        TensorSpec("row", FLOAT, (-1, 3)),
        TensorSpec("user", STRING, (-1, 1)),
        TensorSpec("note", STRING, (-1,)),
        TensorSpec("image", FLOAT, (-1, 2, 2)),
    ),
    (TensorSpec("label", INT, (-1,)), TensorSpec("half", ONNX_DATATYPES["tensor(float16)"], (-1, -1))),
)


@dataclass
class Memory:
    """A store in memory that may fail, or wait."""

    files: dict[str, bytes] = field(default_factory=dict)
    failures: int = 0
    calls: int = 0
    open: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.open.set()

    def put(self, uri: str, data: bytes) -> None:
        self.calls += 1
        self.open.wait()
        if self.calls <= self.failures:
            raise OSError(f"no way to {uri}")
        self.files[uri] = data

    def rows(self) -> list[dict[str, Any]]:
        return [row for _, data in sorted(self.files.items()) for row in read(data)]


def read(data: bytes) -> list[dict[str, Any]]:
    table = arro3.io.read_parquet(data).read_all()
    columns = {name: table[name].to_pylist() for name in table.column_names}
    return [{name: values[row] for name, values in columns.items()} for row in range(table.num_rows)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_RETRY_DELAYS", (0.001, 0.001))


def capturing(store: Memory, redaction: Redaction = Redaction(), percent: float = 100) -> Capture:  # noqa: B008
    capture = Capture("file:///samples/", percent, redaction, lambda: store, parquet_file)
    capture.start()
    return capture


def closed(capture: Capture, seconds: float = 20) -> None:
    asyncio.run(capture.close(seconds))


def named(*names: str) -> list[Request]:
    made = []
    for name in names:
        made.append(one := request())
        one.identifier = name
    return made


def mixed_batch() -> tuple[dict[str, Any], dict[str, Any]]:
    inputs = {
        "row": np.array([[1, CANARY_NUMBER, 3], [4, 5, 6], [7, 8, 9]], np.float32),
        "user": np.array([[CANARY], ["b"], [CANARY]], object),
        "note": np.array([CANARY, "n2", "n3"], object),
        "image": np.arange(12, dtype=np.float32).reshape(3, 2, 2),
    }
    outputs = {
        "label": np.array([0, 1, 2]),
        "half": np.array([[0.5, 1], [2, 3], [4, 5]], np.float16),
    }
    return inputs, outputs


def counted(capture: Capture) -> dict[str, float]:
    return {
        ".".join((name.removeprefix("modelberth_capture_"), *labels)): numbers[0]
        for name, series in capture.samples().items()
        for labels, numbers in series.items()
        if numbers[0]
    }


def test_what_is_read_back_is_what_was_predicted() -> None:
    store = Memory()
    capture = capturing(store)
    inputs, outputs = iris_batch(5)
    begin = datetime.now(UTC)
    capture.offer(IRIS, named("one", "two"), inputs, outputs, [2, 3])
    closed(capture)

    rows = store.rows()
    assert [row["request_id"] for row in rows] == ["one"] * 2 + ["two"] * 3
    for position, row in enumerate(rows):
        assert (row["model"], row["version"], row["sha256"]) == ("iris", "3", "a" * 64)
        assert begin <= row["time"] <= datetime.now(UTC)
        assert [row[f"input.X[{n}]"] for n in range(4)] == inputs["X"][position].tolist()
        assert row["output.label"] == outputs["label"][position]
        assert [row[f"output.scores[{n}]"] for n in range(3)] == outputs["scores"][position].tolist()
        assert len(row) == 5 + 4 + 1 + 3
    assert counted(capture) == {"requests_total": 2}
    ((uri, _),) = store.files.items()
    assert uri.startswith(f"file:///samples/date={begin:%Y-%m-%d}/iris-3-{begin:%Y%m%d}T")
    assert uri.endswith("-000001.parquet")


def test_tensors_of_all_kinds_are_read_back() -> None:
    store = Memory()
    capture = capturing(store)
    inputs, outputs = mixed_batch()
    capture.offer(MIXED, named("one"), inputs, outputs, [3])
    capture.offer(MIXED, named("two"), inputs, {"half": np.ones((3, 1), np.float16)}, [3])
    closed(capture)
    rows = store.rows()
    assert [row["input.user"] for row in rows] == [CANARY, "b", CANARY] * 2
    assert [row["input.note"] for row in rows][:3] == [CANARY, "n2", "n3"]
    assert [row["input.image"] for row in rows][:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [row["output.label"] for row in rows] == [0, 1, 2, None, None, None]
    assert [row["output.half"] for row in rows] == [[0.5, 1], [2, 3], [4, 5], [1], [1], [1]]


def test_a_model_without_rows_is_one_row_a_request() -> None:
    signature = Signature(
        "loop", "1", "c" * 64, (TensorSpec("n", INT, (1,)),), (TensorSpec("max", FLOAT, ()),)
    )
    store = Memory()
    capture = capturing(store)
    capture.offer(signature, named("one"), {"n": np.array([7])}, {"max": np.array(0.5, np.float32)}, [1])
    closed(capture)
    (row,) = store.rows()
    assert (row["input.n"], row["output.max"]) == ([7], [0.5])


def test_dropped_values_occur_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """And kept ones do, so that the search is one that can find something."""
    caplog.set_level(logging.DEBUG)
    inputs, outputs = mixed_batch()
    numbers = np.float32(CANARY_NUMBER).tobytes()

    def written(redaction: Redaction) -> bytes:
        store = Memory(failures=1)
        plain = Capture(
            "file:///s", 100, redaction, lambda: store, lambda layout, items: repr(items).encode()
        )
        encoded = Capture("file:///s", 100, redaction, lambda: store, _uncompressed)
        for capture in (plain, encoded):
            capture.start()
            capture.offer(MIXED, named("one"), inputs, outputs, [3])
            closed(capture)
        assert len(store.files) == 2
        return b"".join(store.files.values()) + caplog.text.encode() + b"".join(map(str.encode, store.files))

    everything = written(Redaction())
    assert CANARY.encode() in everything
    assert numbers in everything
    assert b"1.2345678e+05" in everything
    dropped = written(Redaction(frozenset({"user", "note", "row[1]"})))
    hashed = written(Redaction(frozenset(), frozenset({"user", "note", "row[1]"}), KEY))
    for data in (dropped, hashed):
        assert CANARY.encode() not in data
        assert numbers not in data
        assert b"1.2345678e+05" not in data
        assert KEY not in data
        assert b"no way to" in data


def _uncompressed(layout: Any, items: Any) -> bytes:
    """The file with every column readable as plain bytes."""
    table = arro3.io.read_parquet(parquet_file(layout, items)).read_all()
    file = io.BytesIO()
    arro3.io.write_parquet(table, file, compression="uncompressed", dictionary_enabled=False)
    return file.getvalue()


def test_a_hash_is_stable_keyed_and_of_its_field() -> None:
    values = np.array(["a", "b", "a"], object)
    one = Redaction(hash=frozenset({"user"}), key=KEY)
    found = one.hashed("user", values).tolist()
    assert found[0] == hmac.new(KEY, b"user\0a", hashlib.sha256).hexdigest()
    assert found[0] == found[2] != found[1]
    assert one.hashed("note", values)[0] != found[0]
    assert Redaction(hash=frozenset({"user"}), key=KEY + b"!").hashed("user", values)[0] != found[0]
    numbers = one.hashed("row", np.array([[1.5, 2]], np.float32))
    assert numbers.shape == (1, 2)
    assert numbers[0, 0] == hmac.new(KEY, b"row\x001.5", hashlib.sha256).hexdigest()


def test_dropped_columns_are_absent_and_hashed_ones_are_strings() -> None:
    store = Memory()
    redaction = Redaction(frozenset({"row[1]", "note"}), frozenset({"user", "row[2]", "image"}), KEY)
    capture = capturing(store, redaction)
    inputs, outputs = mixed_batch()
    capture.offer(MIXED, named("one"), inputs, outputs, [3])
    closed(capture)
    row = store.rows()[0]
    assert set(row) >= {"input.row[0]", "input.row[2]", "input.user", "input.image"}
    assert not {"input.row[1]", "input.note"} & set(row)
    assert row["input.row[0]"] == 1
    assert row["input.user"] == hmac.new(KEY, f"user\0{CANARY}".encode(), hashlib.sha256).hexdigest()
    assert [len(text) for text in (row["input.row[2]"], *row["input.image"])] == [64] * 5


def test_the_sample_is_the_same_everywhere_and_of_the_right_size() -> None:
    names = [f"request-{number}" for number in range(20_000)]
    for percent in (0.0, 1.0, 25.0, 100.0):
        share = sum(sampled(name, percent) for name in names) / len(names) * 100
        assert share == pytest.approx(percent, abs=1)
    assert sampled("request-0", 50) is sampled("request-0", 50)
    assert {name for name in names if sampled(name, 1)} < {name for name in names if sampled(name, 2)}

    stores = Memory(), Memory()
    for store in stores:
        capture = capturing(store, percent=10)
        inputs, outputs = iris_batch(1)
        for name in names[:500]:
            capture.offer(IRIS, named(name), inputs, outputs, [1])
        closed(capture)
    first, second = ([row["request_id"] for row in store.rows()] for store in stores)
    assert first == second == [name for name in names[:500] if sampled(name, 10)]
    assert 20 < len(first) < 100


def test_a_store_that_hangs_holds_up_nothing_and_little(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capture_module, "MOST_BYTES", 20_000)
    monkeypatch.setattr(writer_module, "ROWS_PER_FILE", 2)
    store = Memory()
    store.open.clear()
    capture = capturing(store)
    inputs, outputs = iris_batch(1)
    for number in range(500):
        capture.offer(IRIS, named(str(number)), inputs, outputs, [1])
    assert store.calls <= 1
    assert store.files == {}
    assert capture._held < 21_000
    dropped = counted(capture)["dropped_total.queue"]
    assert 300 < dropped < 500
    closed(capture, 0.05)
    assert "were not written within" in caplog.text
    store.open.set()
    capture._thread.join(20)
    assert counted(capture)["requests_total"] == 500 - dropped
    assert capture._held == 0


def test_a_store_that_fails_for_a_while_gets_everything() -> None:
    store = Memory(failures=2)
    capture = capturing(store)
    inputs, outputs = iris_batch(1)
    capture.offer(IRIS, named("one"), inputs, outputs, [1])
    closed(capture)
    assert counted(capture) == {"requests_total": 1, "failures_total": 2}
    assert [row["request_id"] for row in store.rows()] == ["one"]


def test_a_store_that_fails_for_ever_is_said_once_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "ROWS_PER_FILE", 1)
    store = Memory(failures=1000)
    capture = capturing(store)
    inputs, outputs = iris_batch(1)
    for number in range(5):
        capture.offer(IRIS, named(str(number)), inputs, outputs, [1])
    closed(capture)
    assert counted(capture) == {"dropped_total.store": 5, "failures_total": 15}
    assert caplog.text.count("was not written") == 1
    assert capture._held == 0


@pytest.mark.parametrize("limit", ["ROWS_PER_FILE", "BYTES_PER_FILE", "SECONDS_PER_FILE"])
def test_a_file_is_written_when_it_is_full_or_old(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, limit, 0)
    written = Event()

    class Telling(Memory):
        def put(self, uri: str, data: bytes) -> None:
            super().put(uri, data)
            written.set()

    store = Telling()
    capture = capturing(store)
    inputs, outputs = iris_batch(1)
    for name in ("one", "two"):
        written.clear()
        capture.offer(IRIS, named(name), inputs, outputs, [1])
        assert written.wait(20)
    closed(capture)
    assert [row["request_id"] for row in store.rows()] == ["one", "two"]
    assert len(store.files) == 2


def test_versions_have_files_of_their_own() -> None:
    store = Memory()
    capture = capturing(store)
    inputs, outputs = iris_batch(1)
    capture.offer(IRIS, named("one"), inputs, outputs, [1])
    capture.offer(MIXED, named("two"), *mixed_batch(), [3])
    closed(capture)
    assert sorted(uri.rsplit("/", 1)[1].split("-2")[0] for uri in store.files) == ["iris-3", "mixed"]


def test_rows_that_cannot_be_told_apart_are_dropped_and_counted() -> None:
    store = Memory()
    capture = capturing(store)
    inputs, outputs = iris_batch(3)
    capture.offer(IRIS, named("one", "two"), inputs, outputs, None)
    capture.offer(
        IRIS, named("three"), inputs, {"label": outputs["label"], "scores": np.zeros((1, 1, 3))}, [3]
    )
    closed(capture)
    assert store.files == {}
    assert counted(capture) == {"dropped_total.rows": 3}


def test_a_request_with_too_much_to_hash_is_dropped_and_counted() -> None:
    store = Memory()
    capture = capturing(store, Redaction(hash=frozenset({"X[1]"}), key=KEY))
    for rows in (capture_module.MOST_HASHES, capture_module.MOST_HASHES + 1):
        inputs, outputs = iris_batch(rows)
        capture.offer(IRIS, named(str(rows)), inputs, outputs, [rows])
    closed(capture)
    assert counted(capture) == {"requests_total": 1, "dropped_total.hashes": 1}
    assert len(store.rows()) == capture_module.MOST_HASHES


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    return path


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("Y", "'Y' is no field of iris 3, which has X and X\\[0\\] to \\[3\\]"),
        ("X[4]", "'X\\[4\\]' is no field"),
        ("X[03]", "'X\\[03\\]' is no field"),
        ("label", "'label' is no field"),
    ],
)
def test_a_field_that_is_none_is_refused(field: str, message: str) -> None:
    telemetry = Telemetry.from_settings(settings(CAPTURE_URI="s3://samples", CAPTURE_DROP_FIELDS=field), {})
    with pytest.raises(SettingsError, match=f"MODELBERTH_CAPTURE_DROP_FIELDS: {message}"):
        telemetry.check(IRIS)
    with pytest.raises(SettingsError):
        telemetry.serve(IRIS, "")


def test_columns_of_what_is_captured_as_a_whole_are_refused() -> None:
    wide = Signature("w", "1", "d" * 64, (TensorSpec("X", FLOAT, (-1, 2000)),), ())
    telemetry = Telemetry.from_settings(settings(CAPTURE_URI="s3://samples", CAPTURE_DROP_FIELDS="X[7]"), {})
    with pytest.raises(SettingsError, match="captured with all of X"):
        telemetry.check(wide)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"CAPTURE_HASH_FIELDS": "X"}, "MODELBERTH_CAPTURE_HASH_KEY_FILE: required"),
        ({"CAPTURE_HASH_FIELDS": "X", "CAPTURE_HASH_KEY_FILE": "/missing"}, "/missing: No such file"),
        (
            {"CAPTURE_HASH_FIELDS": "X", "CAPTURE_DROP_FIELDS": "a,X"},
            "'X' is in MODELBERTH_CAPTURE_DROP_FIELDS",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Telemetry.from_settings(settings(CAPTURE_URI="s3://samples", **variables), {})


def test_a_short_key_is_refused(key_file: Path) -> None:
    variables = {"CAPTURE_HASH_FIELDS": "X", "CAPTURE_HASH_KEY_FILE": str(key_file)}
    Telemetry.from_settings(settings(CAPTURE_URI="s3://samples", **variables), {})
    key_file.write_bytes(b"fifteen bytes..\n")
    with pytest.raises(SettingsError, match="has 15 bytes, at least 16"):
        Telemetry.from_settings(settings(CAPTURE_URI="s3://samples", **variables), {})


def test_fields_without_a_place_to_write_are_refused() -> None:
    with pytest.raises(SettingsError, match="CAPTURE_DROP_FIELDS: set without MODELBERTH_CAPTURE_URI"):
        Telemetry.from_settings(settings(CAPTURE_DROP_FIELDS="X"), {})
    assert Capture.from_settings(settings()) is None


def test_a_folder_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = (tmp_path / "file" / "samples").as_uri()
    with pytest.raises(SettingsError) as caught:
        Capture.from_settings(settings(CAPTURE_URI=refused))
    assert str(caught.value) == f"MODELBERTH_CAPTURE_URI: {refused} cannot be written: Not a directory"

    folder = tmp_path / "new" / "samples"
    assert Capture.from_settings(settings(CAPTURE_URI=folder.as_uri())) is not None
    assert list(folder.iterdir()) == []


def test_a_folder_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^MODELBERTH_CAPTURE_URI: "):
        Capture.from_settings(settings(CAPTURE_URI="file:samples"))


def test_settings_lead_to_a_folder_of_files(tmp_path: Path, key_file: Path) -> None:
    """The whole way: environment, batches of a server, files."""
    folder = tmp_path / "samples"
    watched = settings(
        CAPTURE_URI=folder.as_uri(),
        CAPTURE_PERCENT="100",
        CAPTURE_DROP_FIELDS="X[0]",
        CAPTURE_HASH_FIELDS="X[1]",
        CAPTURE_HASH_KEY_FILE=str(key_file),
    )

    async def run() -> str:
        telemetry = Telemetry.from_settings(watched, {})
        telemetry.serve(IRIS, "")
        await telemetry.start()
        for rows in (1, 4):
            one = request()
            telemetry.started(one)
            telemetry.batch(IRIS, [one], *iris_batch(rows), [0.0], 0.1)
        await telemetry.close()
        return telemetry.render()[0].decode()

    assert "modelberth_capture_requests_total 2.0" in asyncio.run(run())
    (path,) = folder.glob("date=*/*.parquet")
    rows = read(path.read_bytes())
    assert len(rows) == 5
    assert len({row["request_id"] for row in rows}) == 2
    assert sorted(name for name in rows[0] if "X" in name) == ["input.X[1]", "input.X[2]", "input.X[3]"]
