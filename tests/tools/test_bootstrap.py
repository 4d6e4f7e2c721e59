from __future__ import annotations

import ast
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap
from bootstrap import set_up
from console import SetupError
from record import SetupRecord

TOOLS = Path(bootstrap.__file__).parent


@pytest.fixture
def ready(machine):
    """Give a machine with uv and a CLI, set up once."""
    machine.uv()
    machine.pulumi("v3.250.0")
    set_up(machine.checkout, machine.environ)
    return machine


def test_the_first_set_up_makes_everything(machine, capsys: pytest.CaptureFixture[str]) -> None:
    uv, cli = machine.uv(), machine.pulumi("v3.255.0")
    record = set_up(machine.checkout, machine.environ)
    venv, python = machine.checkout.venv, machine.checkout.python
    assert machine.calls() == [
        "uv --version",
        f"uv venv --clear --no-project --python {sys.executable} {venv}",
        f"uv pip sync --python {python} --require-hashes {machine.checkout.requirements}",
        f"uv pip install --python {python} --no-deps --no-build-isolation --editable .",
        "pulumi version",
    ]
    assert record.cli.path == str(cli)
    assert record == SetupRecord.read(machine.checkout.record)
    assert capsys.readouterr().out.splitlines() == [
        f"uv        0.13.9 from PATH, {uv}",
        f"python    {platform.python_version()} in .venv, made from {sys.executable}",
        "packages  those of requirements/all.lock, in 0 s",
        "packages  this project, editable",
        f"pulumi    3.255.0 from PATH, {cli}",
    ]


def test_nothing_is_done_when_nothing_changed(ready, capsys: pytest.CaptureFixture[str]) -> None:
    ready.calls()
    capsys.readouterr()
    set_up(ready.checkout, ready.environ)
    assert ready.calls() == []
    cli = ready.folder / "bin" / "pulumi"
    python = platform.python_version()
    assert capsys.readouterr().out == f"setup     ready: Python {python} in .venv, Pulumi 3.250.0 at {cli}\n"


@pytest.mark.parametrize("changed", ["requirements/all.lock", "pyproject.toml"])
def test_changed_packages_are_installed_into_the_same_environment(ready, changed: str) -> None:
    ready.calls()
    file = ready.checkout.root / changed
    file.write_text(file.read_text() + "\n")
    set_up(ready.checkout, ready.environ)
    subcommands = [call.split()[1:3] for call in ready.calls() if call.startswith("uv")]
    assert subcommands == [["--version"], ["pip", "sync"], ["pip", "install"]]
    set_up(ready.checkout, ready.environ)
    assert ready.calls() == []


def test_another_python_makes_the_environment_anew(ready) -> None:
    (ready.checkout.venv / "pyvenv.cfg").write_text("version_info = 3.10.1\n")
    ready.checkout.record.unlink()
    ready.calls()
    set_up(ready.checkout, ready.environ)
    assert any(call.startswith("uv venv --clear") for call in ready.calls())


def test_an_environment_whose_python_is_gone_is_made_anew(ready) -> None:
    ready.checkout.python.unlink()
    ready.checkout.python.symlink_to("/no/such/python")
    ready.calls()
    set_up(ready.checkout, ready.environ)
    assert any(call.startswith("uv venv --clear") for call in ready.calls())
    assert ready.checkout.python.exists()


def test_a_moved_checkout_is_set_up_again(ready) -> None:
    moved = ready.folder / "moved"
    ready.checkout.root.rename(moved)
    ready.calls()
    set_up(type(ready.checkout).of(moved, ready.environ), ready.environ)
    assert any(call.startswith("uv pip install") for call in ready.calls())


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"cli": null, "on_path": null}', '{"cli"'])
def test_a_record_that_cannot_be_read_counts_as_none(ready, content: str) -> None:
    ready.checkout.record.write_text(content)
    ready.calls()
    set_up(ready.checkout, ready.environ)
    assert any(call.startswith("uv pip sync") for call in ready.calls())


def test_an_upgraded_cli_is_looked_at_again_and_nothing_else(ready) -> None:
    ready.calls()
    ready.pulumi("v3.262.0-upgraded")
    assert set_up(ready.checkout, ready.environ).cli_version == "3.262.0"
    assert ready.calls() == ["pulumi version"]


def test_a_cli_that_was_removed_gives_way_to_the_cached_one(ready) -> None:
    cached = ready.pulumi("v3.250.0", ready.checkout.cached_bin)
    (ready.folder / "bin" / "pulumi").unlink()
    assert set_up(ready.checkout, ready.environ).cli.path == str(cached)


def test_a_cli_that_appears_on_path_is_preferred_to_the_cached_one(ready) -> None:
    ready.pulumi("v3.250.0", ready.checkout.cached_bin)
    cli = ready.folder / "bin" / "pulumi"
    aside = cli.rename(ready.folder / "aside")
    assert set_up(ready.checkout, ready.environ).cli.path != str(cli)
    aside.rename(cli)
    assert set_up(ready.checkout, ready.environ).cli.path == str(cli)


def test_a_set_up_that_was_cut_off_is_done_again(ready) -> None:
    works = (ready.folder / "bin" / "uv").read_text()
    ready.program(
        "uv", 'case "$1" in --version) echo uv 0.13.9 ;; *) echo "no route to host" >&2; exit 2 ;; esac'
    )
    ready.checkout.requirements.write_text("two==2\n")
    with pytest.raises(SetupError, match="no route to host"):
        set_up(ready.checkout, ready.environ)
    assert not ready.checkout.record.exists()
    (ready.folder / "bin" / "uv").write_text(works)
    ready.checkout.requirements.write_text("one==1 --hash=sha256:0\n")
    ready.calls()
    set_up(ready.checkout, ready.environ)
    assert any(call.startswith("uv pip sync") for call in ready.calls())


def run_with_old_python(path: str) -> subprocess.CompletedProcess[str]:
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 2); sys.argv = [sys.argv[1], 'argument'];"
        " runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", pretend, str(TOOLS / "bootstrap.py")],
        env={"PATH": path},
        check=False,
        capture_output=True,
        text=True,
    )


def test_an_old_python_is_told_what_to_install(tmp_path: Path) -> None:
    done = run_with_old_python(str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: Python 3.11 or newer is needed; {sys.executable} is 3.9. Install it"
    )
    assert len(done.stderr.splitlines()) == 1


def test_an_old_python_gives_way_to_a_newer_one_on_path(machine) -> None:
    machine.program("python3.12", 'echo "python3.12 $*"; exit 5')
    done = run_with_old_python(str(machine.folder / "bin"))
    assert done.returncode == 5
    assert done.stdout == f"python3.12 {TOOLS / 'bootstrap.py'} argument\n"


def test_an_old_python_can_read_the_file_that_says_so() -> None:
    tree = ast.parse((TOOLS / "bootstrap.py").read_text(), feature_version=(3, 7))
    assert any(isinstance(node, ast.If) for node in tree.body)


def test_the_tools_import_nothing_but_the_standard_library() -> None:
    # It writes a table from the packages that a set-up has installed.
    later = TOOLS / "input_rules.py"
    files = sorted({*TOOLS.glob("*.py"), *TOOLS.glob("cluster/*.py")} - {later})
    assert later.is_file()
    own = {file.stem for file in TOOLS.glob("*.py")} | {"cluster"}
    imported: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert len(files) > 8
    assert len(imported) > 20
    assert imported <= own | sys.stdlib_module_names
    assert not own & sys.stdlib_module_names


def test_a_checkout_that_cannot_be_written_is_one_line(machine) -> None:
    (machine.checkout.root / "tools").symlink_to(TOOLS)
    blocked = machine.checkout.root / ".state"
    blocked.write_text("a file is in the way")
    code = (
        f"import sys; sys.path.insert(0, {str(TOOLS)!r})\nimport bootstrap\nfrom checkout import Checkout\n"
    )
    code += "from pathlib import Path\nimport os\nfrom console import exit_code\n"
    code += f"checkout = Checkout.of(Path({str(machine.checkout.root)!r}), os.environ)\n"
    code += "sys.exit(exit_code(lambda: bool(bootstrap.set_up(checkout, os.environ)) and 0))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **machine.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {blocked}: File exists\n"
