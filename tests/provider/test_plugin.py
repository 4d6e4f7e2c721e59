"""The plugin as the engine meets it: a process, a port on its first line, and calls."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from modelberth.local.run_directory import RunDirectory
from modelberth.provider.resource import UNKNOWN
from support.project import IRIS, predict

URN = "urn:pulumi:dev::shop::modelberth:index:LocalEndpoint$modelberth:local:Process::iris-process"
PLUGIN = Path(sys.prefix) / "bin" / "pulumi-resource-modelberth"


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


def plain(values: Any) -> dict[str, Any]:
    result: dict[str, Any] = json_format.MessageToDict(values)
    return result


class Plugin:
    """A running plugin with a folder of its own, and the calls of an engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [PLUGIN, "127.0.0.1:1"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.calls = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self.calls.Configure(provider_pb2.ConfigureRequest(args=struct({"stateDir": "state"})))

    def inputs(self, **changes: Any) -> dict[str, Any]:
        return {"name": "shop-dev-iris", "model": "model.onnx", **changes}

    def check(self, olds: dict[str, Any] | None = None, **changes: Any) -> Any:
        news = struct(self.inputs(**changes))
        return self.calls.Check(provider_pb2.CheckRequest(urn=URN, olds=struct(olds or {}), news=news))

    def checked(self, **changes: Any) -> dict[str, Any]:
        answer = self.check(**changes)
        assert not answer.failures, answer
        return plain(answer.inputs)

    def refusal(self, **changes: Any) -> str:
        (failure,) = self.check(**changes).failures
        return f"{failure.property}: {failure.reason}"

    def create(self, inputs: dict[str, Any], *, preview: bool = False) -> Any:
        return self.calls.Create(
            provider_pb2.CreateRequest(urn=URN, properties=struct(inputs), preview=preview)
        )

    def diff(self, old: dict[str, Any], new: dict[str, Any], status: str = "serving") -> Any:
        return self.calls.Diff(
            provider_pb2.DiffRequest(
                id="x",
                urn=URN,
                old_inputs=struct(old),
                olds=struct({**old, "status": status}),
                news=struct(new),
            )
        )

    def read(self, inputs: dict[str, Any] | None = None) -> Any:
        return self.calls.Read(
            provider_pb2.ReadRequest(id="shop-dev-iris", urn=URN, inputs=struct(inputs or {}))
        )

    def delete(self, outputs: dict[str, Any] | None = None) -> None:
        self.calls.Delete(
            provider_pb2.DeleteRequest(id="shop-dev-iris", urn=URN, properties=struct(outputs or {}))
        )


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Plugin]:
    shutil.copy(IRIS, tmp_path / "model.onnx")
    plugin = Plugin(tmp_path)
    yield plugin
    plugin.delete()
    plugin.channel.close()
    plugin.process.terminate()
    plugin.process.wait(20)
    assert plugin.process.stdout is not None
    plugin.process.stdout.close()


def test_check_fills_in_what_was_left_out(plugin: Plugin) -> None:
    inputs = plugin.checked()
    assert len(inputs.pop("modelSha256")) == 64
    assert inputs == plugin.inputs(environment={}, replicas=1, startupTimeout=120, drainTimeout=10)


def test_check_refuses_what_cannot_work(plugin: Plugin) -> None:
    assert "model.uri: given 'gone.onnx', allowed: an existing file" in plugin.refusal(model="gone.onnx")
    assert "model.uri: given '.', allowed: a file" in plugin.refusal(model=".")
    assert "model.sha256: given 00, allowed: the digest of the file" in plugin.refusal(modelSha256="00")
    (plugin.folder / "text.onnx").write_text("a recipe for soup")
    assert "model.uri: given 'text.onnx', allowed: an ONNX model" in plugin.refusal(model="text.onnx")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"port: target.port: given {port}" in plugin.refusal(port=port)
        refusal = plugin.refusal(port=port, configPath="endpoints[3]")
        assert f"port: endpoints[3].target.port: given {port}" in refusal
    refusal = plugin.refusal(model="gone.onnx", configPath="endpoints[3]")
    assert refusal.startswith("model: endpoints[3].model.uri: given 'gone.onnx'")


def test_check_lets_pass_what_is_not_known_yet(plugin: Plugin) -> None:
    assert plugin.checked(model=UNKNOWN)["model"] == UNKNOWN
    preview = plain(plugin.create(plugin.checked(model=UNKNOWN), preview=True).properties)
    assert preview["url"] == preview["revision"] == UNKNOWN


def test_a_preview_of_a_create_makes_nothing(plugin: Plugin) -> None:
    answer = plugin.create(plugin.checked(port=20001), preview=True)
    outputs = plain(answer.properties)
    assert answer.id == ""
    assert outputs["url"] == "http://127.0.0.1:20001"
    assert len(outputs["revision"]) == 12
    assert not (plugin.folder / "state").exists()


def test_diff_names_what_changes(plugin: Plugin) -> None:
    old = plugin.checked()
    unchanged = provider_pb2.DiffResponse.DIFF_NONE
    assert plugin.diff(old, old).changes == unchanged
    changed = plugin.diff(old, {**old, "replicas": 2, "port": 20001})
    assert changed.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(changed.diffs), list(changed.replaces)) == (["port", "replicas"], [])
    assert list(plugin.diff(old, {**old, "name": "other"}).replaces) == ["name"]
    assert plugin.diff(old, {**old, "configPath": "endpoints[3]"}).changes == unchanged
    unwell = plugin.diff(old, old, status="unhealthy: no valid answer")
    assert list(unwell.diffs) == ["status"]
    assert not unwell.detailedDiff["status"].inputDiff


def test_the_life_of_a_process(plugin: Plugin) -> None:
    inputs = plugin.checked()
    made = plugin.create(inputs)
    outputs = plain(made.properties)
    assert made.id == "shop-dev-iris"
    assert outputs["status"] == "serving"
    assert predict(outputs["url"])["predictions"] == ["setosa"]

    repeated = plugin.create(inputs)  # the engine repeats a create that it could not record
    assert plain(repeated.properties) == {**outputs, "uid": plain(repeated.properties)["uid"]}
    made, outputs = repeated, plain(repeated.properties)

    imported = plugin.read()  # `pulumi import` knows the id alone
    assert plain(imported.inputs) == inputs
    assert plain(imported.properties) == outputs

    news = plugin.checked(environment={"MODELBERTH_MODEL_VERSION": "2"})
    request = {"id": made.id, "urn": URN, "olds": made.properties, "news": struct(news)}
    planned = plain(plugin.calls.Update(provider_pb2.UpdateRequest(preview=True, **request)).properties)
    assert plain(plugin.read(inputs).properties) == outputs  # the preview changed nothing
    updated = plain(plugin.calls.Update(provider_pb2.UpdateRequest(**request)).properties)
    assert updated == planned
    assert (updated["url"], updated["revision"] != outputs["revision"]) == (outputs["url"], True)

    plugin.delete(updated)
    assert plugin.read(inputs).id == ""
    assert list((plugin.folder / "state").iterdir()) == []
    plugin.delete(updated)  # gone already: no error


def test_a_delete_spares_what_another_create_took_over(plugin: Plugin) -> None:
    """A component that is renamed in the program: the new one is made before the old one is deleted."""
    inputs = plugin.checked()
    old, new = (plain(plugin.create(inputs).properties) for _ in range(2))
    request = {"id": "shop-dev-iris", "urn": URN}
    of_old = plugin.calls.Read(provider_pb2.ReadRequest(**request, properties=struct(old)))
    of_new = plugin.calls.Read(provider_pb2.ReadRequest(**request, properties=struct(new)))
    assert (of_old.id, of_new.id) == ("", "shop-dev-iris")
    plugin.delete(old)
    assert predict(new["url"])["predictions"] == ["setosa"]
    plugin.delete(new)
    assert plugin.read(inputs).id == ""


def test_a_create_that_fails_leaves_what_it_found(plugin: Plugin) -> None:
    """A component that is renamed, and given settings that do not work."""
    old = plain(plugin.create(plugin.checked()).properties)
    with pytest.raises(grpc.RpcError, match="MODELBERTH_THREADS"):
        plugin.create(plugin.checked(environment={"MODELBERTH_THREADS": "many"}))
    request = provider_pb2.ReadRequest(id="shop-dev-iris", urn=URN, properties=struct(old))
    assert plain(plugin.calls.Read(request).properties) == old
    assert predict(old["url"])["predictions"] == ["setosa"]


def test_a_process_is_found_where_it_was_recorded(plugin: Plugin) -> None:
    outputs = plain(plugin.create(plugin.checked()).properties)
    plugin.calls.Configure(provider_pb2.ConfigureRequest(args=struct({"stateDir": "elsewhere"})))
    request = provider_pb2.ReadRequest(id="shop-dev-iris", urn=URN, properties=struct(outputs))
    assert plain(plugin.calls.Read(request).properties) == outputs
    plugin.delete(outputs)
    assert list((plugin.folder / "state").iterdir()) == []


def test_an_update_that_fails_keeps_the_old_one(plugin: Plugin) -> None:
    made = plugin.create(plugin.checked())
    outputs = plain(made.properties)
    news = plugin.checked(environment={"MODELBERTH_THREADS": "many"})
    with pytest.raises(grpc.RpcError) as failed:
        plugin.calls.Update(
            provider_pb2.UpdateRequest(id=made.id, urn=URN, olds=made.properties, news=struct(news))
        )
    assert failed.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "MODELBERTH_THREADS" in failed.value.details()
    assert plain(plugin.read().properties) == outputs
    assert predict(outputs["url"])["predictions"] == ["setosa"]


def test_a_create_that_fails_leaves_nothing(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match="MODELBERTH_THREADS"):
        plugin.create(plugin.checked(environment={"MODELBERTH_THREADS": "many"}))
    assert list((plugin.folder / "state").iterdir()) == []
    assert plugin.read().id == ""


def test_a_model_that_changed_after_the_check_is_not_served(plugin: Plugin) -> None:
    inputs = plugin.checked()
    (plugin.folder / "model.onnx").write_bytes(b"something else")
    with pytest.raises(grpc.RpcError, match="changed during the deployment"):
        plugin.create(inputs)


def test_a_crash_after_the_model_file_was_edited_restarts_the_verified_copy(plugin: Plugin) -> None:
    outputs = plain(plugin.create(plugin.checked()).properties)
    (plugin.folder / "model.onnx").write_bytes(b"an edit that nobody deployed")
    (replica,) = psutil.Process(RunDirectory(Path(outputs["directory"])).supervisor()).children()
    replica.kill()
    assert predict(outputs["url"])["predictions"] == ["setosa"]


def test_its_own_settings_are_checked(plugin: Plugin) -> None:
    answer = plugin.calls.CheckConfig(provider_pb2.CheckRequest(urn=URN, news=struct({"statedir": "x"})))
    (failure,) = answer.failures
    assert (failure.property, failure.reason) == (
        "statedir",
        "unknown; known: root, stateDir, version, vertexEndpoint",
    )


def test_an_unknown_type_is_named(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError, match="modelberth:local:Proces: unknown"):
        plugin.calls.Check(provider_pb2.CheckRequest(urn=URN.replace("Process:", "Proces:"), news=struct({})))


def test_it_ends_when_the_engine_cancels(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    plugin.calls.Cancel(empty_pb2.Empty())
    plugin.channel.close()
    assert plugin.process.wait(20) == 0
    assert plugin.process.stdout is not None
    plugin.process.stdout.close()


def test_it_ends_with_an_engine_that_was_killed(tmp_path: Path) -> None:
    """A killed engine ends none of its plugins."""
    program = f"import subprocess, time; subprocess.Popen([{str(PLUGIN)!r}, '127.0.0.1:1']); time.sleep(60)"
    engine = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    assert int(engine.stdout.readline()) > 0
    (child,) = psutil.Process(engine.pid).children()
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    deadline = time.monotonic() + 20
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    engine.stdout.close()
