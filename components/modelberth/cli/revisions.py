"""Git revisions of a project, laid out in a folder without touching the repository or its working tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from modelberth.cli.failure import Exit, Failure

__all__ = ["Range", "Repository", "Revision"]


@dataclass(frozen=True)
class Revision:
    """A commit, or the working tree as it is (`commit` is the id of a tree then)."""

    name: str
    """As the person wrote it."""
    commit: str
    is_worktree: bool = False

    def __str__(self) -> str:
        return self.name if self.is_worktree else f"{self.name} ({self.commit[:9]})"


@dataclass(frozen=True)
class Range:
    """What is compared with what."""

    base: Revision
    head: Revision


@dataclass(frozen=True)
class Repository:
    """The repository that a project's folder lies in."""

    root: Path
    scratch: Path
    """Where git may write: an index and objects that the repository does not get."""

    @classmethod
    def around(cls, folder: Path, scratch: Path) -> Repository:
        """The repository around a folder.

        Raises:
            Failure: git is missing, or there is no repository.
        """
        if shutil.which("git") is None:
            raise Failure(
                Exit.TOOL,
                "`git` is not on PATH; it is needed to compare revisions "
                "(Debian, Ubuntu: apt install git; macOS: xcode-select --install)",
            )
        found = subprocess.run(
            ["git", "rev-parse", "--show-toplevel"], cwd=folder, capture_output=True, text=True, check=False
        )
        if found.returncode != 0:
            raise Failure(Exit.REVISION, f"no git repository around {folder}: {found.stderr.strip()}")
        return cls(Path(found.stdout.strip()).resolve(), scratch)

    def range(self, text: str) -> Range:
        """Read `BASE..HEAD`, `BASE...HEAD` (from where they parted) or `BASE` (with the working tree).

        Raises:
            Failure: a revision that does not exist; changes in the working tree that the range leaves out.
        """
        for dots in ("...", ".."):
            if dots in text:
                left, _, right = text.partition(dots)
                base, head = self._revision(left or "HEAD"), self._revision(right or "HEAD")
                if dots == "...":
                    common = self._git("merge-base", base.commit, head.commit)
                    if common.returncode != 0:
                        raise Failure(
                            Exit.REVISION,
                            f"revisions: given {text!r}: {left} and {right} have no commit in common; in a "
                            "shallow clone fetch more of the history, or compare with two dots",
                        )
                    base = Revision(left or "HEAD", common.stdout.strip())
                self._require_clean(head)
                return Range(base, head)
        return Range(self._revision(text), self._worktree())

    def lay_out(self, revision: Revision, folder: Path) -> None:
        """Write the files of a revision into a folder, which is emptied first."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._do("read-tree", revision.commit)
        self._do("checkout-index", "--all", "--force", f"--prefix={folder}/")

    def _revision(self, name: str) -> Revision:
        # A leading hyphen would be an option; git has no such revision names.
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found.returncode != 0:
            raise Failure(
                Exit.REVISION,
                f"revision: given {name!r}, allowed: a commit, branch or tag of {self.root.name}. "
                "There is no such one; in a fresh or shallow clone fetch it first: git fetch origin BRANCH",
            )
        return Revision(name, found.stdout.strip())

    def _worktree(self) -> Revision:
        """All that `git add --all` would take, as a tree; written to the scratch folder only."""
        self._do("read-tree", "HEAD")
        self._do("add", "--all")
        return Revision("the working tree", self._do("write-tree").strip(), is_worktree=True)

    def _require_clean(self, head: Revision) -> None:
        """Whoever names the commit that is checked out may believe that their edits are in it."""
        if self._git("rev-parse", "HEAD").stdout.strip() != head.commit:
            return
        status = self._git(
            "status", "--porcelain", "--untracked-files=no", own_index=False
        ).stdout.splitlines()
        if status:
            files = ", ".join(line[3:] for line in status[:3]) + (" …" if len(status) > 3 else "")
            raise Failure(
                Exit.DIRTY,
                f"the working tree has {len(status)} changed file{'s' if len(status) > 1 else ''} that "
                f"{head.name} does not have ({files}). Commit or stash them, or compare with the working "
                "tree by naming the base alone: modelberth diff BASE",
            )

    def _do(self, *arguments: str) -> str:
        done = self._git(*arguments)
        if done.returncode != 0:
            raise Failure(Exit.REVISION, f"git {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def _git(self, *arguments: str, own_index: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        if own_index:
            objects = self._objects()
            (self.scratch / "objects").mkdir(exist_ok=True)
            environment |= {
                "GIT_INDEX_FILE": str(self.scratch / "index"),
                "GIT_OBJECT_DIRECTORY": str(self.scratch / "objects"),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
            }
        return subprocess.run(
            ["git", *arguments], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def _objects(self) -> Path:
        found = subprocess.run(
            ["git", "rev-parse", "--git-path", "objects"],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        )
        return (self.root / found.stdout.strip()).resolve()
