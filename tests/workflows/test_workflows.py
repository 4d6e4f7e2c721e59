"""The GitHub workflows: who may do what in them, and what the preview's scripts do, run for real."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import pulumi_cli
from support.project import REPOSITORY, VENV

FOLDER = REPOSITORY / ".github" / "workflows"
FILES = {file.name: file for file in sorted(FOLDER.glob("*.y*ml"))}
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
ZIZMOR = VENV / "bin" / "zizmor"
CLOUDS = REPOSITORY / "examples" / "clouds"

# What each may do beyond reading the code; a job without an entry may do nothing more.
PERMISSIONS = {
    "test.yml": ({"contents": "read"}, {}),
    "preview.yml": ({"contents": "read"}, {}),
    "preview-comment.yml": (
        {},
        {"comment": {"actions": "read", "contents": "read", "pull-requests": "write"}},
    ),
    "deploy.yml": ({"contents": "read"}, {"pulumi": {"contents": "read", "id-token": "write"}}),
}


def workflow(name: str) -> dict[str, Any]:
    content: dict[Any, Any] = yaml.safe_load(FILES[name].read_text())
    content["on"] = content.pop(True)  # YAML 1.1 reads the key `on` as a boolean
    return content


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in workflow(name)["jobs"].values():
        yield from job["steps"]


def script(name: str, step: str) -> str:
    (found,) = [each["run"] for each in steps(name) if each.get("name") == step]
    return str(found)


def test_every_workflow_is_known_here() -> None:
    assert FILES.keys() == PERMISSIONS.keys()


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
def test_a_workflow_may_do_no_more_than_it_has_to(name: str) -> None:
    content, (top, by_job) = workflow(name), PERMISSIONS[name]
    assert content["permissions"] == top
    found = {job: body["permissions"] for job, body in content["jobs"].items() if "permissions" in body}
    assert found == by_job
    assert all(job["timeout-minutes"] <= 60 for job in content["jobs"].values())


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
def test_every_action_is_pinned_by_its_commit(name: str) -> None:
    used = [step["uses"] for step in steps(name) if "uses" in step]
    lines = [line for line in FILES[name].read_text().splitlines() if "uses:" in line]
    assert used
    assert len(lines) == len(used)
    assert [line for line in lines if not PINNED.search(line)] == []


def test_an_action_has_one_pin_everywhere() -> None:
    lines = {
        line.strip().removeprefix("- ")
        for file in FILES.values()
        for line in file.read_text().splitlines()
        if "uses:" in line
    }
    actions = [line.partition("@")[0] for line in lines]
    assert len(actions) >= 8
    assert sorted(actions) == sorted(set(actions))


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
def test_no_script_is_put_together_from_what_others_wrote(name: str) -> None:
    """An expression is replaced before the shell reads the script: a branch's name could be a command."""
    scripts = [step["run"] for step in steps(name) if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


def test_no_code_of_a_fork_meets_a_credential() -> None:
    triggers = {name: set(workflow(name)["on"]) for name in FILES}
    assert not any("pull_request_target" in found for found in triggers.values())
    assert [name for name, found in triggers.items() if "workflow_run" in found] == ["preview-comment.yml"]
    assert triggers["preview.yml"] == {"pull_request"}
    assert not any("secrets." in file.read_text() for file in FILES.values())
    checkouts = [
        (name, step["with"])
        for name in FILES
        for step in steps(name)
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert len(checkouts) == 5
    assert all(options["persist-credentials"] is False for _, options in checkouts)
    refs = {name: options["ref"] for name, options in checkouts if "ref" in options}
    assert refs == {"preview-comment.yml": "${{ github.event.repository.default_branch }}"}


def test_the_deployment_is_off_until_it_is_set_up_and_closed_to_forks() -> None:
    job = workflow("deploy.yml")["jobs"]["pulumi"]
    assert job["if"].startswith("vars.PULUMI_BACKEND_URL != '' &&")
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
    assert job["environment"] == "${{ github.event_name == 'push' && 'prod' || 'prod-preview' }}"
    (pulumi,) = [step for step in job["steps"] if step.get("uses", "").startswith("pulumi/actions@")]
    assert pulumi["with"]["command"] == "${{ github.event_name == 'push' && 'up' || 'preview' }}"
    assert pulumi["with"]["pulumi-version"] == pulumi_cli.INSTALLED


def zizmor(target: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ZIZMOR, "--offline", "--no-progress", "--strict-collection", "--persona", "auditor", target],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_zizmor_finds_nothing() -> None:
    done = zizmor(FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"completed \S+\.ya?ml", done.stderr)) == len(FILES) == 4
    ignored = [line for file in FILES.values() for line in file.read_text().splitlines() if "zizmor:" in line]
    (only,) = ignored
    assert re.search(r"zizmor: ignore\[dangerous-triggers\] \w+", only), "an exception needs a reason"


BAD = """
name: bad
on: {trigger}
permissions: {permissions}
concurrency: {{group: bad, cancel-in-progress: true}}
jobs:
  bad:
    name: bad
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@{pin}
        with: {{persist-credentials: {persist}}}
      - run: echo {words}
"""
GOOD = {
    "trigger": "[pull_request]",
    "permissions": "{}",
    "pin": "de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2",
    "persist": "false",
    "words": "hello",
}


@pytest.mark.parametrize(
    ("change", "audit"),
    [
        ({"trigger": "[pull_request_target]"}, "dangerous-triggers"),
        ({"permissions": "write-all"}, "excessive-permissions"),
        ({"pin": "v6"}, "unpinned-uses"),
        ({"persist": "true"}, "artipacked"),
        ({"words": "${{ github.event.pull_request.title }}"}, "template-injection"),
    ],
)
def test_zizmor_would_find_what_must_not_be(tmp_path: Path, change: dict[str, str], audit: str) -> None:
    file = tmp_path / "bad.yml"
    file.write_text(BAD.format(**GOOD))
    assert zizmor(file).returncode == 0
    file.write_text(BAD.format(**{**GOOD, **change}))
    done = zizmor(file)
    assert done.returncode > 10, done.stdout + done.stderr
    assert f"[{audit}]" in done.stdout


@pytest.fixture
def runner(tmp_path: Path) -> "Runner":
    return Runner(tmp_path)


class Runner:
    """A checkout on a runner of GitHub's."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.temporary = folder / "checkout", folder / "runner"
        self.summary, self.output = folder / "summary.md", folder / "output"
        self.arguments = folder / "arguments"
        for made in (self.checkout / "tools", self.temporary, folder / "bin"):
            made.mkdir(parents=True)
        (self.checkout / "Pulumi.yaml").write_text("name: shop\ndescription: A shop.\n")
        # As `make setup` leaves it, with the environment that this test runs in.
        (self.checkout / ".venv").symlink_to(VENV)
        (self.checkout / "tools" / "environment.py").write_text(
            "import os, sys\nassert sys.argv[1] == '--'\nos.execvp(sys.argv[2], sys.argv[2:])\n"
        )
        self.path = os.pathsep.join([str(folder / "bin"), str(VENV / "bin"), os.environ["PATH"]])

    def pretend(self, report: str, status: int) -> None:
        """Put a `modelberth` first on PATH that prints and ends like this."""
        program = self.summary.parent / "bin" / "modelberth"
        program.write_text(
            f'#!/bin/sh\necho "$@" > {self.arguments}\nprintf %s {shlex.quote(report)}\n'
            f"echo oops >&2\nexit {status}\n"
        )
        program.chmod(0o755)

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.checkout, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything; the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, old: str, new: str) -> None:
        """Change the one place of the stack's config that has it."""
        file = self.checkout / "Pulumi.dev.yaml"
        assert file.read_text().count(old) == 1
        file.write_text(file.read_text().replace(old, new))

    def run(self, step: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run a step's script as GitHub does for `shell: bash`."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script("preview.yml", step)],
            cwd=self.checkout,
            env={
                "PATH": self.path,
                "RUNNER_TEMP": str(self.temporary),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_OUTPUT": str(self.output),
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


REPORT = "<!-- modelberth-preview: shop/dev -->\n**1 endpoint changes.**\n"


@pytest.mark.parametrize("status", [0, 1, 10, 11, 12])
def test_the_report_is_kept_whatever_it_says(runner: Runner, status: int) -> None:
    runner.pretend(REPORT, status)
    done = runner.run("Compare with the base", BASE="b" * 40, HEAD="a" * 40, STACK="dev")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "oops\n"
    assert (runner.temporary / "preview" / "comment.md").read_text() == REPORT == runner.summary.read_text()
    assert runner.output.read_text() == f"status={status}\n"
    assert runner.arguments.read_text() == f"diff {'b' * 40}...{'a' * 40} --stack dev --format markdown\n"


def test_without_a_report_the_comment_says_so(runner: Runner) -> None:
    runner.pretend("", 7)
    done = runner.run("Compare with the base", BASE="b", HEAD="a", STACK="dev")
    assert done.returncode == 0, done.stderr
    assert runner.summary.read_text() == (
        "<!-- modelberth-preview: shop/dev -->\n**No preview could be made**, see the log.\n"
    )
    assert runner.output.read_text() == "status=7\n"


@pytest.mark.engine
def test_a_pull_request_that_changes_one_field(runner: Runner) -> None:
    """What the comment says is that field's effect alone, though `main` went on; nobody has a credential."""
    shutil.copytree(CLOUDS, runner.checkout, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (runner.checkout / ".gitignore").write_text(".venv\ntools\n__pycache__\n")
    runner.git("init", "--quiet", "--initial-branch", "main")
    runner.commit("Three endpoints")
    runner.git("switch", "--quiet", "--create", "branch")
    runner.edit("memoryMib: 2048", "memoryMib: 4096")
    head = runner.commit("More memory for scoring")
    runner.git("switch", "--quiet", "main")
    runner.edit("maxInstances: 2\n", "maxInstances: 3\n")
    base = runner.commit("More instances for vision")
    runner.git("switch", "--quiet", "branch")

    done = runner.run("Compare with the base", BASE=base, HEAD=head, STACK="dev")

    assert done.returncode == 0, done.stderr
    assert runner.output.read_text() == "status=10\n", runner.summary.read_text() + done.stderr
    comment = (runner.temporary / "preview" / "comment.md").read_text()
    marker, _, text = comment.partition("\n")
    assert marker == "<!-- modelberth-preview: shop/dev -->"
    assert "1 endpoint changes: `scoring`" in text
    assert "`memorySize` 2048 → 4096" in text
    assert "unchanged: `ranking`, `vision`" in text
    assert re.search(r"\| `scoring` .*\$\d+\.\d\d → \$\d+\.\d\d", text), "the bill, before and after"
    assert "maxInstance" not in text
    assert runner.run("Verdict", STATUS="10").returncode == 0


@pytest.mark.parametrize(
    ("status", "fails", "said"),
    [
        ("0", False, ""),
        ("10", False, ""),
        ("11", False, "::warning title=Dangerous change::"),
        ("12", True, "::error title=Refused::"),
        ("1", True, "::error title=The program fails::"),
        ("7", True, "::error title=No preview::modelberth diff ended with status 7"),
    ],
)
def test_the_verdict(runner: Runner, status: str, fails: bool, said: str) -> None:
    done = runner.run("Verdict", STATUS=status)
    assert (done.returncode == 1) is fails
    assert done.stdout.startswith(said)
    assert done.stdout.count("::") == (2 if said else 0)
