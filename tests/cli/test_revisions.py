"""Revisions of a real git repository, which is never touched."""

import shutil
import subprocess
from pathlib import Path

import pytest

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.revisions import Repository


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two commits on `main`, the first tagged `one`, and a branch `side` off the first."""
    root = tmp_path / "a project"
    (root / "stacks").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch", "main")
    (root / "stacks" / "program.py").write_text("first")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / ".gitignore").write_text("ignored\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "one")
    git(root, "tag", "one")
    git(root, "switch", "--quiet", "--create", "side")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "aside")
    git(root, "switch", "--quiet", "main")
    (root / "stacks" / "program.py").write_text("second")
    git(root, "commit", "--quiet", "--all", "--message", "two")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Repository.around(root / "stacks", scratch)


def untouched(repository: Repository) -> tuple[str, ...]:
    objects = sorted(str(file) for file in (repository.root / ".git" / "objects").rglob("*"))
    return (git(repository.root, "status", "--porcelain"), git(repository.root, "branch", "-v"), *objects)


def test_two_revisions_are_laid_out(repository: Repository, tmp_path: Path) -> None:
    before = untouched(repository)
    revisions = repository.range("one..main")
    tree = tmp_path / "tree"
    for revision, text in ((revisions.base, "first"), (revisions.head, "second")):
        repository.lay_out(revision, tree)
        assert (tree / "stacks" / "program.py").read_text() == text
        assert (tree / "run.sh").stat().st_mode & 0o111
        (tree / "left").write_text("of the one before")
    assert not (tree / ".git").exists()
    repository.lay_out(revisions.base, tree)
    assert not (tree / "left").exists()
    assert untouched(repository) == before


def test_a_side_left_out_is_the_head(repository: Repository) -> None:
    head = git(repository.root, "rev-parse", "HEAD")
    assert repository.range("one..").head.commit == head
    assert repository.range("..HEAD").base.commit == head
    assert str(repository.range("one..").head) == f"HEAD ({head[:9]})"


def test_three_dots_begin_where_the_two_parted(repository: Repository) -> None:
    found = repository.range("side...main")
    assert found.base.commit == git(repository.root, "rev-parse", "one")
    assert repository.range("side..main").base.commit == git(repository.root, "rev-parse", "side")


def test_the_base_alone_is_compared_with_the_working_tree(repository: Repository, tmp_path: Path) -> None:
    (repository.root / "stacks" / "program.py").write_text("edited")
    (repository.root / "new.py").write_text("new")
    (repository.root / "ignored").write_text("secret")
    (repository.root / "run.sh").unlink()
    before = untouched(repository)
    found = repository.range("one")
    assert str(found.head) == "the working tree"
    tree = tmp_path / "tree"
    repository.lay_out(found.head, tree)
    files = {str(file.relative_to(tree)) for file in tree.rglob("*") if file.is_file()}
    assert files == {".gitignore", "new.py", "stacks/program.py"}
    assert (tree / "stacks" / "program.py").read_text() == "edited"
    assert untouched(repository) == before


@pytest.mark.parametrize("name", ["nowhere", "--help", "-n", "main:run.sh", "one^5"])
def test_a_revision_that_does_not_exist(repository: Repository, name: str) -> None:
    with pytest.raises(Failure) as failure:
        repository.range(f"{name}..main")
    assert failure.value.status is Exit.REVISION
    assert f"revision: given {name!r}, allowed: a commit, branch or tag" in str(failure.value)


def test_a_dirty_tree_and_its_way_out(repository: Repository) -> None:
    (repository.root / "stacks" / "program.py").write_text("edited")
    with pytest.raises(Failure) as failure:
        repository.range("one..HEAD")
    assert failure.value.status is Exit.DIRTY
    assert "1 changed file that HEAD does not have (stacks/program.py)" in str(failure.value)
    assert "modelberth diff BASE" in str(failure.value)
    # A range that does not name what is checked out says nothing about the edits.
    assert repository.range("side..one").head.name == "one"


def test_an_untracked_file_is_not_dirt(repository: Repository) -> None:
    (repository.root / "comment.md").write_text("made by a job")
    assert repository.range("one..HEAD").head.name == "HEAD"


def test_histories_without_a_common_commit(repository: Repository) -> None:
    git(repository.root, "switch", "--quiet", "--orphan", "alone")
    git(repository.root, "commit", "--quiet", "--allow-empty", "--message", "alone")
    with pytest.raises(Failure, match="have no commit in common; in a shallow clone fetch more") as failure:
        repository.range("main...alone")
    assert failure.value.status is Exit.REVISION


def test_no_repository_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure, match="no git repository around") as failure:
        Repository.around(tmp_path, tmp_path)
    assert failure.value.status is Exit.REVISION
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Failure, match="`git` is not on PATH") as failure:
        Repository.around(tmp_path, tmp_path)
    assert failure.value.status is Exit.TOOL
