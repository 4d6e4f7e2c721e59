from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import environment
import state
from checkout import Checkout
from console import SetupError
from environment import variables
from go_build import BUILT_FROM_SOURCE
from record import Program, SetupRecord

ODD = 'it\'s a "check out" 100%20é #1 $HOME `x` ?&'
DUMP = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Give a set-up checkout, with its own copy of the tools, at a path that quoting has to survive."""
    root = tmp_path / ODD
    shutil.copytree(
        Path(environment.__file__).parent, root / "tools", ignore=shutil.ignore_patterns("__pycache__")
    )
    cli = tmp_path / "cli's folder" / "pulumi"
    cli.parent.mkdir()
    cli.touch()
    made = Checkout.of(root, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    made.venv.mkdir()
    program = Program.of(cli)
    assert program
    SetupRecord("inputs", program, "3.250.0", None).write(made.record)
    return made


def script(checkout: Checkout, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(checkout.root / "tools" / "environment.py"), *arguments]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_a_shell_gets_the_very_same_environment_as_a_command(checkout: Checkout) -> None:
    theirs = {"PULUMI_BACKEND_URL": "s3://theirs", "PULUMI_CONFIG_PASSPHRASE": "theirs", "PYTHONHOME": ""}
    printed = script(checkout, **theirs)
    assert printed.returncode == 0, printed.stderr
    evaluated = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1" && exec "$2" -c "$3"', "sh", printed.stdout, sys.executable, DUMP],
        env={**os.environ, **theirs},
        capture_output=True,
        text=True,
        check=True,
    )
    in_shell = json.loads(evaluated.stdout)
    in_command = json.loads(script(checkout, "--", sys.executable, "-c", DUMP, **theirs).stdout)
    expected = variables(checkout, os.environ)
    assert len(expected) == 10
    for name, value in expected.items():
        assert in_shell.get(name) == in_command.get(name) == value, name


def test_what_the_embedded_default_consists_of(checkout: Checkout) -> None:
    values = variables(checkout, {"PATH": "/usr/bin:/bin"})
    cli = SetupRecord.read(checkout.record).cli.path  # type: ignore[union-attr]
    assert values["PATH"] == f"{checkout.venv}/bin:{Path(cli).parent}:/usr/bin:/bin"
    assert values["PULUMI_HOME"] == f"{checkout.root}/.state/home"
    assert values["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{checkout.root}/.state/passphrase"
    assert values["PULUMI_BACKEND_URL"] == checkout.backend_url
    assert values["PULUMI_BACKEND_URL"].startswith("file:///")
    assert " " not in values["PULUMI_BACKEND_URL"]
    assert values["VIRTUAL_ENV"] == str(checkout.venv)
    assert values["PULUMI_CONFIG_PASSPHRASE"] is None


def test_the_path_does_not_grow_when_it_is_set_twice(checkout: Checkout) -> None:
    once = variables(checkout, {"PATH": "/usr/bin:/bin"})["PATH"]
    assert once
    assert variables(checkout, {"PATH": once})["PATH"] == once


def test_plugins_are_not_looked_for_only_where_none_can_come(checkout: Checkout) -> None:
    name = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
    assert variables(checkout, {})[name] is None
    cli = SetupRecord.read(checkout.record).cli.path  # type: ignore[union-attr]
    Path(cli).with_name(BUILT_FROM_SOURCE).touch()
    assert variables(checkout, {})[name] == "true"


def test_the_passphrase_is_made_once_and_for_its_owner_only(checkout: Checkout) -> None:
    first, second = script(checkout), script(checkout)
    passphrase = checkout.passphrase.read_text().strip()
    assert len(passphrase) >= 40
    assert checkout.passphrase.stat().st_mode & 0o777 == 0o600
    assert checkout.state.stat().st_mode & 0o777 == 0o700
    assert first.stdout == second.stdout
    assert passphrase not in first.stdout + first.stderr + second.stderr
    assert sorted(path.name for path in checkout.state.iterdir()) == ["backend", "home", "passphrase"]


def test_two_checkouts_have_two_passphrases(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        checkout = Checkout.of(tmp_path / name, {})
        state.prepare(checkout)
        made.append(checkout.passphrase.read_text())
    assert made[0] != made[1]


def test_of_two_processes_that_start_at_once_the_first_ones_passphrase_stays(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(size: int) -> str:
        checkout.passphrase.write_text("the first one's\n")
        return "the second one's"

    monkeypatch.setattr(state.secrets, "token_urlsafe", meanwhile)
    state.prepare(checkout)
    assert checkout.passphrase.read_text() == "the first one's\n"
    assert sorted(path.name for path in checkout.state.iterdir()) == ["backend", "home", "passphrase"]


@pytest.mark.parametrize("folder", ["project/dev.json", "dev.json"])
def test_a_lost_passphrase_is_not_replaced_while_stacks_need_it(checkout: Checkout, folder: str) -> None:
    state.prepare(checkout)
    checkpoint = checkout.backend / ".pulumi" / "stacks" / folder
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("{}")
    state.prepare(checkout)
    checkout.passphrase.unlink()
    done = script(checkout)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {checkout.passphrase} is missing, and only it decrypts")
    assert not checkout.passphrase.exists()
    checkpoint.unlink()
    state.prepare(checkout)
    assert checkout.passphrase.exists()


def test_an_empty_passphrase_is_refused(checkout: Checkout) -> None:
    checkout.state.mkdir()
    checkout.passphrase.write_text("\n")
    with pytest.raises(SetupError, match="passphrase is empty: restore it"):
        state.prepare(checkout)


def test_a_checkout_that_is_not_set_up_is_told(checkout: Checkout) -> None:
    checkout.record.unlink()
    done = script(checkout, "--", "true")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: this checkout is not set up: run `make setup` first\n"
    assert not checkout.state.exists()


def test_a_path_that_path_cannot_hold_is_told(checkout: Checkout, tmp_path: Path) -> None:
    moved = Checkout.of(checkout.root.rename(tmp_path / "a:b"), {})
    with pytest.raises(SetupError, match=r"PATH cannot hold .*a:b"):
        variables(moved, {})


@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        (("sh", "-c", "exit 7"), 7, ""),
        (("no-such-command",), 127, "error: there is no command no-such-command\n"),
        (("/",), 126, "error: / cannot be started: Permission denied\n"),
    ],
)
def test_a_commands_exit_code_is_passed_on(
    checkout: Checkout, command: tuple[str, ...], code: int, line: str
) -> None:
    done = script(checkout, "--", *command)
    assert (done.returncode, done.stderr) == (code, line)


@pytest.mark.parametrize("arguments", [("--",), ("true",), ("--help",)])
def test_wrong_arguments_get_the_usage(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    done = script(checkout, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: environment.py [-- COMMAND…]\n"


@pytest.mark.engine
def test_the_real_cli_keeps_its_state_in_the_checkout(checkout: Checkout, tmp_path: Path) -> None:
    cli = shutil.which("pulumi")
    assert cli, "the Pulumi CLI is not on PATH: run the tests with `make test`"
    program = Program.of(Path(cli))
    assert program
    SetupRecord("inputs", program, "3.250.0", None).write(checkout.record)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "Pulumi.yaml").write_text("name: project\nruntime: python\n")
    home = tmp_path / "home"
    home.mkdir()
    command = [
        sys.executable,
        str(checkout.root / "tools" / "environment.py"),
        "--",
        "pulumi",
        "stack",
        "init",
        "dev",
    ]
    subprocess.run(
        command,
        cwd=tmp_path / "project",
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        check=True,
    )
    assert (checkout.backend / ".pulumi" / "stacks" / "project" / "dev.json").is_file()
    assert list(home.iterdir()) == []
