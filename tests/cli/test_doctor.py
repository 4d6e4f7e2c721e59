"""Each check of `modelberth doctor` both ways, with the exact command that mends what is missing."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from modelberth.capability_table import load
from modelberth.cli.checks import (
    CHECKS,
    Check,
    Checkup,
    Finding,
    State,
    clouds,
    google,
    machine,
    program,
    state,
)
from modelberth.cli.doctor import findings
from modelberth.cli.failure import Exit
from modelberth.cli.main import app
from modelberth.cli.stack import Stack
from modelberth.preview.cost.prices import SHIPPED
from modelberth.preview.standins.sdk.packages import Package

LOCAL = {"name": "iris", "model": {"uri": "file:model.onnx"}, "target": {"kind": "local"}}
REMOTE = {"uri": "s3://models/iris.onnx", "sha256": "0" * 64}
TARGETS: Mapping[str, Mapping[str, Any]] = {
    "lambda": {"kind": "lambda", "account": "123456789012", "region": "us-east-1"},
    "cloud_run": {
        "kind": "cloud_run",
        "project": "shop-prod",
        "project_number": "123456789012",
        "region": "us-central1",
    },
    "gke": {
        "kind": "gke",
        "project": "shop-prod",
        "project_number": "123456789012",
        "region": "us-central1",
        "cluster": {"kind": "existing", "name": "models"},
    },
    "azure_ml": {"kind": "azure_ml", "resource_group": "shop", "location": "eastus"},
    "kubernetes": {"kind": "kubernetes"},
    "eks": {
        "kind": "eks",
        "account": "123456789012",
        "region": "us-east-1",
        "cluster": {"kind": "existing", "name": "models"},
    },
}
CANARY = "canary-9d2f"


def on(kind: str, **more: str) -> dict[str, Any]:
    return {"name": "iris", "model": REMOTE, "target": {**TARGETS[kind], **more}}


class Machine(NamedTuple):
    """A project in a folder with nothing around it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def executable(self, name: str, says: str = "") -> Path:
        file = self.folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
        file.chmod(0o755)
        return file

    def configure(self, *endpoints: Mapping[str, Any], text: str = "") -> None:
        content = text or yaml.safe_dump({"config": {"shop:endpoints": list(endpoints)}})
        (self.folder / "Pulumi.dev.yaml").write_text(content)

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    @property
    def checkup(self) -> Checkup:
        return Checkup(Stack.find("dev", self.folder, file=False), dict(os.environ), self.folder / "home")

    def look(self, check: Check) -> list[Finding]:
        return list(check(self.checkup))

    def one(self, check: Check) -> Finding:
        (finding,) = self.look(check)
        return finding

    def make_checkout(self) -> None:
        (self.folder / "tools").mkdir()
        (self.folder / "tools" / "bootstrap.py").write_text("")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    folder = tmp_path / "project"
    (folder / "home").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "model.onnx").write_bytes(b"0123456789")
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}/bin")  # the tests' own executables are scripts
    monkeypatch.chdir(folder)
    found = Machine(folder, monkeypatch)
    found.configure(LOCAL)
    return found


def with_environment(there: Machine, version: str = "3.12.1") -> Path:
    (there.folder / "Pulumi.yaml").write_text(
        "name: shop\nruntime: {name: python, options: {virtualenv: .venv}}\n"
        "plugins: {providers: [{name: modelberth, path: .venv/bin}]}\n"
    )
    environment = there.folder / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text("")
    (environment / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion_info = {version}\n")
    return environment


def test_python_is_that_of_the_program(there: Machine) -> None:
    name = "virtual environment"
    assert there.look(machine.python)[0] == Finding.ok(name, sys.prefix)
    environment = with_environment(there)
    assert there.look(machine.python) == [
        Finding.optional(
            name,
            f"this command runs in {sys.prefix}, the program in {environment}",
            "source .venv/bin/activate",
        ),
        Finding.ok("python", "3.12.1"),
    ]
    (environment / "pyvenv.cfg").write_text("version = 3.9.18\n")
    assert there.look(machine.python)[1] == Finding.missing(
        "python", "3.9.18, needed: 3.11 or newer", "rm -r .venv && python3.11 -m venv .venv"
    )
    (environment / "bin" / "python").unlink()
    (missing,) = there.look(machine.python)
    assert missing.state is State.MISSING
    assert missing.fix == "python3 -m venv .venv && .venv/bin/python -m pip install modelberth"
    there.make_checkout()
    assert there.one(machine.python).fix == "make setup"


def test_the_engine_and_its_language_host(there: Machine) -> None:
    fix = "curl -fsSL https://get.pulumi.com | sh"
    assert there.one(machine.engine) == Finding.missing("pulumi", "not on PATH", fix)
    old = there.executable("pulumi", "v3.100.0")
    assert there.look(machine.engine) == [
        Finding.missing("pulumi", f"{old} is version v3.100.0, needed: 3.250.0 or newer", fix),
        Finding.missing("language host", f"no pulumi-language-python on PATH or beside {old}", fix),
    ]
    there.executable("pulumi", "v3.250.0")
    host = there.executable("pulumi-language-python")
    assert there.look(machine.engine) == [
        Finding.ok("pulumi", str(old)),
        Finding.ok("language host", str(host)),
    ]
    shutil.rmtree(there.folder / "bin")
    there.make_checkout()
    assert there.one(machine.engine).fix == 'eval "$(make -s env)"'


def test_our_plugin_where_the_project_looks_for_it(there: Machine) -> None:
    environment = with_environment(there)
    plugin = environment / "bin" / "pulumi-resource-modelberth"
    fix = ".venv/bin/python -m pip install modelberth"
    assert there.one(machine.plugin) == Finding.missing("modelberth plugin", f"no {plugin}", fix)
    there.executable("pulumi-resource-modelberth")  # on PATH, where the project does not look
    assert there.one(machine.plugin).state is State.MISSING
    plugin.write_text("")
    assert there.one(machine.plugin).state is State.MISSING, "not executable"
    plugin.chmod(0o755)
    assert there.one(machine.plugin) == Finding.ok("modelberth plugin", str(plugin))
    there.configure(on("lambda"))
    assert there.one(machine.plugin).state is State.OPTIONAL


def test_our_plugin_on_path_where_the_project_names_none(there: Machine) -> None:
    assert there.one(machine.plugin).detail == "no pulumi-resource-modelberth on PATH"
    plugin = there.executable("pulumi-resource-modelberth")
    assert there.one(machine.plugin) == Finding.ok("modelberth plugin", str(plugin))


def test_git_is_never_needed(there: Machine) -> None:
    there.set(PATH=str(there.folder / "bin"))
    assert there.one(machine.git).detail == "not on PATH: `modelberth diff` needs it"
    git = there.executable("git")
    assert there.one(machine.git) == Finding.optional(
        "git", "no repository here: `modelberth diff` needs one", "git init"
    )
    (there.folder / ".git").mkdir()
    assert there.one(machine.git) == Finding.ok("git", str(git))


def test_the_config(there: Machine) -> None:
    assert there.one(program.config) == Finding.ok("config", "iris → local")
    there.configure({**LOCAL, "target": {"kind": "moon"}})
    wrong = there.one(program.config)
    assert (wrong.state, wrong.fix) == (
        State.MISSING,
        "edit Pulumi.dev.yaml; docs/reference/spec.md tells what fits",
    )
    assert "target.kind" in wrong.detail
    there.configure(text="config: {shop:scoring: {memory: 1}}\n")
    assert there.one(program.config).state is State.OPTIONAL, "a program of its own"
    (there.folder / "Pulumi.dev.yaml").rename(there.folder / "Pulumi.prod.yaml")
    assert there.one(program.config) == Finding.missing(
        "config", "no Pulumi.dev.yaml; stacks: prod", "use --stack prod"
    )


def test_what_a_target_refuses(there: Machine) -> None:
    assert there.one(program.capabilities).state is State.OK
    there.configure({**LOCAL, "scaling": {"min": 0}})
    refused = there.one(program.capabilities)
    assert refused.state is State.MISSING
    assert refused.detail.startswith("endpoints[0].scaling.min: given 0")
    assert refused.fix == "modelberth targets --stack dev --endpoint iris"


def test_models_of_this_machine_and_room_for_them(there: Machine) -> None:
    model, disk = there.look(program.models)
    assert model == Finding.ok("model of iris", f"{there.folder / 'model.onnx'}, 10 bytes")
    assert disk.state is State.OK
    full = type("Usage", (), {"free": 5 * 1024**2})()
    there.monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert there.look(program.models)[1] == Finding.missing(
        "disk", "5 MiB free for .state/local, needed: 256 MiB", f"make room: df -h '{there.folder}'"
    )
    (there.folder / "model.onnx").unlink()
    assert there.look(program.models)[0] == Finding.missing(
        "model of iris",
        f"no file {there.folder / 'model.onnx'}",
        "put the model there, or edit model.uri in Pulumi.dev.yaml",
    )
    there.configure(on("lambda"))
    assert there.look(program.models) == []


@pytest.mark.parametrize(
    ("kind", "extra", "absent"),
    [
        ("lambda", "aws", ["pulumi-aws"]),
        ("cloud_run", "gcp", ["google-auth", "pulumi-gcp"]),
        ("azure_ml", "azure", ["pulumi-azure-native"]),
        ("kubernetes", "kubernetes", ["kubernetes", "pulumi-kubernetes"]),
    ],
)
def test_packages_of_a_target(there: Machine, kind: str, extra: str, absent: list[str]) -> None:
    environment = with_environment(there)
    there.configure(on(kind))
    assert there.one(program.packages) == Finding.missing(
        f"packages [{extra}]",
        f"not installed: {', '.join(absent)}",
        f".venv/bin/python -m pip install 'modelberth[{extra}]'",
    )
    for name in absent:
        packages = environment / "lib" / "python3.12" / "site-packages"
        info = packages / f"{name.replace('-', '_')}-9.9.9.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 9.9.9\n")
    found = ", ".join(f"{name} 9.9.9" for name in absent)
    assert there.one(program.packages) == Finding.ok(f"packages [{extra}]", found)
    there.make_checkout()
    shutil.rmtree(info)
    assert there.one(program.packages).fix == "make setup"


def test_the_local_target_needs_the_model_server(there: Machine) -> None:
    assert there.one(program.packages).state is State.OK, "the tests' own environment has it"
    with_environment(there)
    missing = there.one(program.packages)
    assert missing.fix == ".venv/bin/python -m pip install 'modelberth[serving]'"
    assert "onnxruntime" in missing.detail


def test_every_target_names_extras_that_there_are() -> None:
    assert all(table.extras for table in load().values())
    assert [extra for table in load().values() for extra in table.extras if not program._wanted(extra)] == []


def test_the_age_of_prices(there: Machine) -> None:
    there.monkeypatch.setattr(program, "MAX_AGE", timedelta(days=100_000))
    assert there.one(program.prices).state is State.OK
    there.monkeypatch.setattr(program, "MAX_AGE", timedelta(days=-1))
    assert there.one(program.prices).fix == "modelberth prices refresh"
    own = there.folder / ".state" / "prices.toml"
    own.parent.mkdir()
    own.write_text(SHIPPED.read_text() + "\nwrong = [")
    assert (there.one(program.prices).state, there.one(program.prices).fix) == (
        State.MISSING,
        f"rm '{own}'",
    )


def backend(there: Machine) -> Path:
    folder = there.folder / ".state" / "backend"
    folder.mkdir(parents=True)
    there.set(PULUMI_BACKEND_URL=folder.as_uri())
    return folder


def test_the_passphrase_is_only_looked_for(there: Machine) -> None:
    assert there.one(state.passphrase).state is State.OPTIONAL
    backend(there)
    missing = there.one(state.passphrase)
    assert (missing.state, missing.fix) == (State.MISSING, "export PULUMI_CONFIG_PASSPHRASE_FILE=FILE")
    there.set(PULUMI_CONFIG_PASSPHRASE_FILE=str(there.folder / "none"))
    assert there.one(state.passphrase).state is State.MISSING
    there.set(PULUMI_CONFIG_PASSPHRASE_FILE="", PULUMI_CONFIG_PASSPHRASE=CANARY)
    there.monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE")
    assert there.one(state.passphrase) == Finding.ok("passphrase", "PULUMI_CONFIG_PASSPHRASE is set")


def test_the_backend(there: Machine) -> None:
    assert there.one(state.backend) == Finding.missing(
        "backend", "PULUMI_BACKEND_URL is not set and there is no login", "pulumi login --local"
    )
    login = there.folder / "home" / ".pulumi" / "credentials.json"
    login.parent.mkdir()
    login.write_text("{}")
    assert there.one(state.backend).state is State.OK
    there.set(PULUMI_BACKEND_URL=f"postgres://me:{CANARY}@db.example/state?sslmode={CANARY}")
    assert there.one(state.backend) == Finding.ok("backend", "postgres://db.example, which was not asked")
    folder = backend(there)
    assert there.one(state.backend) == Finding.ok("backend", str(folder))
    folder.rmdir()
    assert there.one(state.backend).fix == f"mkdir -p {folder}"
    there.make_checkout()
    assert there.one(state.backend).fix == 'eval "$(make -s env)"'


def test_the_state(there: Machine) -> None:
    assert there.one(state.state).state is State.OPTIONAL
    backend(there)
    assert there.one(state.state) == Finding.ok("state", "none yet: the stack was never deployed from here")
    file = there.checkup.stack.state_file
    assert file is not None
    file.parent.mkdir(parents=True)
    file.write_text("{")
    damaged = there.one(state.state)
    assert (damaged.state, damaged.fix) == (State.MISSING, "modelberth recover --stack dev")
    file.write_text(json.dumps({"version": 99, "checkpoint": {}}))
    assert there.one(state.state).fix.endswith("-m pip install modelberth -U")
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"pending_operations": [{}, {}]}}}))
    assert there.one(state.state) == Finding.optional(
        "state", "2 operations were cut off; `up` settles them", "modelberth recover --stack dev"
    )
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {}}}))
    assert there.one(state.state) == Finding.ok("state", str(file))


def test_the_lock(there: Machine) -> None:
    assert there.look(state.lock) == []
    backend(there)
    assert there.one(state.lock) == Finding.ok("lock", "free")
    folder = there.checkup.stack.lock_folder
    assert folder is not None
    folder.mkdir(parents=True)
    holder = {"pid": 4_000_000, "username": "jo", "hostname": socket.gethostname(), "timestamp": "now"}
    (folder / "x.json").write_text(json.dumps(holder))
    assert there.one(state.lock) == Finding.optional(
        "lock",
        "left behind by process 4000000, which is dead; `up` releases it",
        "modelberth recover --stack dev",
    )
    (folder / "x.json").write_text(json.dumps({**holder, "hostname": "elsewhere"}))
    assert (there.one(state.lock).state, there.one(state.lock).fix) == (State.MISSING, "wait for its end")
    (folder / "x.json").write_text("{")
    assert there.one(state.lock).fix == "remove the file"


def test_provider_plugins(there: Machine) -> None:
    assert there.look(clouds.plugins) == [], "the local target needs none"
    there.configure(on("lambda"))
    sdk = Package("aws", "7.51.1", "pulumi-aws", "pulumi_aws", there.folder)
    there.monkeypatch.setattr(clouds, "installed", lambda: {"aws": sdk})
    fix = "pulumi plugin install resource aws v7.51.1"
    assert there.one(clouds.plugins) == Finding.optional(
        "provider plugin aws", "not installed: the engine downloads it when it is needed", fix
    )
    there.set(PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="true")
    assert there.one(clouds.plugins) == Finding.missing(
        "provider plugin aws", "not installed: offline previews only", fix
    )
    listing = there.executable("pulumi")
    listing.write_text(
        "#!/bin/sh\n[ $1 = version ] && echo v3.250.0 || "
        'echo \'[{"name": "aws", "kind": "resource", "version": "7.51.1"}]\'\n'
    )
    assert there.one(clouds.plugins) == Finding.ok("provider plugin aws", "7.51.1")
    older = Package("aws", "7.0.0", "pulumi-aws", "pulumi_aws", there.folder)
    there.monkeypatch.setattr(clouds, "installed", lambda: {"aws": older})
    assert there.one(clouds.plugins).fix == "pulumi plugin install resource aws v7.0.0"


def in_variables(**variables: str) -> Callable[[Machine], None]:
    return lambda there: there.set(**variables)


def in_file(name: str) -> Callable[[Machine], None]:
    def write(there: Machine) -> None:
        file = there.folder / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CANARY)

    return write


@pytest.mark.parametrize(
    ("kind", "give", "login"),
    [
        ("lambda", in_variables(AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY=CANARY), "aws configure sso"),
        ("lambda", in_file(".aws/credentials"), "aws configure sso"),
        ("lambda", in_file(".aws/config"), "aws configure sso"),
        ("cloud_run", in_variables(GOOGLE_CREDENTIALS=CANARY), "gcloud auth application-default login"),
        (
            "cloud_run",
            in_file(".config/gcloud/application_default_credentials.json"),
            "gcloud auth application-default login",
        ),
        (
            "azure_ml",
            in_variables(ARM_CLIENT_ID="x", ARM_CLIENT_SECRET=CANARY, ARM_TENANT_ID="x"),
            "az login",
        ),
        ("azure_ml", in_file(".azure/azureProfile.json"), "az login"),
    ],
)
def test_credentials_are_only_looked_for(
    there: Machine, kind: str, give: Callable[[Machine], None], login: str
) -> None:
    there.configure(on(kind))
    missing = there.one(clouds.credentials)
    assert (missing.state, missing.fix) == (State.MISSING, login)
    give(there)
    found = there.one(clouds.credentials)
    assert found.state is State.OK
    assert CANARY not in str(found)


def test_half_of_the_variables_is_no_credential(there: Machine) -> None:
    there.configure(on("lambda"))
    there.set(AWS_ACCESS_KEY_ID="AKIA")
    assert there.one(clouds.credentials).state is State.MISSING
    there.set(AWS_CONFIG_FILE=str(there.folder / "none"))
    assert there.one(clouds.credentials).state is State.MISSING


def test_the_way_into_a_cluster_of_eks_asks_a_program(there: Machine) -> None:
    assert there.look(clouds.aws_cli) == []
    there.configure(on("eks"))
    there.set(PATH=str(there.folder / "bin"))
    assert "install the AWS CLI" in str(there.one(clouds.aws_cli).fix)
    there.executable("aws")
    assert there.one(clouds.aws_cli).state is State.OK


def test_the_plugin_for_clusters_of_gke(there: Machine) -> None:
    assert there.look(google.gke_plugin) == []
    there.configure(on("gke"))
    there.set(PATH=str(there.folder / "bin"))
    missing = there.one(google.gke_plugin)
    assert (missing.state, missing.fix) == (
        State.MISSING,
        "gcloud components install gke-gcloud-auth-plugin",
    )
    found = there.executable("gke-gcloud-auth-plugin")
    assert there.one(google.gke_plugin) == Finding.ok("GKE plugin", str(found))


def test_which_project_pays_for_what_a_person_asks_google(there: Machine) -> None:
    file = there.folder / "home" / ".config" / "gcloud" / "application_default_credentials.json"
    file.parent.mkdir(parents=True)
    person = {"type": "authorized_user", "refresh_token": CANARY}
    file.write_text(json.dumps(person))
    assert there.look(google.quota_project) == []  # nothing of the stack is in Google Cloud
    there.configure(on("cloud_run"))
    unpaid = there.one(google.quota_project)
    assert (unpaid.state, unpaid.fix) == (
        State.OPTIONAL,
        "gcloud auth application-default set-quota-project shop-prod",
    )
    assert CANARY not in str(unpaid)
    there.set(GOOGLE_CLOUD_QUOTA_PROJECT="shop-billing")
    assert there.one(google.quota_project) == Finding.ok("quota project of gcp", "shop-billing")
    there.monkeypatch.delenv("GOOGLE_CLOUD_QUOTA_PROJECT")
    file.write_text(json.dumps({**person, "quota_project_id": "shop-prod"}))
    assert there.one(google.quota_project) == Finding.ok("quota project of gcp", "shop-prod")
    for content in (json.dumps({"type": "service_account"}), f"[{CANARY}", "[]"):
        file.write_text(content)
        assert there.look(google.quota_project) == []
    file.write_text(json.dumps(person))
    other = there.folder / "key.json"
    other.write_text(json.dumps({"type": "service_account"}))
    there.set(GOOGLE_APPLICATION_CREDENTIALS=str(other))
    assert there.look(google.quota_project) == []
    there.set(GOOGLE_APPLICATION_CREDENTIALS="", GOOGLE_OAUTH_ACCESS_TOKEN=CANARY)
    assert there.look(google.quota_project) == []


def test_the_kubeconfig(there: Machine) -> None:
    assert there.look(clouds.kubeconfig) == []
    there.configure(on("kubernetes"))
    assert there.one(clouds.kubeconfig).fix == "export KUBECONFIG=FILE"
    file = there.folder / "home" / ".kube" / "config"
    file.parent.mkdir()
    file.write_text(f"token: [{CANARY}")
    unreadable = there.one(clouds.kubeconfig)
    assert unreadable.state is State.MISSING
    assert CANARY not in str(unreadable)
    file.write_text(yaml.safe_dump({"contexts": [{"name": "gpu"}], "users": [{"token": CANARY}]}))
    assert there.one(clouds.kubeconfig) == Finding.missing(
        "kubeconfig", "no current context; contexts: gpu", "kubectl config use-context NAME"
    )
    there.configure(on("kubernetes", context="cpu"))
    assert there.one(clouds.kubeconfig) == Finding.missing(
        "kubeconfig", "no context 'cpu'; contexts: gpu", "edit target.context in Pulumi.dev.yaml"
    )
    other = there.folder / "other"
    other.write_text("contexts: [{name: cpu}]\ncurrent-context: cpu\n")
    there.set(KUBECONFIG=f"{file}{os.pathsep}{other}")
    assert there.one(clouds.kubeconfig).state is State.OK


def test_it_ends_with_a_status_for_machines_and_prints_no_secret(there: Machine) -> None:
    folder = backend(there)
    there.set(PULUMI_CONFIG_PASSPHRASE=CANARY)
    there.executable("pulumi", "v3.250.0")
    there.executable("pulumi-language-python")
    there.executable("pulumi-resource-modelberth")
    done = CliRunner().invoke(app, ["doctor", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"]) == (Exit.OK, True), told
    assert len(told["findings"]) == len(findings(there.checkup)) == 16
    assert {finding["state"] for finding in told["findings"]} == {"ok", "optional"}

    folder.rmdir()
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == Exit.TOOL
    assert f"✗ backend              {folder} is not there or cannot be written to" in done.stdout
    assert f"fix: mkdir -p {folder}" in done.stdout
    assert "Stack dev: 1 of 16 checks failed" in done.stdout
    assert CANARY not in done.stdout


def test_every_check_is_in_the_command() -> None:
    written = [
        found
        for module in (machine, program, state, clouds, google)
        for name, found in vars(module).items()
        if isinstance(found, FunctionType) and found.__module__ == module.__name__ and name[0] != "_"
    ]
    assert len(written) == 19
    assert set(written) == set(CHECKS)
