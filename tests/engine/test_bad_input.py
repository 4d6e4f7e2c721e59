"""Every bad input: one clear message, nothing changed, no traceback."""

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from support.project import IRIS, Config, Project, engine_of, iris, plain, predict

pytestmark = pytest.mark.engine

REFUSED: list[tuple[Config, list[str]]] = [
    (iris(scalling={"min": 1}), ["endpoints[0].scalling", "unknown key", "Did you mean `scaling`?"]),
    (iris(scaling={"min": "two"}), ["endpoints[0].scaling.min", "'two'", "a whole number"]),
    (iris(scaling={"max": 0}), ["endpoints[0].scaling.max", "given 0"]),
    (iris(scaling={"min": 3, "max": 2}), ["endpoints[0].scaling.max", "given 2", "3"]),
    (iris(model={"uri": "s3://bucket/model.onnx"}), ["endpoints[0].model", "revision", "sha256"]),
    (
        iris(model={"uri": "file:models/nowhere.onnx"}),
        ["endpoints[0].model.uri: given 'models/nowhere.onnx'", "an existing file"],
    ),
    (
        iris(model={"uri": "file:models/iris/model.onnx", "sha256": "0" * 64}),
        ["endpoints[0].model.sha256: given " + "0" * 64, "has"],
    ),
    (
        iris(model={"uri": "file:models/iris/train.py"}),
        ["endpoints[0].model.uri: given 'models/iris/train.py'", "an ONNX model"],
    ),
    (iris(target={"kind": "local", "port": 80}), ["endpoints[0].target.port", "given 80", "1024"]),
    (iris(resources={"gpu": {"kind": "l4"}}), ["endpoints[0].resources.gpu", "local"]),
    (
        iris(
            rollout={
                "strategy": "canary",
                "steps": [{"percent": 10, "bake": "5m"}],
                "header": {"name": "x-canary", "value": "yes"},
            }
        ),
        ["endpoints[0].rollout", "local"],
    ),
    (iris(scaling={"min": 1, "max": 4}), ["endpoints[0].scaling.max", "local"]),
    (
        iris(
            target={
                "kind": "azure_ml",
                "resource_group": "models",
                "location": "westeurope",
            }
        ),
        ["endpoints[0].target.kind", "azure_ml", "local"],
    ),
    (iris(target={"kind": "mainframe"}), ["endpoints[0].target.kind", "mainframe", "kubernetes"]),
    (iris(name="Iris!"), ["endpoints[0].name", "Iris!"]),
]


def assert_refused(done: Any, *fragments: str) -> None:
    said = plain(done.stdout + done.stderr)
    assert done.returncode != 0, said
    for fragment in fragments:
        assert fragment in said
    assert "Traceback" not in said
    assert "unhandled exception" not in said


def test_every_refusal_leaves_what_runs_untouched(project: Project) -> None:
    url = project.up()["iris"]["url"]
    before, (supervisor,) = project.process(), project.supervisors()
    for config, fragments in REFUSED:
        project.configure(config)
        assert_refused(project.modelberth("up"), *fragments)
    assert project.process() == before
    assert [p.pid for p in project.supervisors()] == [supervisor.pid]
    assert predict(url)["predictions"] == ["setosa"]
    assert len(REFUSED) == 15


def test_all_problems_are_told_at_once(project: Project) -> None:
    project.configure(iris(scaling={"max": 0}), iris(limits={"timeout": "never"}))
    assert_refused(project.modelberth("up"), "endpoints[0].scaling.max", "endpoints[1].limits.timeout")
    project.configure(iris(), iris())
    assert_refused(project.modelberth("up"), "endpoints[1].name", "endpoints[0].name has it")
    assert project.supervisors() == []


def test_a_port_that_somebody_else_has(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        project.configure(iris(target={"kind": "local", "port": port}))
        assert_refused(
            project.modelberth("up"), f"endpoints[0].target.port: given {port}", "another process listens"
        )
    assert project.supervisors() == []
    assert project.up()["iris"]["url"] == f"http://127.0.0.1:{port}"


def test_two_stacks_do_not_collide(project: Project) -> None:
    first = project.up()["iris"]["url"]
    project.stack = "other"
    project.configure(iris())
    done = project.modelberth("up", "--stack", "other")
    assert done.returncode == 0, done.stderr
    second = project.endpoints()["iris"]["url"]
    assert first != second
    assert len(project.supervisors()) == 2
    project.configure(iris(target={"kind": "local", "port": int(first.rpartition(":")[2])}))
    assert_refused(project.modelberth("up", "--stack", "other"), "another process listens")
    assert predict(second)["predictions"] == predict(first)["predictions"]


def test_an_unknown_config_key(project: Project) -> None:
    project.configure(iris(), endpoint=1)
    assert_refused(project.modelberth("up"), "endpoint: given an unknown key", "Did you mean `endpoints`?")


def test_a_config_of_the_wrong_type(project: Project) -> None:
    project.config_file.write_text("config:\n  modelberth:endpoints: five\n")
    assert_refused(project.modelberth("up"), "endpoints")
    project.config_file.write_text("config: {}\n")
    assert_refused(project.modelberth("up"), "endpoints")
    project.config_file.write_text("config: [\n")
    assert_refused(project.modelberth("up"), "Pulumi.dev.yaml is not valid YAML", "line 2")


@pytest.mark.parametrize(
    ("stack", "status", "fragments"),
    [
        ("Dev_1", 2, ["stack: given 'Dev_1'", "lower-case letters"]),
        ("nowhere", 15, ["stack: given 'nowhere'", "allowed: dev"]),
    ],
)
def test_a_stack_name_that_is_not(project: Project, stack: str, status: int, fragments: list[str]) -> None:
    done = project.modelberth("up", "--stack", stack)
    assert_refused(done, *fragments)
    assert done.returncode == status


def test_a_stack_name_that_only_the_engine_takes(project: Project) -> None:
    """Without our command the program itself refuses it."""
    (project.folder / "Pulumi.Dev_1.yaml").write_bytes(project.config_file.read_bytes())
    project.pulumi("stack", "init", "Dev_1")
    done = project.run("pulumi", "up", "--yes", "--stack", "Dev_1", "--non-interactive")
    assert_refused(done, "stack: given 'Dev_1'", "lower-case letters")


def test_no_passphrase(project: Project) -> None:
    for environment in (
        {"PULUMI_CONFIG_PASSPHRASE": ""},
        {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_CONFIG_PASSPHRASE_FILE": str(project.folder / "gone")},
    ):
        done = project.modelberth("up", env=environment)
        assert_refused(done, "PULUMI_CONFIG_PASSPHRASE_FILE")
        assert done.returncode == 4


def test_a_second_up_while_one_runs(project: Project) -> None:
    lock = project.folder / ".state/backend/.pulumi/locks/organization/modelberth/dev"
    first = project.start("modelberth", "up")
    while engine_of(first.pid, "up") is None or not any(lock.glob("*.json")):
        assert first.poll() is None, first.communicate()[0]
    second = project.modelberth("up")
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said
    assert_refused(second, "another deployment of stack 'dev' runs", "try again")
    assert second.returncode == 5
    assert len(project.supervisors()) == 1


def test_an_engine_that_is_too_old(project: Project, tmp_path: Path) -> None:
    old = tmp_path / "old" / "pulumi"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho v3.100.0\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    path = os.pathsep.join([str(old.parent), project.environment["PATH"]])
    done = project.modelberth("up", env={"PATH": path})
    assert_refused(done, "version v3.100.0", "3.250.0 or newer", "make setup")
    assert done.returncode == 3


def test_a_project_that_is_not_there(project: Project, tmp_path: Path) -> None:
    (project.folder / "Pulumi.yaml").unlink()
    done = project.modelberth("up")
    assert_refused(done, "no Pulumi.yaml in")
    assert done.returncode == 2


def test_an_edited_model_is_seen_at_preview_and_its_pin_refuses_it(project: Project) -> None:
    project.up()
    model = project.folder / "models/iris/model.onnx"
    model.write_bytes(IRIS.read_bytes() + b"\x00")  # no longer what it was
    done = project.modelberth("up")
    assert_refused(done, "an ONNX model")
    assert predict(project.process()["url"])["predictions"] == ["setosa"]
