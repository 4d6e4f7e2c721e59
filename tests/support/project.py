"""The repository's program on the real engine, with config, state and home in a folder of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
VENV = Path(sys.prefix)
IRIS = REPOSITORY / "models" / "iris" / "model.onnx"
SETOSA = [[5.1, 3.5, 1.4, 0.2]]

Config = dict[str, Any]


def iris(**changes: Any) -> Config:
    """The config of the embedded default's endpoint, with changes."""
    return {
        "name": "iris",
        "model": {"uri": "file:models/iris/model.onnx"},
        "target": {"kind": "local"},
        **changes,
    }


@dataclass
class Project:
    """A copy of the repository's program, with everything that the engine keeps in the same folder."""

    folder: Path
    stack: str = "dev"

    @property
    def environment(self) -> dict[str, str]:
        pulumi = shutil.which("pulumi")
        # Never a skip: a machine without the engine cannot prove what these tests are there to prove.
        assert pulumi is not None, "the engine is not on PATH; run the tests with: make test"
        return {
            "PATH": os.pathsep.join([str(VENV / "bin"), str(Path(pulumi).parent), os.environ["PATH"]]),
            "HOME": str(self.folder),
            "PULUMI_HOME": str(self.folder / ".state" / "home"),
            "PULUMI_BACKEND_URL": f"{(self.folder / '.state' / 'backend').as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase for tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "VIRTUAL_ENV": str(VENV),
            "NO_COLOR": "1",
        }

    @property
    def config_file(self) -> Path:
        return self.folder / f"Pulumi.{self.stack}.yaml"

    def configure(self, *endpoints: Config, **more: Any) -> None:
        config = {"modelberth:endpoints": list(endpoints), **{f"modelberth:{k}": v for k, v in more.items()}}
        self.config_file.write_text(yaml.safe_dump({"config": config}))

    def run(self, *command: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        environment = {k: v for k, v in {**self.environment, **(env or {})}.items() if v != ""}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def start(self, *command: str, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def modelberth(
        self, *arguments: str, env: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return self.run(str(VENV / "bin" / "modelberth"), *arguments, env=env)

    def pulumi(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        done = self.run("pulumi", *arguments, "--non-interactive")
        assert done.returncode == 0, f"pulumi {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self) -> dict[str, Any]:
        """`modelberth up`, which must succeed; the endpoints by name."""
        done = self.modelberth("up", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        self.changes: dict[str, int] = json.loads(done.stdout)["changes"]
        return self.endpoints()

    def endpoints(self) -> dict[str, Any]:
        outputs = json.loads(self.pulumi("stack", "output", "--json", "--stack", self.stack).stdout)
        endpoints: dict[str, Any] = outputs["endpoints"]
        return endpoints

    def state(self) -> list[dict[str, Any]]:
        """The resources in the state."""
        exported = json.loads(self.pulumi("stack", "export", "--stack", self.stack).stdout)
        return list(exported["deployment"].get("resources") or [])

    def process(self, name: str = "iris") -> dict[str, Any]:
        """The outputs of the endpoint's process in the state."""
        (found,) = [
            resource["outputs"]
            for resource in self.state()
            if resource["type"] == "modelberth:local:Process"
            and resource["urn"].endswith(f"::{name}-local-process")
        ]
        outputs: dict[str, Any] = found
        return outputs

    def supervisors(self) -> list[psutil.Process]:
        """Every supervisor that works in this project's folder."""
        return self._processes("modelberth.local.supervisor")

    def leftovers(self) -> list[str]:
        """Every process that belongs to this project, by command line.

        Without the engine's language host: when its engine is killed it looks for it every five minutes,
        and ends when it does not find it.
        """
        lines = (" ".join(process.cmdline()) for process in self._processes(""))
        return [line for line in lines if "pulumi-language-python" not in line]

    def _processes(self, word: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                of_project = str(self.folder) in " ".join([line, *process.environ().values()])
            except psutil.Error:
                continue
            if word in line and of_project and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found


def predict(url: str, rows: Sequence[Sequence[float]] = SETOSA) -> dict[str, Any]:
    answer = httpx.post(f"{url}/predict", json={"input": rows}, trust_env=False)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The embedded default in a folder of its own; whatever a test leaves running is ended."""
    with copied(tmp_path / "project") as project:
        yield project


@contextmanager
def copied(folder: Path) -> Iterator[Project]:
    """The repository's program in another folder, until the block ends."""
    project = Project(folder)
    (project.folder / ".state" / "backend").mkdir(parents=True)
    for name in ("Pulumi.yaml", "stacks", "models"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, project.folder / name)
    (project.folder / ".venv").symlink_to(VENV)
    project.configure(iris())
    yield project
    for process in project._processes(""):
        process.kill()


def plain(text: str) -> str:
    """Without colours and with runs of white space as one space."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", text))


def engine_of(pid: int, operation: str) -> psutil.Process | None:
    """The engine that a `modelberth` process runs for an operation now, such as `up`."""
    for process in psutil.Process(pid).children():
        try:
            if process.name() == "pulumi" and process.cmdline()[1] == operation:
                return process
        except (psutil.Error, IndexError):  # it ended, or has not begun yet
            continue
    return None
