"""Versions beside each other and one after the other: no change of them costs a request."""

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from modelberth_server.errors import SettingsError
from modelberth_server.model.agreement import require_same_inputs
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import ONNX_DATATYPES, TensorSpec
from serving.callers import Answer, Load, post
from serving.models import ModelFile, loop_model, onnx_model
from serving.processes import Launch, ServerProcess, wait_until

CALLERS = 6
PREDICT = post("/predict", {"input": [1.0, 2.0]})


def adding(number: float) -> ModelProto:
    """A model whose answers tell which it is."""
    return onnx_model(
        [helper.make_node("Add", ["input", "number"], ["output"])],
        [("input", TensorProto.FLOAT, ["n"])],
        [("output", TensorProto.FLOAT, ["n"])],
        {"number": np.float32(number)},
    )


RENAMED = (
    [helper.make_node("Identity", ["other"], ["output"])],
    [("other", TensorProto.FLOAT, ["n"])],
    [("output", TensorProto.FLOAT, ["n"])],
)


class Versions:
    """The file that lists the versions, and the models that it may list."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "versions.json"
        self.files: dict[str, ModelFile] = {}

    def add(self, version: str, model: ModelProto | bytes) -> None:
        self.files[version] = ModelFile.write(self.folder / f"{version}.onnx", model)

    def entry(self, version: str, **more: Any) -> dict[str, Any]:
        file = self.files[version]
        return {"version": version, "path": str(file.path), "sha256": file.sha256, **more}

    def write(self, *entries: dict[str, Any]) -> None:
        """Replace the file in one step."""
        self.replace(json.dumps({"versions": entries}).encode())

    def replace(self, data: bytes) -> None:
        beside = self.path.with_suffix(".new")
        beside.write_bytes(data)
        beside.replace(self.path)


@dataclass
class Serving:
    """A server of versions, and its admin port."""

    server: ServerProcess
    versions: Versions
    admin: str

    @property
    def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.admin}/admin/versions", trust_env=False).json()
        return answer

    @property
    def shares(self) -> dict[str, int]:
        return {one["version"]: one["weight"] for one in self.state["versions"]}

    def change(self, *entries: dict[str, Any], tell: bool = True) -> None:
        """List other versions, and wait until they are served."""
        self.versions.write(*entries)
        if tell:
            self.server.process.send_signal(signal.SIGHUP)
        wanted = {entry["version"]: entry.get("weight", 1) for entry in entries}
        wait_until(lambda: self.shares == wanted, lambda: f"{self.state}\n{self.server.log}")

    def ask(self, path: str = "/predict", **headers: str) -> httpx.Response:
        return httpx.post(
            f"{self.server.url}{path}", json={"input": [1.0]}, headers=headers, trust_env=False, timeout=30
        )


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    versions = Versions(tmp_path)
    versions.add("a", adding(10))
    versions.add("b", adding(20))
    return versions


Serve = Callable[..., Serving]


@pytest.fixture
def serve(launch: Launch, versions: Versions) -> Serve:
    def start(*entries: dict[str, Any], **environ: str) -> Serving:
        if entries:
            versions.write(*entries)
        environ = {"MODELBERTH_MODELS_FILE": str(versions.path), "MODELBERTH_ADMIN_PORT": "0", **environ}
        server = launch(environ)
        server.wait_until_ready()
        admin = server.log.partition("admin routes on ")[2].split()[0]
        return Serving(server, versions, f"http://{admin}")

    return start


def sums(*numbers: float) -> Callable[[int, Answer], None]:
    """Allow the answers of the versions that add these numbers."""
    allowed = [[1 + number, 2 + number] for number in numbers]

    def check(_: int, answer: Answer) -> None:
        assert answer.status == 200, answer
        assert answer.json["predictions"] in allowed, answer

    return check


def under_load(serving: Serving, work: Callable[[Load], Any], *numbers: float) -> Load:
    """Do something in a thread while callers ask; they have to get an answer of one of the versions."""
    load = Load(serving.server.address, [PREDICT] * CALLERS, sums(*numbers))

    async def working(load: Load) -> None:
        await load.more(100)
        await asyncio.to_thread(work, load)
        await load.more(100)

    asyncio.run(load.during(working))
    assert load.failures == []
    return load


def test_a_change_of_versions_costs_no_request(serve: Serve, versions: Versions) -> None:
    """Told by a signal, and found by looking."""
    serving = serve(versions.entry("a"))

    def change(_: Load) -> None:
        for turn in range(6):
            chosen = "b" if turn % 2 == 0 else "a"
            serving.change(versions.entry(chosen), tell=turn < 4)

    load = under_load(serving, change, 10, 20)
    assert load.answered > 300
    assert serving.ask().json()["predictions"] == [11]


def test_a_mounted_config_map_is_followed(serve: Serve, versions: Versions) -> None:
    """Kubernetes swaps a link to a folder; the path and the file behind it stay what they are."""
    folder = versions.folder / "config"
    folder.mkdir()

    def publish(name: str, *entries: dict[str, Any]) -> None:
        (folder / name).mkdir()
        (folder / name / "versions.json").write_text(json.dumps({"versions": entries}))
        (folder / "..data_tmp").symlink_to(name)
        os.replace(folder / "..data_tmp", folder / "..data")  # noqa: PTH105 -- of a link itself

    publish("..one", versions.entry("a"))
    (folder / "versions.json").symlink_to("..data/versions.json")
    serving = serve(MODELBERTH_MODELS_FILE=str(folder / "versions.json"))

    def change(_: Load) -> None:
        publish("..two", versions.entry("b", weight=3))
        wait_until(lambda: serving.shares == {"b": 3}, lambda: f"{serving.state}")

    under_load(serving, change, 10, 20)
    assert serving.ask().json()["predictions"] == [21]


def bounds(number: int, share: float) -> tuple[float, float]:
    """An interval that a binomial count leaves less often than once in a million times: Hoeffding's bound."""
    margin = math.sqrt(number * math.log(2 / 1e-6) / 2)
    return number * share - margin, number * share + margin


def test_requests_are_shared_by_weight(serve: Serve, versions: Versions) -> None:
    serving = serve(versions.entry("a", weight=90), versions.entry("b", weight=10))
    counts: Counter[float] = Counter()

    def check(_: int, answer: Answer) -> None:
        assert answer.status == 200
        counts[answer.json["predictions"][0]] += 1

    load = Load(serving.server.address, [PREDICT] * CALLERS, check)
    asyncio.run(load.during(lambda load: load.more(3000)))
    assert load.failures == []
    assert counts.keys() == {11, 21}
    low, high = bounds(counts.total(), 0.9)
    assert low < counts[11] < high
    # Half and half would not have passed.
    assert counts.total() * 0.5 < low


def test_a_version_that_the_path_names_is_the_one_that_answers(serve: Serve, versions: Versions) -> None:
    serving = serve(versions.entry("a", weight=1), versions.entry("b", weight=0))
    for _ in range(20):
        for version, expected in (("a", 11), ("b", 21)):
            path = f"/v1/models/model/versions/{version}:predict"
            answer = httpx.post(f"{serving.server.url}{path}", json={"instances": [1.0]}, trust_env=False)
            assert answer.json() == {"predictions": [expected]}
        assert serving.ask().json()["predictions"] == [11]
    unknown = httpx.post(f"{serving.server.url}/v1/models/model/versions/c:predict", json={}, trust_env=False)
    assert (unknown.status_code, unknown.json()) == (
        404,
        {"error": "version: 'c' is not served here, only 'a' and 'b'"},
    )


def computed(serving: Serving, version: str) -> float:
    text = httpx.get(f"{serving.admin}/metrics", trust_env=False).text
    name = f'\nmodelberth_predictions_total{{model="model",version="{version}"}} '
    return float(text.partition(name)[2].split()[0]) if name in text else 0.0


def test_a_shadow_gets_copies(serve: Serve, versions: Versions) -> None:
    serving = serve(versions.entry("a"), versions.entry("b", shadow=True))
    for _ in range(50):
        assert serving.ask().json()["predictions"] == [11]
    wait_until(lambda: computed(serving, "b") == 50, lambda: f"{computed(serving, 'b')} copies")
    # What names the shadow is for it alone, and no copy.
    path = "/v1/models/model/versions/b:predict"
    answer = httpx.post(f"{serving.server.url}{path}", json={"instances": [1.0]}, trust_env=False)
    assert answer.json() == {"predictions": [21]}
    assert serving.ask().json()["predictions"] == [11]
    wait_until(lambda: computed(serving, "b") >= 52, lambda: f"{computed(serving, 'b')} copies")
    assert (computed(serving, "a"), computed(serving, "b")) == (51, 52)


def failing() -> ModelProto:
    """A model that takes the same input and cannot compute it."""
    return onnx_model(
        [
            helper.make_node("Cast", ["input"], ["index"], to=TensorProto.INT64),
            helper.make_node("Gather", ["table", "index"], ["output"], axis=0),
        ],
        [("input", TensorProto.FLOAT, ["n"])],
        [("output", TensorProto.FLOAT, ["n"])],
        {"table": np.zeros(1, np.float32)},
    )


def giving(output: str) -> ModelProto:
    """A model that gives another output than the others."""
    return onnx_model(
        [helper.make_node("Cast", ["input"], [output], to=TensorProto.INT64)],
        [("input", TensorProto.FLOAT, ["n"])],
        [(output, TensorProto.INT64, ["n"])],
    )


def two_inputs() -> ModelProto:
    """A model that no request for the other one fits."""
    return onnx_model(
        [helper.make_node("Add", ["x", "y"], ["output"])],
        [("x", TensorProto.FLOAT, ["n"]), ("y", TensorProto.FLOAT, ["n"])],
        [("output", TensorProto.FLOAT, ["n"])],
    )


def endless() -> ModelProto:
    """A model whose input, of the form that the other one has, is a number of steps: millions of them."""
    return loop_model()


@pytest.mark.parametrize("model", [failing, endless])
def test_what_is_wrong_with_a_shadow_reaches_no_caller(
    serve: Serve, versions: Versions, model: Callable[[], ModelProto]
) -> None:
    versions.add("shadow", model())
    number = 10**8 if model is endless else 5
    versions.add("whole", whole_numbers())
    serving = serve(
        versions.entry("whole" if model is endless else "a"),
        versions.entry("shadow", shadow=True),
        MODELBERTH_MAX_CONCURRENCY="8",
        MODELBERTH_TIMEOUT_SECONDS="2",
    )
    request = post("/predict", {"input": [number]})

    def check(_: int, answer: Answer) -> None:
        assert answer.status == 200, answer
        assert answer.json["predictions"] == ([number] if model is endless else [15]), answer

    load = Load(serving.server.address, [request] * CALLERS, check)
    asyncio.run(load.during(lambda load: load.more(500)))
    assert load.failures == []
    assert "Traceback" not in serving.server.log
    assert "\nmodelberth_in_flight 0.0" in httpx.get(f"{serving.admin}/metrics", trust_env=False).text
    # Nor does it keep the server from ending.
    serving.server.terminate()
    assert serving.server.exit_status() == 0


def whole_numbers() -> ModelProto:
    return onnx_model(
        [helper.make_node("Identity", ["n"], ["output"])],
        [("n", TensorProto.INT64, [1])],
        [("output", TensorProto.INT64, [1])],
    )


def mixed(*roles: dict[str, Any]) -> Callable[[Versions], bytes]:
    """Versions that take different inputs, beside each other."""

    def file(versions: Versions) -> bytes:
        versions.add("two", two_inputs())
        names = ("a", "two")
        entries = [versions.entry(name, **role) for name, role in zip(names, roles, strict=True)]
        return json.dumps({"versions": entries}).encode()

    return file


def elsewhere(**place: str) -> Callable[[Versions], bytes]:
    """The version that is served already, said to be in another place."""

    def file(versions: Versions) -> bytes:
        entry = {key: value for key, value in versions.entry("a").items() if key != "path"}
        return json.dumps({"versions": [entry | place]}).encode()

    return file


def without(key: str) -> Callable[[Versions], bytes]:
    def file(versions: Versions) -> bytes:
        entry = {name: value for name, value in versions.entry("b").items() if name != key}
        return json.dumps({"versions": [entry]}).encode()

    return file


def no_model(versions: Versions) -> bytes:
    versions.add("c", b"no model at all")
    return json.dumps({"versions": [versions.entry("c")]}).encode()


BAD: dict[str, tuple[Callable[[Versions], bytes], str]] = {
    "another sha256": (
        lambda versions: json.dumps({"versions": [versions.entry("b") | {"sha256": "0" * 64}]}).encode(),
        "sha256",
    ),
    "no model": (no_model, "is not an ONNX model"),
    "a missing file": (
        lambda versions: json.dumps({"versions": [versions.entry("b") | {"path": "/nowhere"}]}).encode(),
        "/nowhere",
    ),
    "a path that is none": (
        lambda versions: json.dumps({"versions": [versions.entry("b") | {"path": "a\0b"}]}).encode(),
        "versions[0]",
    ),
    "no JSON": (lambda _: b'{"versions": [', "is not JSON"),
    "no UTF-8": (lambda _: b'{"versions": "\xff"}', "is not JSON"),
    "deep nesting": (lambda _: b"[" * 100_000, "is not JSON"),
    "no versions": (lambda _: b'{"versions": []}', 'expected {"versions": [one or more]}'),
    "nothing": (lambda _: b"", "is not JSON"),
    "twice the same": (
        lambda versions: json.dumps({"versions": [versions.entry("b")] * 2}).encode(),
        "version 'b' is there twice",
    ),
    "only a shadow": (
        lambda versions: json.dumps({"versions": [versions.entry("b", shadow=True)]}).encode(),
        "no version gets requests",
    ),
    "a weight that is none": (
        lambda versions: json.dumps({"versions": [versions.entry("b", weight=0.5)]}).encode(),
        "versions[0].weight: 0.5",
    ),
    "an unknown key": (
        lambda versions: json.dumps({"versions": [versions.entry("b", wieght=1)]}).encode(),
        "unknown key 'wieght'",
    ),
    "other inputs": (
        mixed({"weight": 2}, {}),
        "versions[1]: version 'two' takes an input 'x' FP32 [-1], version 'a' takes 'input' FP32 [-1]",
    ),
    "other inputs of the first": (
        mixed({}, {"weight": 2}),
        "versions[0]: version 'a' takes an input 'input' FP32 [-1], version 'two' takes 'x' FP32 [-1], 'y'",
    ),
    "other inputs of a shadow": (mixed({"weight": 1}, {"shadow": True}), "versions[1]: version 'two' takes"),
    "other inputs of one without a share": (mixed({"shadow": True}, {}), "versions[0]: version 'a' takes"),
    "no sha256": (
        without("sha256"),
        "versions[0].sha256: missing, expected 64 lower-case hexadecimal digits",
    ),
    "no version": (without("version"), "versions[0].version: missing, expected 1 to 128 letters"),
    "a sha256 that is none": (
        lambda versions: json.dumps({"versions": [versions.entry("b", sha256="AB")]}).encode(),
        "versions[0].sha256: 'AB', expected 64 lower-case hexadecimal digits",
    ),
    # What is served already is not fetched again, and yet has to be where a new process looks for it.
    "a served one, gone": (elsewhere(path="/nowhere/a.onnx"), "versions[0]: /nowhere/a.onnx does not exist"),
    "a served one, gone from a uri": (elsewhere(uri="file:/nowhere"), "versions[0]: /nowhere does not exist"),
    "a served one, of no scheme": (elsewhere(uri="ftp://h/a.onnx"), "versions[0]: ftp://h/a.onnx: expected"),
    "a served one, without TLS": (elsewhere(uri="http://h/a.onnx"), "versions[0]: http://h/a.onnx: expected"),
    "a served one, of a private host": (elsewhere(uri="https://10.1.2.3/a.onnx"), "10.1.2.3 has the address"),
    "a served one, of a cloud's credentials": (
        elsewhere(uri="https://2852039166/a.onnx"),
        "has the address 169.254.169.254, which no model is fetched from",
    ),
    "a served one, of no port": (
        elsewhere(uri="https://host:99999/a.onnx"),
        "versions[0]: Port out of range",
    ),
}


def test_a_bad_change_leaves_the_versions_as_they_are_and_says_why(serve: Serve, versions: Versions) -> None:
    serving = serve(versions.entry("a"))

    def change(_: Load) -> None:
        for data, reason in BAD.values():
            versions.replace(data(versions))
            serving.server.process.send_signal(signal.SIGHUP)
            wait_until(
                lambda reason=reason: reason in serving.state["failure"],  # type: ignore[misc]
                lambda reason=reason: f"{reason!r} not in {serving.state['failure']!r}",  # type: ignore[misc]
            )
            assert serving.state["failure"].startswith("MODELBERTH_MODELS_FILE: ")
            assert serving.shares == {"a": 1}
        versions.path.unlink()
        wait_until(lambda: "cannot be read" in serving.state["failure"], lambda: str(serving.state))

    under_load(serving, change, 10)
    log = serving.server.log
    assert log.count("the versions stay as they are: MODELBERTH_MODELS_FILE: ") >= len(BAD) + 1
    assert "Traceback" not in log
    # And it recovers.
    serving.change(versions.entry("b"), tell=False)
    assert serving.state["failure"] == ""
    assert serving.ask().json()["predictions"] == [21]


def test_a_served_version_is_taken_from_another_place_without_a_fetch(
    serve: Serve, versions: Versions
) -> None:
    """Of a name nothing is told before it is asked for; there is nothing to ask it for."""
    serving = serve(versions.entry("a"))
    moved = {"version": "a", "sha256": versions.files["a"].sha256, "uri": "https://models.invalid/a.onnx"}
    serving.change({**moved, "weight": 3})
    assert serving.state["failure"] == ""
    assert serving.ask().json()["predictions"] == [11]


def test_other_outputs_are_warned_of(serve: Serve, versions: Versions) -> None:
    versions.add("c", giving("whole"))
    serving = serve(versions.entry("a", weight=2), versions.entry("c"))
    assert serving.shares == {"a": 2, "c": 1}
    warning = "version c gives 'whole' INT64 [-1], and version a gives 'output' FP32 [-1]"
    assert serving.server.log.count(warning) == 1


def test_the_metadata_lists_all_versions_that_can_be_asked_for(serve: Serve, versions: Versions) -> None:
    serving = serve(versions.entry("a"), versions.entry("b", shadow=True))
    for path in ("/v2/models/model", "/v2/models/model/versions/b"):
        answer = httpx.get(f"{serving.server.url}{path}", trust_env=False).json()
        assert answer["versions"] == ["a", "b"]
        for version in answer["versions"]:
            ready = f"{serving.server.url}/v2/models/model/versions/{version}/ready"
            assert httpx.get(ready, trust_env=False).status_code == 200


SPECS = {
    "x": TensorSpec("x", ONNX_DATATYPES["tensor(float)"], (-1, 2)),
    "y": TensorSpec("y", ONNX_DATATYPES["tensor(string)"], (), unknown_rank=True),
}


@pytest.mark.parametrize(
    ("inputs", "difference"),
    [
        ([SPECS["x"]], "takes no input 'y', version '1' takes 'x' FP32 [-1, 2], 'y' BYTES of any rank"),
        ([SPECS["y"], SPECS["x"]], "takes its inputs in the order y, x, version '1' takes 'x' FP32"),
        ([replace(SPECS["x"], shape=(-1, 3)), SPECS["y"]], "takes the input 'x' FP32 [-1, 3], version '1'"),
        (
            [replace(SPECS["x"], datatype=SPECS["y"].datatype), SPECS["y"]],
            "the input 'x' BYTES [-1, 2], vers",
        ),
        ([*SPECS.values(), replace(SPECS["x"], name="z")], "takes an input 'z' FP32 [-1, 2], version '1'"),
    ],
)
def test_how_inputs_may_differ(inputs: list[TensorSpec], difference: str) -> None:
    primary = Signature("m", "1", "0" * 64, tuple(SPECS.values()), (SPECS["x"],))
    require_same_inputs("here", replace(primary, version="2"), primary)
    with pytest.raises(SettingsError) as caught:
        require_same_inputs("here", replace(primary, version="2", inputs=tuple(inputs)), primary)
    assert str(caught.value).startswith("here: version '2' ")
    assert difference in str(caught.value)


def test_a_bad_first_version_ends_the_server(launch: Launch, versions: Versions) -> None:
    versions.write(versions.entry("a"), versions.entry("b") | {"sha256": "0" * 64})
    server = launch({"MODELBERTH_MODELS_FILE": str(versions.path)})
    assert server.exit_status() == 3
    assert server.log.splitlines()[-1].startswith("error: MODELBERTH_MODELS_FILE: ")
    assert "versions[1]" in server.log.splitlines()[-1]


def checked(versions: Versions, *entries: dict[str, Any], **environ: str) -> subprocess.CompletedProcess[str]:
    versions.write(*entries)
    return subprocess.run(
        [sys.executable, "-m", "modelberth_server", "--check"],
        env={"MODELBERTH_MODELS_FILE": str(versions.path), "MODELBERTH_LOG_LEVEL": "error", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_check_describes_all_versions(versions: Versions) -> None:
    good = checked(versions, versions.entry("a"), versions.entry("b", shadow=True))
    assert (good.returncode, good.stderr) == (0, "")
    assert [json.loads(line)["version"] for line in good.stdout.splitlines()] == ["a", "b"]


def test_a_check_refuses_what_a_start_refuses(versions: Versions, tmp_path: Path) -> None:
    versions.add("c", onnx_model(*RENAMED))
    bad = checked(versions, versions.entry("a", weight=2), versions.entry("c"))
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "versions[1]: version 'c' takes an input 'other' FP32 [-1], version 'a' takes" in bad.stderr
    assert bad.stderr.count("\n") == 1
    fields = {
        "MODELBERTH_CAPTURE_URI": (tmp_path / "captured").as_uri(),
        "MODELBERTH_CAPTURE_DROP_FIELDS": "age",
    }
    bad = checked(versions, versions.entry("a"), **fields)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("error: MODELBERTH_CAPTURE_DROP_FIELDS: 'age'")
    bad = checked(versions, versions.entry("a"), MODELBERTH_API_KEYS_FILE=str(tmp_path / "none"))
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("error: MODELBERTH_API_KEYS_FILE: ")


def test_several_workers_change_together(serve: Serve, versions: Versions) -> None:
    serving = serve(versions.entry("a"), MODELBERTH_WORKERS="2")
    wait_until(lambda: serving.server.log.count("ready: model") == 2, lambda: "one worker only")

    def change(_: Load) -> None:
        serving.change(versions.entry("b"))
        wait_until(lambda: serving.server.log.count("serving version b") == 2, lambda: "one worker only")

    under_load(serving, change, 10, 20)
    assert {serving.ask().json()["predictions"][0] for _ in range(20)} == {21}
