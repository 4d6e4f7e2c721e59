from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml


@pytest.fixture
def project(machine, repository: Path, outside_make: dict[str, str]):
    """Give a checkout with the real Makefile and tools, where all programs that they call are pretended."""
    root = machine.checkout.root
    shutil.copy(repository / "Makefile", root)
    shutil.copytree(repository / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__", "go"))
    uv = machine.uv()
    machine.pulumi("v3.250.0")
    machine.program("ruff", 'echo "ruff $*" >> "$LOG"')
    machine.program("mypy", 'echo "mypy $*" >> "$LOG"')
    machine.program("pytest", 'echo "pytest $*" >> "$LOG"; exit "${PYTEST_CODE:-0}"')
    machine.program(
        "modelberth", 'echo "modelberth [$1] [$2] [$3] $PULUMI_BACKEND_URL" >> "$LOG"; exit "${CLI_CODE:-0}"'
    )
    # The environment's programs, as installing the packages would put them there.
    bin_folder = machine.checkout.venv / "bin"
    linters = " ".join(f"'{machine.folder}/bin/{name}'" for name in ("ruff", "mypy"))
    uv.write_text(f"{uv.read_text()}\n[ \"$1\" != venv ] || cp {linters} '{bin_folder}/'\n")
    machine.environ = {
        **outside_make,
        **machine.environ,
        "PATH": f"{machine.environ['PATH']}:{os.environ['PATH']}",
    }
    return machine


def make(machine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=machine.checkout.root,
        env=machine.environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_is_the_default_and_lists_every_target(project, repository: Path) -> None:
    declared = re.search(r"^\.PHONY: (.*)$", (repository / "Makefile").read_text(), re.MULTILINE)
    assert declared
    listed = make(project).stdout
    assert make(project, "help").stdout == listed
    assert [line.split()[1] for line in listed.splitlines()] == declared[1].split()
    assert {"setup", "up", "preview", "down", "test", "lint", "env", "lock"} < set(declared[1].split())
    assert all(len(line) > 25 for line in listed.splitlines())


@pytest.mark.parametrize("target", ["up", "preview", "down", "recover"])
def test_a_stack_target_sets_up_and_calls_the_command_in_the_environment(project, target: str) -> None:
    first = make(project, target)
    assert first.returncode == 0, first.stderr
    calls = project.calls()
    assert any(call.startswith("uv pip sync") for call in calls)
    assert calls[-1] == f"modelberth [{target}] [--stack] [dev] {project.checkout.backend_url}"
    assert make(project, target, "STACK=prod").returncode == 0
    assert [call for call in project.calls() if not call.startswith("uv --version")] == [
        f"modelberth [{target}] [--stack] [prod] {project.checkout.backend_url}"
    ]


def test_a_stack_name_is_one_word_and_never_run(project) -> None:
    name = "a b'c\"; touch pwned; `touch pwned` $(touch pwned)"
    assert make(project, "up", "STACK=" + name.replace("$", "$$")).returncode == 0
    assert f"[--stack] [{name}]" in project.calls()[-1]
    assert not (project.checkout.root / "pwned").exists()


def test_a_failure_is_passed_on(project) -> None:
    project.environ["CLI_CODE"] = "3"
    done = make(project, "up")
    assert done.returncode != 0
    assert "Error 3" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_set_up_stops_the_target(project) -> None:
    project.program("uv", 'echo uv 0.13.9; [ "$1" = --version ]')
    done = make(project, "up")
    assert done.returncode != 0
    assert "error: `" in done.stderr
    assert not any(call.startswith("modelberth") for call in project.calls())


def test_test_means_set_up_then_lint_then_pytest(project) -> None:
    done = make(project, "test", 'ARGS=-x -k "one two"')
    assert done.returncode == 0, done.stderr
    assert [call for call in project.calls() if not call.startswith(("uv", "pulumi"))] == [
        "ruff check .",
        "ruff format --check .",
        "mypy components stacks serving_image tools benchmarks",
        "pytest --numprocesses auto -x -k one two",
    ]
    project.environ["PYTEST_CODE"] = "1"
    assert make(project, "test").returncode != 0


def test_the_cluster_has_its_own_targets(project) -> None:
    done = make(project, "test-cluster", "ARGS=-x")
    assert done.returncode == 0, done.stderr
    assert project.calls()[-1] == "pytest tests/cluster -x"
    dry = make(project, "--dry-run", "cluster-tools", "onprem", "onprem-down")
    assert dry.stdout.splitlines() == [
        "python3 tools/cluster tools",
        "python3 tools/onprem up",
        "python3 tools/onprem down",
    ]


def test_a_lint_finding_stops_the_tests(project) -> None:
    make(project, "setup")
    project.calls()
    project.program("ruff", "exit 1", project.checkout.venv / "bin")
    assert make(project, "test").returncode != 0
    assert not any(call.startswith("pytest") for call in project.calls())


def test_a_shell_can_evaluate_env_at_any_time(project) -> None:
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", 'eval "$(make env)" && echo "$PULUMI_BACKEND_URL"'],
            cwd=project.checkout.root,
            env=project.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{project.checkout.backend_url}\n"


def test_lock_regenerates_every_lock_file(project, repository: Path) -> None:
    root = project.checkout.root
    for name in ("serving_image/image/lock.py", "serving_image/image/bases.toml", "pyproject.toml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, root / name)
    rivals = root / "benchmarks" / "serving" / "rivals"
    rivals.mkdir(parents=True)
    (rivals / "other.in").write_text("other\n")
    done = make(project, "lock", "ARGS=--upgrade")
    assert done.returncode == 0, done.stderr
    calls = [call for call in project.calls() if call.startswith("uv pip compile")]
    common = "uv pip compile --quiet --generate-hashes --custom-compile-command make lock --upgrade"
    whole, serving, native, tools, checkov, rival = calls
    assert whole == (
        f"{common} --universal --python-version 3.11 --all-extras --output-file requirements/all.lock "
        "pyproject.toml"
    )
    assert "--constraint requirements/all.lock --output-file requirements/serving.lock --upgrade" in serving
    assert "--constraint requirements/all.lock --output-file requirements/native.lock --upgrade" in native
    assert tools == f"{common} --no-annotate --output-file tools/uv.txt tools/uv.in"
    folder = "tests/support/clouds"
    assert checkov == (
        f"{common} --no-annotate --python-version 3.11 --output-file {folder}/checkov.txt {folder}/checkov.in"
    )
    assert rival.startswith("uv pip compile ")
    assert "--upgrade --output-file benchmarks/serving/rivals/other.txt" in rival
    locks = {path.relative_to(repository).as_posix() for path in repository.glob("requirements/*.lock")}
    assert locks == {f"requirements/{name}.lock" for name in ("all", "serving", "native")}


def test_clean_keeps_the_state(project) -> None:
    make(project, "up")
    passphrase = project.checkout.passphrase.read_text()
    assert make(project, "clean").returncode == 0
    assert not project.checkout.venv.exists()
    assert project.checkout.passphrase.read_text() == passphrase


@pytest.mark.parametrize(
    ("user", "failing", "status", "ran"),
    [
        (0, "", 0, ["cluster-tools", "test"]),
        (0, "test", 6, ["cluster-tools", "test"]),
        # Without the tools the tests on a real cluster would be left out, and nobody would see it.
        (0, "cluster-tools", 6, ["cluster-tools"]),
        (1000, "", 1, []),
    ],
)
def test_ci_brings_the_cluster_tools_then_runs_make_test_and_nothing_more(
    machine, repository: Path, user: int, failing: str, status: int, ran: list[str]
) -> None:
    script = repository / ".ci" / "run"
    machine.program("make", f'echo "$PWD: make $*" >> "$LOG"; [ "$*" != "{failing}" ] || exit 6')
    machine.program("id", f"echo {user}")
    environ = {**os.environ, "PATH": f"{machine.environ['PATH']}:{os.environ['PATH']}"}
    done = subprocess.run(
        [script], cwd=machine.folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert machine.calls() == [f"{repository}: make {target}" for target in ran]
    assert ("error: the pods of tests/cluster take root" in done.stderr) is bool(user)


def test_the_workflow_runs_make_test_with_pinned_actions(repository: Path) -> None:
    text = (repository / ".github" / "workflows" / "test.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    job, cluster = workflow["jobs"]["test"], workflow["jobs"]["cluster"]
    assert len(workflow["jobs"]) == 2
    assert job["timeout-minutes"] <= 60
    assert job["strategy"]["matrix"] == {"os": ["ubuntu-latest", "macos-latest"], "python": ["3.11", "3.13"]}
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]
    as_root = 'sudo env "PATH=$PATH" "HOME=$HOME" make'
    assert [step["run"] for step in cluster["steps"] if "run" in step] == [
        f"{as_root} setup cluster-tools",
        f"{as_root} test-cluster",
        f"{as_root} onprem onprem-down",
    ]
    saves = [step for step in cluster["steps"] if "/save@" in step.get("uses", "")]
    assert [cluster["steps"].index(step) for step in saves] == [4], "after the build, before the tests"
    uses = re.findall(r"uses: (.*)", text)
    assert len(uses) == 7
    assert all(re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in uses)
    assert job["steps"][0]["with"] == {"persist-credentials": False}
