"""`make onprem`: what it refuses, what it does only once, and what it asks the pods."""

from __future__ import annotations

import base64
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster import binaries
from console import CommandError, SetupError
from onprem import foreground, image, life, prediction, project, provider
from onprem.prediction import Endpoint, Kubectl
from onprem.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = f"localhost/modelberth-server@sha256:{'a' * 64}"
CONTRACT = {
    "name": "iris",
    "url": "http://shop-onprem-iris.models.svc.cluster.local",
    "predict_path": "/predict",
    "auth": "api_key",
}


@pytest.fixture
def checkout(machine, monkeypatch: pytest.MonkeyPatch):
    """A checkout with sources of an image, and a pretended Python that builds it."""
    root = machine.checkout.root
    for name in ("models/iris/model.onnx", "serving_image/image/build.py", "requirements/serving.lock"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.setattr(image, "_DEBIAN", machine.folder / "debian_version")
    script = 'echo "$MODELBERTH_BUILD_FLAGS| $*" >> "$LOG"; exit "${CODE:-0}"'
    machine.program("python", script, machine.checkout.venv / "bin")
    machine.checkout.state.mkdir()
    (machine.checkout.state / "cluster" / "image").mkdir(parents=True)
    return machine.checkout


@pytest.mark.parametrize(
    ("system", "user", "told"),
    [
        ("Darwin", 0, "a node needs Linux, this is Darwin"),
        ("Linux", 1000, "nodes and their pods take root: run `sudo make onprem"),
    ],
)
def test_it_refuses_before_it_touches_anything(
    machine, monkeypatch: pytest.MonkeyPatch, system: str, user: int, told: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(SetupError, match=told):
        life.up(machine.checkout, machine.environ)
    assert not machine.checkout.state.exists()
    Site.of(machine.checkout).folder.mkdir(parents=True)
    with pytest.raises(SetupError, match=told):
        life.down(machine.checkout, machine.environ)
    assert Site.of(machine.checkout).folder.exists()
    assert machine.calls() == []


def test_nothing_is_there_to_remove(machine, capsys: pytest.CaptureFixture[str]) -> None:
    life.down(machine.checkout, machine.environ)
    assert capsys.readouterr().out == "onprem    there is nothing to remove\n"


def test_a_cluster_is_not_forgotten_while_it_cannot_be_ended(
    machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    site = Site.of(machine.checkout)
    site.cluster.mkdir(parents=True)
    with pytest.raises(SetupError, match="run `make cluster-tools` first"):
        life.down(machine.checkout, machine.environ)
    assert site.cluster.exists()
    monkeypatch.setattr(binaries, "find", lambda _: object())  # built, and no cluster was started there
    life.down(machine.checkout, machine.environ)
    assert not site.folder.exists()


@dataclass
class Pretended:
    """A cluster that runs or does not, and what was done with it."""

    ready: bool
    done: list[str] = field(default_factory=list)

    def find(self, *_: object) -> Pretended:
        return self

    def is_ready(self) -> bool:
        return self.ready

    def up(self, folder: Path, *_: object, nodes: int) -> Pretended:
        self.done.append(f"up {nodes}")
        return self

    def down(self) -> None:
        self.done.append("down")


@pytest.mark.parametrize(("ready", "done"), [(True, []), (False, ["down", "up 2"])])
def test_the_state_goes_with_a_cluster_that_does_not_run(
    machine, monkeypatch: pytest.MonkeyPatch, ready: bool, done: list[str]
) -> None:
    site, cluster = Site.of(machine.checkout), Pretended(ready)
    for folder in (site.backend, site.cluster):
        folder.mkdir(parents=True)
    monkeypatch.setattr(life, "Cluster", cluster)
    monkeypatch.setattr(binaries, "find", lambda _: object())
    assert life._cluster(site, machine.checkout, machine.environ) is cluster
    assert cluster.done == done
    assert site.backend.exists() is ready


def test_the_image_is_built_when_its_sources_change_and_else_not(checkout, machine) -> None:
    for name in ("buildah", "mmdebstrap"):
        machine.program(name, "")
    (machine.folder / "debian_version").touch()
    folder = checkout.state / "cluster" / "image"
    assert not image.is_current(checkout)
    assert image.build(checkout, machine.environ) == folder / "image.oci.tar"
    (call,) = machine.calls()
    root = checkout.root
    assert call == (
        f"--isolation chroot| {root}/serving_image/image/build.py --model {root}/models/iris/model.onnx "
        f"--name iris --version 3 --output {folder} --engine buildah --base debian"
    )
    assert image.is_current(checkout)
    image.build(checkout, machine.environ)
    assert machine.calls() == []
    (root / "serving_image" / "__pycache__").mkdir()
    (root / "serving_image" / "__pycache__" / "build.pyc").write_text("compiled")
    assert image.is_current(checkout)
    for name in ("requirements/serving.lock", "models/iris/model.onnx", "serving_image/new.py"):
        (root / name).write_text("changed")
        assert not image.is_current(checkout), name
        image.build(checkout, machine.environ)
        assert len(machine.calls()) == 1


def test_a_base_of_packages_is_for_debian_and_not_for_docker(checkout, machine) -> None:
    machine.program("mmdebstrap", "")
    machine.program("docker", "")
    (machine.folder / "debian_version").touch()
    image.build(checkout, machine.environ)
    (call,) = machine.calls()
    assert call.startswith("| ")
    assert "--engine" not in call
    assert "--base" not in call


def test_an_image_that_cannot_be_built_is_not_taken_for_built(checkout, machine) -> None:
    with pytest.raises(SetupError, match=r"cannot be built \(code 3\), see above"):
        image.build(checkout, {**machine.environ, "CODE": "3"})
    assert not image.is_current(checkout)
    image.build(checkout, machine.environ)
    assert len(machine.calls()) == 2


def test_the_stack_is_the_committed_one_with_our_image(repository: Path, tmp_path: Path) -> None:
    file = repository / "Pulumi.onprem.yaml"
    committed = file.read_text()
    for _ in range(2):
        project.make(tmp_path / "project", repository, REFERENCE)
    assert file.read_text() == committed
    made, known = yaml.safe_load((tmp_path / "project" / file.name).read_text()), yaml.safe_load(committed)
    known["config"]["modelberth:endpoints"][0]["target"]["image"] = REFERENCE
    assert made == known
    for name in ("Pulumi.yaml", "stacks/__main__.py", "models/iris/model.onnx"):
        assert (tmp_path / "project" / name).samefile(repository / name)


def config(*endpoints: dict[str, Any]) -> str:
    return yaml.safe_dump({"config": {"modelberth:endpoints": list(endpoints)}})


def test_a_context_of_somebody_elses_kubeconfig_is_left_out() -> None:
    target = {"kind": "kubernetes", "context": "theirs", "namespace": "models"}
    made = yaml.safe_load(project.configured(config({"name": "iris", "target": target}), REFERENCE))
    (endpoint,) = made["config"]["modelberth:endpoints"]
    assert endpoint["target"] == {"kind": "kubernetes", "namespace": "models", "image": REFERENCE}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "one endpoint with a target"),
        ("config: {}", "one endpoint with a target"),
        (config(), "one endpoint with a target"),
        (config({"name": "iris"}), "one endpoint with a target"),
        (config({"target": {}}, {"target": {}}), "one endpoint with a target"),
        (
            config({"target": {"kind": "lambda"}}),
            r"\[0\]\.target\.kind: given 'lambda', allowed: 'kubernetes'",
        ),
    ],
)
def test_another_config_is_refused(text: str, told: str) -> None:
    with pytest.raises(SetupError, match=f"^Pulumi.onprem.yaml: .*{told}"):
        project.configured(text, REFERENCE)


@pytest.mark.parametrize(
    ("listed", "installs", "choice", "told"),
    [
        (True, False, provider.PLUGIN, "the vendor's own"),
        (False, True, provider.PLUGIN, "the vendor's own"),
        (False, False, provider.STAND_IN, "this project's stand-in"),
    ],
)
def test_the_plugin_is_taken_where_it_can_be_had(
    machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    listed: bool,
    installs: bool,
    choice: str,
    told: str,
) -> None:
    monkeypatch.setattr(provider, "version", lambda _: "4.34.2")
    monkeypatch.setenv("PATH", machine.environ["PATH"])
    plugins = json.dumps([{"name": "kubernetes", "version": "4.34.2"}] if listed else [])
    ends = "exit 0" if installs else "echo 'error: no such host'; exit 1"
    ls = f"case \"$2\" in ls) echo '{plugins}' ;; install) {ends} ;; esac"
    machine.program("pulumi", f'echo "pulumi $*" >> "$LOG"\n{ls}')
    record = machine.folder / "provider"
    for is_first in (True, False):
        assert provider.choose(record, machine.environ) == choice
        calls, said = machine.calls(), capsys.readouterr().out.splitlines()
        asked = ["pulumi plugin ls --json"]
        asked += [] if listed else ["pulumi plugin install resource kubernetes v4.34.2"]
        assert calls == (asked if is_first else []), "the state's objects stay with who made them"
        assert told in said[-1]
        has_reason = is_first and choice == provider.STAND_IN
        assert [line.endswith("cannot be installed: no such host") for line in said[:-1]] == [
            True
        ] * has_reason


def test_the_plugin_needs_the_kubeconfig_alone(tmp_path: Path) -> None:
    with provider.serving(provider.PLUGIN, tmp_path / "kubeconfig") as more:
        assert more == {"KUBECONFIG": str(tmp_path / "kubeconfig")}


def test_the_stand_in_serves_kubernetes_alone_while_it_is_needed(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    named = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
    user = {"name": "c", "user": {"token": "t"}}
    kubeconfig.write_text(
        json.dumps({"current-context": "c", "clusters": [named], "contexts": [context], "users": [user]})
    )
    with provider.serving(provider.STAND_IN, kubeconfig) as more:
        assert more["KUBECONFIG"] == str(kubeconfig)
        assert more["PULUMI_DEBUG_PROVIDERS"].startswith("kubernetes:")
        assert "," not in more["PULUMI_DEBUG_PROVIDERS"]


@dataclass
class Pod:
    """A server in a pod's place; `requests` are body, type and keys of each call."""

    status: int = 200
    answer: bytes = b'{"predictions": ["setosa"]}'
    port: int = 0
    requests: list[tuple[bytes, *tuple[str | None, ...]]] = field(default_factory=list)


@contextmanager
def serving(pod: Pod) -> Iterator[Pod]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            pod.requests.append(
                (body, self.headers["content-type"], self.headers["x-api-key"], self.headers["key"])
            )
            self.send_response(pod.status)
            self.end_headers()
            self.wfile.write(pod.answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pod.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield pod
        finally:
            server.shutdown()
            thread.join()


def kubectl(machine, port: int) -> Kubectl:
    """A `kubectl` that knows one Service, with this machine as its address, two pods and one key."""
    service = {"spec": {"clusterIP": "127.0.0.1", "ports": [{"port": port}]}}
    ready = [{"targetRef": {"name": f"iris-{name}"}, "conditions": {"ready": name != "c"}} for name in "bac"]
    slices = {"items": [{"endpoints": ready}, {"endpoints": None}]}
    secret = {"data": {"key": base64.b64encode(b"the key").decode()}}
    for name, found in {"service": service, "endpointslices": slices, "secret": secret}.items():
        (machine.folder / f"{name}.json").write_text(json.dumps(found))
    machine.system_programs("cat")
    program = machine.program("kubectl", f'echo "$*" >> "$LOG"\ncat "{machine.folder}/$4.json"')
    return Kubectl(program, machine.folder / "kubeconfig", machine.environ)


def test_a_caller_with_the_key_gets_a_prediction_past_any_proxy(
    machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    endpoint = Endpoint.of(CONTRACT)
    with serving(Pod()) as pod:
        found = kubectl(machine, pod.port)
        assert endpoint.url(found) == f"http://127.0.0.1:{pod.port}/predict"
        assert endpoint.predict(found) == ["setosa"]
        assert endpoint.pods(found) == ["iris-a", "iris-b"]
        assert Endpoint.of({**CONTRACT, "auth": "none"}).predict(found) == ["setosa"]
        assert Endpoint.of({**CONTRACT, "auth_header": "key"}).predict(found) == ["setosa"]
    body = json.dumps({"input": [[5.1, 3.5, 1.4, 0.2]]}).encode()
    keys = [("the key", None), (None, None), (None, "the key")]
    assert pod.requests == [(body, "application/json", *key) for key in keys]
    config = f"--kubeconfig={machine.folder}/kubeconfig get --namespace=models"
    assert f"{config} secret shop-onprem-iris-api-keys --output=json" in machine.calls()


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        (Pod(401, b"who are you"), "answered 401: who are you"),
        (Pod(200, b"<html>"), "answered 200: <html>"),
        (Pod(200, b'{"predictions": []}'), 'answered 200: {"predictions": \\[\\]}'),
        (Pod(200, b"[]"), "answered 200: \\[\\]"),
    ],
)
def test_no_prediction_is_an_error_with_the_answer(machine, pod: Pod, told: str) -> None:
    with serving(pod), pytest.raises(SetupError, match=f"^no prediction: http://127.0.0.1:.*{told}"):
        Endpoint.of(CONTRACT).predict(kubectl(machine, pod.port))


def test_a_service_that_nobody_answers_is_waited_for_and_told(
    machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "_PATIENCE_S", 0.2)
    with serving(Pod()) as gone:
        pass
    with pytest.raises(SetupError, match=r"no prediction: http://127.0.0.1:\d+/predict after 0 s: .*refused"):
        Endpoint.of(CONTRACT).predict(kubectl(machine, gone.port))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "https://shop-onprem-iris.models.svc.cluster.local"}, "url: given https://"),
        ({"url": "http://127.0.0.1:8080"}, "url: given http://127.0.0.1:8080, allowed: http://SERVICE"),
        ({"auth": "jwt"}, "security.auth: given jwt"),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_named(machine, change: dict[str, str], told: str) -> None:
    with pytest.raises(SetupError, match=f"^endpoint iris: {told}"):
        Endpoint.of({**CONTRACT, **change}).predict(kubectl(machine, 1))


def test_what_kubectl_refuses_is_told(machine) -> None:
    program = machine.program("kubectl", "echo 'not found' >&2; exit 1")
    with pytest.raises(SetupError, match=r"^`kubectl get secret x --output=json`: not found$"):
        Kubectl(program, machine.folder / "kubeconfig", machine.environ).get("secret", "x")


def test_what_is_interrupted_ends_by_itself(repository: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches both: the program still records what it did, and its code is passed on."""
    child = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(0.5); print('recorded', flush=True); sys.exit(7)\n"
        "signal.signal(signal.SIGINT, end); print('at work', flush=True); time.sleep(60)"
    )
    parent = "import os, sys\nfrom pathlib import Path\nfrom onprem import foreground\n"
    parent += f"sys.exit(foreground.run([sys.executable, '-c', {child!r}], os.environ, Path.cwd()))"
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        env={**os.environ, "PYTHONPATH": str(repository / "tools")},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == "recorded\n"
        assert process.wait(20) == 7


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere cannot be started: No such file"):
        foreground.run([tmp_path / "nowhere"], {}, tmp_path)
