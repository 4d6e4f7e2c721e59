"""The programs of a real Kubernetes: found, installed, built, and where its networks lie."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import platform
import sys
import tarfile
from pathlib import Path

import pytest

import go_toolchain
from cluster import binaries, packages
from cluster.images import PAUSE, write_pause
from cluster.life import Cluster, lacking
from cluster.network import NUMBERS, Network
from cluster.packages import PROGRAMS, Program
from cluster.processes import Processes
from console import SetupError

KUBERNETES = [
    *("kube-apiserver", "kube-controller-manager", "kube-proxy"),
    *("kube-scheduler", "kubectl", "kubelet"),
]
ETCD = Program(("etcd",), "etcd-server", "what the API server keeps")
BUILDERS = Program(("docker", "podman", "buildah"), "buildah", "builds the serving image")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def alone(machine, monkeypatch: pytest.MonkeyPatch):
    """A machine without the programs of the real one."""
    monkeypatch.setattr(packages, "_FOLDERS", (str(machine.folder / "sbin"),))
    monkeypatch.setattr(packages, "_POLICY", machine.folder / "policy-rc.d")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return machine


def test_the_table_names_a_package_and_a_reason_for_every_program() -> None:
    assert len(PROGRAMS) >= 10
    for program in PROGRAMS:
        assert program.names
        assert program.package == program.package.strip().lower()
        assert program.why
    names = [name for program in PROGRAMS for name in program.names]
    assert len(names) == len(set(names))


def test_a_program_is_missing_until_one_of_its_names_is_there(alone) -> None:
    wanted = [ETCD, BUILDERS]
    assert packages.missing(alone.environ, wanted) == wanted
    alone.program("podman", "")
    assert packages.missing(alone.environ, wanted) == [ETCD]
    alone.program("etcd", "", alone.folder / "sbin")  # where root's programs lie, off PATH
    assert packages.missing(alone.environ, wanted) == []


def apt(machine, brings: str = "etcd") -> None:
    machine.system_programs("touch", "chmod", "cat")
    script = f'echo "apt-get $*" >> "$LOG"; cat "{machine.folder}/policy-rc.d" >> "$LOG" 2>&1'
    path = f"{machine.folder}/bin/{brings}"
    machine.program("apt-get", f'{script}\n[ "$1" != install ] || {{ touch "{path}"; chmod 755 "{path}"; }}')


def test_what_is_missing_is_installed_without_starting_a_service(alone) -> None:
    apt(alone)
    packages.install(alone.environ, [ETCD])
    calls = alone.calls()
    assert calls[-3] == "apt-get install --yes --no-install-recommends etcd-server"
    assert calls[-2:] == ["#!/bin/sh", "exit 101"]
    assert not (alone.folder / "policy-rc.d").exists()
    packages.install(alone.environ, [ETCD])
    assert alone.calls() == []


def test_a_policy_of_the_machine_stays(alone) -> None:
    apt(alone)
    (alone.folder / "policy-rc.d").write_text("theirs\n")
    packages.install(alone.environ, [ETCD])
    assert (alone.folder / "policy-rc.d").read_text() == "theirs\n"


@pytest.mark.parametrize(
    ("root", "has_apt", "brings", "told"),
    [
        (False, True, "etcd", "run `sudo apt-get install --yes --no-install-recommends etcd-server`"),
        (True, False, "etcd", "there is no apt-get here: install what is called etcd-server in Debian"),
        (True, True, "other", "installed, but not found on PATH"),
    ],
)
def test_what_cannot_be_installed_is_told(
    alone, monkeypatch: pytest.MonkeyPatch, root: bool, has_apt: bool, brings: str, told: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    if has_apt:
        apt(alone, brings)
    with pytest.raises(SetupError) as error:
        packages.install(alone.environ, [ETCD])
    assert told in str(error.value)
    assert any(call.startswith("apt-get") for call in alone.calls()) == (root and has_apt)


def test_kubernetes_is_built_once_from_what_is_pinned(alone) -> None:
    alone.go()
    assert binaries.find(alone.checkout) is None
    built = binaries.build(alone.checkout, alone.environ)
    calls = [call for call in alone.calls() if call.startswith("go build")]
    assert [call.rpartition("/")[2] for call in calls] == [*KUBERNETES, "metrics-server", "pause"]
    assert all(" -mod=readonly -trimpath " in call for call in calls)
    assert all("version.gitVersion=v1.36.3 " in call for call in calls[:6])
    assert binaries.find(alone.checkout) == built
    assert built.folder.name == "kubernetes-v1.36.3-metrics-server-v0.9.0"
    assert binaries.build(alone.checkout, alone.environ) == built
    assert alone.calls() == []


def test_a_build_that_fails_leaves_nothing(alone) -> None:
    alone.go(failure="echo no space left; exit 1")
    with pytest.raises(SetupError, match="no space left"):
        binaries.build(alone.checkout, alone.environ)
    assert binaries.find(alone.checkout) is None


def test_without_go_it_is_told_which_is_needed(alone) -> None:
    with pytest.raises(SetupError, match=r"there is no Go on PATH .*https://go.dev/doc/install"):
        binaries.build(alone.checkout, alone.environ)


@pytest.mark.parametrize("module", ["kubernetes", "metrics-server"])
def test_every_module_is_pinned_by_hash(module: str) -> None:
    folder = go_toolchain.MODULES / module
    assert f" {binaries.version(module)} h1:" in (folder / "go.sum").read_text()
    staging = [line for line in (folder / "go.mod").read_text().splitlines() if "=> ./" in line]
    assert staging == [], "a local folder is not pinned"


def test_everything_that_is_lacking_is_told_at_once(alone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    reasons = lacking(alone.checkout, alone.environ)
    assert reasons[0] == "it takes root"
    assert "no etcd" in reasons[1]
    assert reasons[2] == "Kubernetes v1.36.3 is not built"
    with pytest.raises(SetupError, match="no cluster can be started here: it takes root; there is no etcd"):
        Cluster.up(alone.folder / "cluster", alone.checkout, alone.environ)
    assert not (alone.folder / "cluster").exists()
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert lacking(alone.checkout, alone.environ) == ["a node needs Linux, this is Darwin"]


def test_no_two_clusters_share_an_address() -> None:
    seen: list[ipaddress.IPv4Network] = []
    tests = ipaddress.ip_network("198.18.0.0/15")
    for number in NUMBERS:
        network = Network(number, 7)
        pods, services = ipaddress.ip_network(network.pods), ipaddress.ip_network(network.services)
        nodes = ipaddress.ip_network(f"{network.machine}/24", strict=False)
        for index in range(1, 8):
            assert ipaddress.ip_network(network.pods_of(index)).subnet_of(pods)
            assert ipaddress.ip_address(network.node(index)) in nodes
        assert ipaddress.ip_address(network.api_service) == services[1]
        assert all(one.subnet_of(tests) for one in (pods, services, nodes))
        assert not any(one.overlaps(other) for one in (pods, services, nodes) for other in seen)
        seen += [pods, services, nodes]
    assert len(seen) == 3 * 16


@pytest.mark.parametrize(("number", "nodes"), [(-1, 1), (16, 1), (0, 0), (0, 8)])
def test_a_cluster_that_has_no_place_is_refused(number: int, nodes: int) -> None:
    with pytest.raises(SetupError, match="a cluster"):
        Network(number, nodes)


def test_the_pause_image_is_an_archive_whose_digests_hold(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    write_pause(program, tmp_path / "pause.tar")
    with tarfile.open(tmp_path / "pause.tar") as archive:
        names = [name for name in archive.getnames() if name.startswith("blobs/")]
        for name in names:
            content = archive.extractfile(name)
            assert content
            assert hashlib.sha256(content.read()).hexdigest() == name.rpartition("/")[2]
        index = archive.extractfile("index.json")
        assert index
        (entry,) = json.load(index)["manifests"]
    assert len(names) == 3
    assert f"blobs/sha256/{entry['digest'].partition(':')[2]}" in names
    assert PAUSE == "localhost/pause:1"


@on_linux
def test_a_process_is_ended_by_its_own_id_only(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    sleep = [sys.executable, "-c", "import time; print('at work', flush=True); time.sleep(60)"]
    processes.start("one", sleep, dict(os.environ))
    processes.wait("it wrote", lambda: "at work" in processes.tail("one"), 10)
    assert processes.names() == ["one"]
    assert processes.is_running("one")
    pid, started = (tmp_path / "one.pid").read_text().split()
    # Another process that has the id by now is left alone.
    (tmp_path / "one.pid").write_text(f"{pid} {int(started) + 1}")
    processes.stop("one", 5)
    os.kill(int(pid), 0)
    (tmp_path / "one.pid").write_text(f"{pid} {started}")
    processes.stop("one", 5)
    assert not processes.is_running("one")
    assert processes.names() == []


@on_linux
def test_a_process_that_ends_early_is_told_with_its_log(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    script = "import sys; sys.exit('bad flag')"
    processes.start("part", [sys.executable, "-c", script], dict(os.environ))
    with pytest.raises(SetupError) as error:
        processes.wait("it was ready", lambda: False, 10)
    assert "part ended before it was ready:\nbad flag" in str(error.value)
    assert str(processes.log("part")) in str(error.value)


@on_linux
def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    ignores = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    script = f"{ignores}; print('deaf', flush=True); time.sleep(60)"
    processes.start("deaf", [sys.executable, "-c", script], dict(os.environ))
    processes.wait("it is deaf", lambda: "deaf" in processes.log("deaf").read_text(), 10)
    processes.stop("deaf", 0.2)
    assert not processes.is_running("deaf")
    assert processes.names() == []
