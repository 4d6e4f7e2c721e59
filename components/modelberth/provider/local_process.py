"""`modelberth:local:Process`: the model server as a supervised, detached process on this machine.

Inputs (camelCase on the wire)
    name           folder and id; a change replaces the resource
    model          path of the model file, relative to the provider's root
    modelSha256    digest that the file must have; found from the file where it is left out
    environment    settings of the server, by variable name
    port           loopback port; a free one that the endpoint keeps, where it is left out
    replicas       server processes on the one port
    startupTimeout, drainTimeout    seconds
    configPath     where all this stands in the config: refusals begin with it, nothing else comes of it
Outputs: the inputs, and `url`, `port`, `revision`, `status`, `directory`, `logFile`, `uid`.

The id is the name, and the name decides the folder. So a create that was cut off finds what it began. It
also finds the process of a resource that is about to be deleted, when a component is renamed in the program:
it takes that over under a new `uid`, and the delete spares what another `uid` owns.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from signal import Signals

from modelberth.local.listener import LOOPBACK, PortTakenError, is_free
from modelberth.local.run_directory import Desired, RunDirectory
from modelberth.provider import model_file
from modelberth.provider.resource import (
    UNKNOWN,
    Change,
    Checked,
    CheckFailure,
    Observed,
    Properties,
    ResourceError,
    Settings,
)
from modelberth.provider.supervision import SERVING, health, start, under_way, wait

_FIRST_PORT, _PORTS = 20000, 10000
"""Preferred ports lie below the ephemeral range of Linux (32768) and macOS (49152): no client takes them."""
_STOP_MARGIN = 15.0
_INDECISIVE = {"model", "startupTimeout", "configPath"}
"""Inputs that decide nothing of what is served; the model counts by its digest."""
_DEFAULTS = {"environment": {}, "replicas": 1, "startupTimeout": 120, "drainTimeout": 10}


class LocalProcess:
    """Makes, watches and removes the processes; all that is remembered lies in their run directories."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def identity(self, inputs: Properties) -> str:
        """The name, which decides the folder."""
        return str(inputs["name"])

    def check(self, news: Properties, olds: Properties) -> Checked:
        """Fill in defaults and the model's digest; refuse a model or a port that cannot work."""
        inputs = {**_DEFAULTS, **news}
        failures = []
        place = f"{inputs['configPath']}." if inputs.get("configPath") else ""
        if UNKNOWN not in (inputs["model"], inputs.get("modelSha256")):
            try:
                inputs["modelSha256"] = self._checked_model(inputs, olds)
            except ResourceError as error:
                failures.append(CheckFailure("model", f"{place}{error}"))
        if reason := self._port_refusal(inputs):
            failures.append(CheckFailure("port", f"{place}{reason}"))
        return Checked(inputs, failures)

    def diff(self, old_inputs: Properties, old_outputs: Properties, news: Properties) -> Sequence[Change]:
        """Compare inputs; a process that was found unwell is a change too, so that the next `up` mends it."""
        names = sorted((old_inputs.keys() | news.keys()) - {"configPath"})
        changes = [
            Change(name, replaces=name == "name") for name in names if old_inputs.get(name) != news.get(name)
        ]
        if old_outputs.get("status", SERVING) != SERVING:
            changes.append(Change("status", from_inputs=False))
        return changes

    def preview(self, inputs: Properties, old_outputs: Properties) -> Properties:
        """What will be known; a port that is not asked for is known once the endpoint has one."""
        port = inputs.get("port") or old_outputs.get("port") or UNKNOWN
        directory = self._directory(old_outputs, str(inputs["name"]))
        uid = old_outputs.get("uid", UNKNOWN)
        return self._outputs(inputs, directory, uid, port, _revision(inputs), SERVING)

    def create(self, inputs: Properties, timeout: float) -> Observed:
        """Start the process; one that a create which was cut off left behind is taken over."""
        directory = self._directory({}, str(inputs["name"]))
        found = directory.supervisor() is not None
        try:
            outputs = self._bring_up(directory, inputs, timeout, uuid.uuid4().hex)
        except ResourceError:
            if not found:
                self._remove(directory, _drain_timeout(inputs))
            raise
        return Observed(self.identity(inputs), inputs, outputs)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> Observed | None:
        """Ask the process itself: gone, well, or unwell and why."""
        directory = self._directory(outputs, resource_id)
        desired = directory.read_desired()
        if desired is None or directory.supervisor() is None:
            return None
        if outputs.get("uid") not in (None, desired.uid):
            return None  # another create took it over, and the engine ended before it deleted this one
        status = directory.read_status()
        port = status.port if status else UNKNOWN
        return Observed(
            resource_id,
            inputs or desired.inputs,
            self._outputs(
                inputs or desired.inputs,
                directory,
                desired.uid,
                port,
                desired.revision,
                health(desired, status),
            ),
        )

    def update(
        self, resource_id: str, old_outputs: Properties, inputs: Properties, timeout: float
    ) -> Properties:
        """Start the new processes beside the old ones and let them take over; on failure the old go on."""
        directory = self._directory(old_outputs, resource_id)
        desired = directory.read_desired()
        uid = old_outputs.get("uid") or (desired.uid if desired else uuid.uuid4().hex)
        afresh = old_outputs.get("status") != SERVING
        return self._bring_up(directory, inputs, timeout, uid, afresh=afresh)

    def delete(self, resource_id: str, outputs: Properties, timeout: float) -> None:
        """Drain and end the process, and remove its folder; spare one that another create took over."""
        directory = self._directory(outputs, resource_id)
        desired, uid = directory.read_desired(), outputs.get("uid")
        if desired is None or uid in (None, desired.uid):
            self._remove(directory, timeout or _drain_timeout(outputs))

    def _checked_model(self, inputs: Properties, olds: Properties) -> str:
        file = model_file.find(inputs["model"], self._settings.root)
        digest, wanted = model_file.sha256(file), inputs.get("modelSha256")
        if wanted is not None and wanted != digest:
            hint = f"{file} has {digest}. Put the right file there, or its digest into model.sha256."
            raise ResourceError.about("model.sha256", wanted, "the digest of the file", hint)
        if digest != olds.get("modelSha256"):
            model_file.require_server()
            if refused := model_file.refusal(file, digest):
                raise ResourceError.about("model.uri", repr(inputs["model"]), "an ONNX model", refused)
        return digest

    def _port_refusal(self, inputs: Properties) -> str:
        port = inputs.get("port")
        if not isinstance(port, int):
            return ""
        status = self._directory({}, str(inputs["name"])).read_status()
        is_ours = status is not None and status.port == port
        return "" if is_ours or is_free(port) else str(PortTakenError(port))

    def _bring_up(
        self, directory: RunDirectory, inputs: Properties, timeout: float, uid: str, *, afresh: bool = False
    ) -> Properties:
        """Make the folder say what shall run, and wait until the supervisor says that it does."""
        model_file.require_server()
        directory.create()
        file = model_file.find(inputs["model"], self._settings.root)
        place = directory.model(inputs["modelSha256"], package=file.is_dir())
        kept = model_file.keep(file, inputs["modelSha256"], place)
        before, desired = directory.read_desired(), _desired(inputs, kept, timeout, uid)
        if not afresh and (same := under_way(directory, desired)):
            desired = same
        directory.write_desired(desired)
        started = None if directory.signal_supervisor(Signals.SIGHUP) else start(directory)
        try:
            status = wait(directory, desired, started)
        except ResourceError:
            if before is not None:
                # What ran goes on, so it must also be what the folder says, and whose it says it is.
                directory.write_desired(before)
            raise
        directory.keep_only_model(inputs["modelSha256"])
        return self._outputs(inputs, directory, uid, status.port, desired.revision, SERVING)

    def _remove(self, directory: RunDirectory, drain: float) -> None:
        directory.signal_supervisor(Signals.SIGTERM)
        if not directory.wait_until_free(drain + _STOP_MARGIN):
            directory.signal_supervisor(Signals.SIGKILL)
            directory.wait_until_free(_STOP_MARGIN)
        directory.remove()

    def _directory(self, outputs: Properties, name: str) -> RunDirectory:
        """The folder of record, or for a new process the one in the provider's state folder."""
        recorded = outputs.get("directory")
        return RunDirectory(Path(recorded) if recorded else self._settings.state_dir.resolve() / name)

    def _outputs(
        self,
        inputs: Properties,
        directory: RunDirectory,
        uid: str,
        port: int | str,
        revision: str,
        status: str,
    ) -> Properties:
        return {
            **inputs,
            "port": port,
            "url": UNKNOWN if port == UNKNOWN else f"http://{LOOPBACK}:{port}",
            "revision": revision,
            "status": status,
            "directory": str(directory.path),
            "logFile": str(directory.log_file),
            "uid": uid,
        }


def preferred_port(name: str) -> int:
    """The port of an endpoint that asks for none, as long as nobody else has it."""
    return _FIRST_PORT + int(hashlib.sha256(name.encode()).hexdigest(), 16) % _PORTS


def _desired(inputs: Properties, model: Path, timeout: float, uid: str) -> Desired:
    revision = _revision(inputs)
    port = inputs.get("port")
    return Desired(
        uid=uid,
        serial=uuid.uuid4().hex,
        revision=revision,
        command=model_file.SERVER,
        environment={
            "PATH": os.environ.get("PATH", ""),
            **inputs["environment"],
            "MODELBERTH_MODEL_PATH": str(model),
            "MODELBERTH_MODEL_SHA256": inputs["modelSha256"],
            "MODELBERTH_REVISION": revision,
            "MODELBERTH_DRAIN_SECONDS": str(inputs["drainTimeout"]),
        },
        port=port,
        preferred_port=preferred_port(inputs["name"]),
        replicas=inputs["replicas"],
        startup_timeout=float(timeout or inputs["startupTimeout"]),
        drain_timeout=float(inputs["drainTimeout"]),
        inputs=dict(inputs),
    )


def _revision(inputs: Properties) -> str:
    """Short digest of all that decides what is served: equal inputs are one revision."""
    if UNKNOWN in inputs.values() or "modelSha256" not in inputs:
        return UNKNOWN
    decisive = {key: value for key, value in inputs.items() if key not in _INDECISIVE}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]


def _drain_timeout(properties: Properties) -> float:
    return float(properties.get("drainTimeout", _DEFAULTS["drainTimeout"]))
