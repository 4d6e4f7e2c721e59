from __future__ import annotations

import sys

import pytest

import console
from console import CommandError, Progress, SetupError, exit_code, run


def test_a_command_without_trouble_says_nothing(machine, capfd: pytest.CaptureFixture[str]) -> None:
    program = machine.program("quiet", "echo output; echo more >&2")
    run([program], step="step", doing="working", environ=machine.environ)
    assert capfd.readouterr() == ("", "")


def test_a_command_that_fails_shows_the_end_of_its_output(machine) -> None:
    program = machine.program(
        "broken", "for i in 1 2 3 4 5 6 7 8 9; do echo $i$i; echo err$i >&2; done; exit 4"
    )
    with pytest.raises(CommandError) as error:
        run([program], step="step", doing="working", environ=machine.environ)
    lines = str(error.value).splitlines()
    assert "ended with code 4" in lines[0]
    assert str(program) in lines[0]
    assert lines[-1] == "err9"
    assert "11" not in lines


def test_a_command_that_is_not_there_is_told(machine) -> None:
    with pytest.raises(CommandError, match="no-such-program cannot be started"):
        run(["no-such-program"], step="step", doing="working", environ=machine.environ)


def test_a_command_without_end_is_ended(machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "TICK_S", 0.01)
    machine.system_programs("sleep")
    program = machine.program("endless", "echo before; exec sleep 600")
    with pytest.raises(CommandError, match="working: no end after 1 s\nbefore"):
        run([program], step="step", doing="working", environ=machine.environ, timeout_s=1)


def test_a_long_command_reports_what_it_does(
    machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "TICK_S", 0.01)
    monkeypatch.setattr(console, "REPORT_EVERY_S", 0.0)
    machine.system_programs("sleep")
    program = machine.program("long", "echo compiling example.org/module; sleep 0.3")
    run([program], step="build", doing="building it", environ=machine.environ)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert lines[-1] == "build     building it: 0 s  compiling example.org/module"


def test_progress_off_a_terminal_is_rare(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("step", "working")
    for _ in range(100):
        progress.tick("detail")
    progress.done()
    assert capsys.readouterr().out == ""


def test_progress_on_a_terminal_stays_on_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    progress = Progress("step", "working")
    progress.tick("x" * 100)
    progress.done()
    shown = capsys.readouterr().out
    assert "\n" not in shown
    first, last = shown.split("\r\033[K")[1:]
    assert len(first) == 39
    assert last == ""


@pytest.mark.parametrize(
    ("problem", "code", "line"),
    [
        (SetupError("install it"), 1, "error: install it\n"),
        (PermissionError(13, "Permission denied", "/cache"), 1, "error: /cache: Permission denied\n"),
        (KeyboardInterrupt(), 130, "interrupted: run the same command again to go on\n"),
    ],
)
def test_a_problem_is_one_line_and_an_exit_code(
    problem: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> int:
        raise problem

    assert exit_code(main) == code
    assert capsys.readouterr() == ("", line)
    assert exit_code(lambda: 7) == 7
