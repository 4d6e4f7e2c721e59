"""`modelberth preview` and `diff` on the real engine, with no cloud, no login and no passphrase."""

import json
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
import yaml

from support.project import REPOSITORY, VENV, Project, plain

pytestmark = pytest.mark.engine

CANARY = "canary-9d1f"
NO_CREDENTIALS = {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_BACKEND_URL": ""}
SCHEMA = json.loads((REPOSITORY / "docs" / "reference" / "report.schema.json").read_text())

# An endpoint with a budget, and secrets wherever a program may hold one.
GUARDED = f"""
import pulumi
import pulumi_aws as aws

config = pulumi.Config()
mode = config.get("mode") or "good"
if mode.startswith("waits:"):
    import pathlib, time
    pathlib.Path(mode[6:]).touch()
    time.sleep(600)
if mode == "throws":
    raise RuntimeError("the model is not there")
if mode == "module":
    import pulumi_cloudflare


class GuardedEndpoint(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        spec = {{"budget": {{"monthly_usd": 0.5 if mode == "dear" else 100, "alert_percent": 80}}}}
        super().__init__("modelberth:index:GuardedEndpoint", name, {{"spec": spec}}, opts)
        child = pulumi.ResourceOptions(parent=self)
        token = config.require_secret("token")
        aws.kms.Key(f"{{name}}-key", description="model", opts=child)
        aws.ssm.Parameter(f"{{name}}-token", type="SecureString", value=token, opts=child)
        aws.lambda_.Function(
            f"{{name}}-function",
            role="arn:aws:iam::111122223333:role/mine",
            package_type="Image",
            image_uri="111122223333.dkr.ecr.us-east-1.amazonaws.com/iris@sha256:" + "0" * 64,
            environment={{"variables": {{"TOKEN": pulumi.Output.secret("{CANARY}-" + mode), "MODE": mode}}}},
            **({{"memory_sise": 1}} if mode == "typo" else {{}}),
            opts=child,
        )
        self.register_outputs({{"token": token}})


GuardedEndpoint("iris")
pulumi.export("token", pulumi.Output.secret("{CANARY}-output"))
"""


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass
class Team:
    """A program in a git repository, and what `modelberth` says about it."""

    project: Project

    def commit(self, branch: str) -> None:
        """What was changed, as a branch off `main`; the working tree is that of `main` again."""
        git(self.project.folder, "switch", "--quiet", "--create", branch)
        git(self.project.folder, "commit", "--quiet", "--all", "--message", branch)
        git(self.project.folder, "switch", "--quiet", "main")

    def configure(self, **changes: Any) -> None:
        """Change the stack's config: a mapping goes into the mapping that is there."""
        content = yaml.safe_load(self.project.config_file.read_text())
        for name, value in changes.items():
            known = content["config"].get(f"shop:{name}")
            merged = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
            content["config"][f"shop:{name}"] = merged
        self.project.config_file.write_text(yaml.safe_dump(content))

    def run(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        scratch = self.project.folder.parent / "scratch"
        scratch.mkdir(exist_ok=True)
        done = self.project.modelberth(*arguments, env={**NO_CREDENTIALS, "TMPDIR": str(scratch), **env})
        assert list(scratch.glob("modelberth-*")) == [], "something was left behind"
        assert CANARY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def report(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit status, and the answer as JSON, which fits the published schema."""
        done = self.run(*arguments, "--format", "json")
        assert done.stdout, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        jsonschema.validate(answer, SCHEMA)
        return done.returncode, answer


def team(folder: Path) -> Team:
    project = Project(folder)
    (folder / ".venv").symlink_to(VENV)
    (folder / ".gitignore").write_text(".venv\n.state\n__pycache__\n")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "base")
    return Team(project)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """The example of three endpoints, with a branch for each change that a reviewer might get."""
    folder = tmp_path_factory.mktemp("clouds") / "shop"
    left_out = shutil.ignore_patterns("__pycache__", ".venv", ".state")
    shutil.copytree(REPOSITORY / "examples" / "clouds", folder, ignore=left_out)
    found = team(folder)
    found.configure(scoring={"memoryMib": 4096})
    found.commit("memory")
    found.configure(scoring={"public": True}, vision={"location": "us-east4"})
    found.commit("dangerous")
    return found


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Team:
    folder = tmp_path_factory.mktemp("guarded") / "shop"
    folder.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": ".venv"}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "shop", "runtime": runtime}))
    ciphertext = {"secure": "v1:AAAAAAAAAAAAAAAA:theirs"}
    config = {"aws:region": "us-east-1", "shop:token": ciphertext, "shop:mode": "good"}
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"encryptionsalt": "v1:theirs", "config": config}))
    (folder / "__main__.py").write_text(GUARDED)
    found = team(folder)
    for mode in ("dear", "throws", "typo", "module"):
        found.configure(mode=mode)
        found.commit(mode)
    return found


def effects(report: dict[str, Any], endpoint: str) -> dict[str, str]:
    """The sentences about an endpoint by kind."""
    (found,) = [entry for entry in report["endpoints"] if entry["name"] == endpoint]
    kinds = dict.fromkeys(effect["kind"] for effect in found["effects"])
    return {
        kind: " ".join(effect["sentence"] for effect in found["effects"] if effect["kind"] == kind)
        for kind in kinds
    }


def test_one_field_of_one_endpoint(clouds: Team) -> None:
    """What the project is for: the comment says what it does to callers and to the bill."""
    status, report = clouds.report("diff", "main..memory")
    assert (status, report["outcome"]) == (10, "changes")
    assert set(effects(report, "vision")) == set(effects(report, "ranking")) == {"unchanged"}
    said = effects(report, "scoring")["rolling"]
    assert "`memorySize` 2048 → 4096" in said
    assert "`scoring-live`" in said, "the alias follows the new version"
    scoring = next(entry for entry in report["endpoints"] if entry["name"] == "scoring")
    before, after = scoring["cost"]["before"], scoring["cost"]["after"]
    # 1 million calls of 100 ms: 2 GiB more for 100,000 s at 0.0000133334 USD for each GiB-s on arm64.
    assert after["expected"]["usd"] - before["expected"]["usd"] == pytest.approx(2 * 100_000 * 0.0000133334)
    assert git(clouds.project.folder, "status", "--porcelain") == ""


def test_a_dangerous_change_as_a_comment(clouds: Team) -> None:
    done = clouds.run("diff", "main..dangerous", "--format", "markdown")
    assert done.returncode == 11, done.stderr
    said = plain(done.stdout)
    assert done.stdout.startswith("<!-- modelberth-preview: shop/dev -->\n")
    assert "anybody" in said
    assert "us-east4" in said
    assert "```mermaid" in done.stdout
    assert "<details>" in done.stdout
    assert "memoryMib" not in said


def test_no_change_in_a_terminal(clouds: Team) -> None:
    done = clouds.run("diff", "main..main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing changes" in plain(done.stdout).lower()


def test_the_working_tree_against_a_revision(clouds: Team) -> None:
    clouds.configure(ranking={"memoryMib": 32768})
    try:
        refused = clouds.run("diff", "main..main")
        assert refused.returncode == 8
        assert "1 changed file that main does not have (Pulumi.dev.yaml)" in refused.stderr
        status, report = clouds.report("diff", "main")
    finally:
        git(clouds.project.folder, "checkout", "--quiet", "--", ".")
    assert status in {10, 11}
    assert set(effects(report, "ranking")) != {"unchanged"}
    assert set(effects(report, "scoring")) == {"unchanged"}


def test_a_stack_that_the_base_does_not_have(guarded: Team) -> None:
    folder = guarded.project.folder
    git(folder, "switch", "--quiet", "--create", "prod")
    shutil.copy(folder / "Pulumi.dev.yaml", folder / "Pulumi.prod.yaml")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "prod")
    git(folder, "switch", "--quiet", "main")
    status, report = guarded.report("diff", "main..prod", "--stack", "prod")
    assert (status, report["outcome"]) == (10, "changes")
    assert "it has no stack 'prod'" in str(report["notes"])
    back = guarded.run("diff", "prod..main", "--stack", "prod")
    assert back.returncode == 15
    assert "Taking the file away destroys nothing" in back.stderr


def test_a_budget_that_is_exceeded(guarded: Team) -> None:
    status, report = guarded.report("diff", "main..dear")
    assert (status, report["outcome"]) == (12, "refused")
    (endpoint,) = report["endpoints"]
    assert (endpoint["budget_usd"], endpoint["over_budget"]) == (0.5, True)
    assert endpoint["cost"]["after"]["expected"]["usd"] >= 1  # the key alone


@pytest.mark.parametrize("form", ["terminal", "markdown", "json"])
def test_no_secret_is_shown(guarded: Team, form: str) -> None:
    """`run` looks for the canary in all that is said; here it changes, so that it stands in the diff."""
    done = guarded.run("diff", "main..dear", "--format", form, *(["--diff"] if form == "terminal" else []))
    assert "TOKEN" in done.stdout
    assert "stand-in-for-a-secret" not in done.stdout


@pytest.mark.parametrize(
    ("branch", "status", "fragments"),
    [
        ("throws", 1, ["RuntimeError: the model is not there", "__main__.py"]),
        ("typo", 1, ["memory_sise"]),
        ("module", 9, ["pulumi_cloudflare", "pip install"]),
    ],
)
def test_a_program_that_fails(guarded: Team, branch: str, status: int, fragments: list[str]) -> None:
    done = guarded.run("diff", f"main..{branch}")
    assert done.returncode == status, done.stdout + done.stderr
    for fragment in fragments:
        assert fragment in plain(done.stdout + done.stderr)


def test_a_base_that_fails_is_compared_as_nothing(guarded: Team) -> None:
    status, report = guarded.report("diff", "throws..main")
    assert (status, report["outcome"]) == (10, "changes")
    assert "its program fails" in str(report["notes"])


def test_offline_against_the_state(guarded: Team) -> None:
    """Nothing, then the state as last written; never a word to a cloud."""
    never = guarded.run("preview", "--offline")
    assert never.returncode == 10, never.stderr
    assert "Compares nothing" in plain(never.stdout)


def test_a_secret_of_the_stacks_own_and_a_wrong_passphrase(guarded: Team, tmp_path: Path) -> None:
    """A stack that was made by `pulumi` itself, with a secret in its config: its salt stands in its file."""
    project = Project(tmp_path / "shop")
    shutil.copytree(
        guarded.project.folder, project.folder, symlinks=True, ignore=shutil.ignore_patterns(".state")
    )
    (project.folder / ".state" / "backend").mkdir(parents=True)
    project.config_file.write_text("config:\n  aws:region: us-east-1\n")
    project.pulumi("stack", "init", "dev")
    project.pulumi("config", "set", "--secret", "token", f"{CANARY}-config", "--stack", "dev")
    assert "encryptionsalt" in project.config_file.read_text()
    team = Team(project)
    own = {name: project.environment[name] for name in NO_CREDENTIALS}
    done = team.run("preview", "--offline", **own)
    assert done.returncode == 10, done.stdout + done.stderr
    wrong = team.run("preview", "--offline", **{**own, "PULUMI_CONFIG_PASSPHRASE": "another"})
    assert wrong.returncode == 4
    assert "passphrase" in wrong.stderr


def test_a_reader_that_leaves_early(guarded: Team) -> None:
    """The outcome is told all the same, and no error."""
    command = f"{VENV / 'bin' / 'modelberth'} diff main..dear | true; echo ${{PIPESTATUS[0]}}"
    done = guarded.project.run("bash", "-c", command, env=NO_CREDENTIALS)
    assert (done.stdout.strip(), done.stderr) == ("12", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_preview_that_is_told_to_end_leaves_nothing(guarded: Team, number: signal.Signals) -> None:
    scratch = guarded.project.folder.parent / f"scratch-{number.name}"
    scratch.mkdir()
    begun = guarded.project.folder.parent / f"begun-{number.name}"
    guarded.configure(mode=f"waits:{begun}")
    environment = {**guarded.project.environment, **NO_CREDENTIALS, "TMPDIR": str(scratch)}
    try:
        with subprocess.Popen(
            [VENV / "bin" / "modelberth", "diff", "main"],
            cwd=guarded.project.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            deadline = time.monotonic() + 120
            while not begun.exists():
                assert running.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            running.send_signal(number)
            said, _ = running.communicate(timeout=60)
    finally:
        git(guarded.project.folder, "checkout", "--quiet", "--", ".")
    assert running.returncode == 128 + number, said
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []
    alive = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if str(scratch) in " ".join(process.info["cmdline"] or [])
    ]
    assert alive == []


def price_file(team: Team) -> list[str]:
    file = team.project.folder / "prices.toml"
    row = (REPOSITORY / "components/modelberth/preview/cost/prices.toml").read_text().split("prices = [\n")[1]
    file.write_text("prices = [\n" + row.replace("usd = ", "usd = -", 1))
    return ["--prices", str(file)]


def damage(team: Team, text: str) -> Iterator[None]:
    state = team.project.folder / ".state" / "backend" / ".pulumi" / "stacks" / "shop" / "dev.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(text)
    yield
    state.unlink()


NEWER = json.dumps({"version": 99, "checkpoint": {"latest": {}}})


@pytest.mark.parametrize(
    ("text", "status", "fragment"), [("{", 4, "is damaged"), (NEWER, 14, "a newer engine")]
)
def test_a_state_that_cannot_be_read(guarded: Team, text: str, status: int, fragment: str) -> None:
    url = f"{(guarded.project.folder / '.state' / 'backend').as_uri()}?metadata=skip"
    for _ in damage(guarded, text):
        done = guarded.run("preview", "--offline", PULUMI_BACKEND_URL=url)
    assert done.returncode == status
    assert fragment in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "fragment"),
    [
        (["diff", "main..nowhere"], 7, "revision: given 'nowhere'"),
        (["preview", "--offline", "--stack", "nowhere"], 15, "stack: given 'nowhere', allowed: dev"),
        (["preview", "--no-state"], 2, "--no-state: allowed with --offline only"),
        (["preview", "--offline", "--prices", "nowhere.toml"], 13, "nowhere.toml"),
        (["preview", "--offline", "--policy-pack", "nowhere"], 2, "--policy-pack: given 'nowhere'"),
        (["diff", "main..dear", "--json", "--format", "markdown"], 2, "--format: given markdown"),
    ],
)
def test_what_is_wrong_before_anything_runs(
    guarded: Team, arguments: list[str], status: int, fragment: str
) -> None:
    done = guarded.run(*arguments)
    assert done.returncode == status, done.stderr
    assert fragment in done.stderr
    assert done.stdout == ""


def test_a_price_file_with_a_wrong_row(guarded: Team) -> None:
    done = guarded.run("preview", "--offline", *price_file(guarded))
    assert done.returncode == 13
    assert "usd: given -0.2, allowed: 0 or more" in done.stderr


def test_an_engine_that_is_too_old(guarded: Team, tmp_path: Path) -> None:
    old = tmp_path / "pulumi"
    old.write_text("#!/bin/sh\necho v3.100.0\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    path = os.pathsep.join([str(tmp_path), guarded.project.environment["PATH"]])
    done = guarded.run("diff", "main..dear", PATH=path)
    assert done.returncode == 3
    assert "needed: 3.250.0 or newer" in done.stderr
