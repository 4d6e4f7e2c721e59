from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cache
from cache import exclusive, replace_directory, workspace

WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from cache import exclusive
counter = Path(sys.argv[3])
for _ in range(50):
    with exclusive(Path(sys.argv[2]), "step"):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def test_only_one_process_at_a_time_holds_the_lock(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    arguments = [str(Path(cache.__file__).parent), str(tmp_path / "deep" / "lock"), str(counter)]
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, *arguments], stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert counter.read_text() == "150"


def test_who_waits_for_the_lock_is_told_so_and_gets_it_after_a_kill(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    tools = f"import sys, time; sys.path.insert(0, {str(Path(cache.__file__).parent)!r})\n"
    tools += "from pathlib import Path\nfrom cache import exclusive\n"
    hold = tools + "with exclusive(Path(sys.argv[1]), 'pulumi'): print(flush=True); time.sleep(600)"
    wait = tools + "with exclusive(Path(sys.argv[1]), 'pulumi'): print('got it')"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with subprocess.Popen(
            [sys.executable, "-c", wait, str(lock)], stdout=subprocess.PIPE, text=True
        ) as waiter:
            assert waiter.stdout
            first = waiter.stdout.readline()
            assert waiter.poll() is None
            holder.kill()
            rest = waiter.stdout.read()
    assert first == f"pulumi    another set-up is at work: waiting for it to free {lock}\n"
    assert rest == "got it\n"


def test_what_a_killed_set_up_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / "unfinished-killed"
    left.mkdir()
    (left / "half").touch()
    (tmp_path / "bin").mkdir()
    with exclusive(tmp_path / "lock", "step"), workspace(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert not left.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "lock"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "bin"
    target.mkdir()
    (target / "old").touch()
    for name in ("new", "newer"):
        with workspace(tmp_path) as spare:
            (spare / "bin").mkdir()
            (spare / "bin" / name).touch()
            replace_directory(spare / "bin", target, spare)
        assert [path.name for path in target.iterdir()] == [name]
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
