"""One stack of one project: its files, whether it exists, and what `pulumi up` is to be told about it."""

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from modelberth._version import CONTRACT
from modelberth.cli.engine import Engine
from modelberth.cli.failure import Exit, Failure
from modelberth.errors import SpecError
from modelberth.naming import require_stack_name

NEWEST_STATE = 4
"""Newest format of a state that the oldest supported engine reads (its `DeploymentSchemaVersionLatest`)."""

_PROJECT = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_SALT = re.compile(r"^encryptionsalt:.*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Stack:
    """A stack by name in the project of a folder."""

    name: str
    folder: Path
    project: str

    @classmethod
    def find(cls, name: str, start: Path, *, file: bool = True) -> "Stack":
        """The stack of the project that `start` lies in; its own file must be there unless `file` is off.

        Raises:
            Failure: no project there, no such stack file, or a name that resources cannot carry.
        """
        try:
            require_stack_name(name)
        except SpecError as error:
            raise Failure(Exit.USAGE, str(error)) from None
        folder = next((f for f in (start, *start.parents) if (f / "Pulumi.yaml").is_file()), None)
        if folder is None:
            raise Failure(Exit.USAGE, f"no Pulumi.yaml in {start} or above it; run the command in a project")
        project = _yaml(folder / "Pulumi.yaml").get("name")
        if not isinstance(project, str) or not _PROJECT.fullmatch(project):
            allowed = "1 to 100 letters, digits, hyphens, underscores and periods"
            raise Failure(
                Exit.USAGE, f"{folder / 'Pulumi.yaml'}: name: given {project!r}, allowed: {allowed}"
            )
        stack = cls(name, folder, project)
        if not stack.file.is_file():
            if not file:
                return stack
            known = sorted(f.name.split(".")[1] for f in folder.glob("Pulumi.*.yaml"))
            raise Failure(
                Exit.NO_STACK,
                f"stack: given {name!r}, allowed: {', '.join(known) or 'none yet'}; no {stack.file.name}",
            )
        _yaml(stack.file)
        return stack

    @property
    def file(self) -> Path:
        """The stack's config, under version control."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def state_file(self) -> Path | None:
        """The state's file, where the backend is a folder of this machine."""
        folder = _backend_folder()
        return folder and folder / ".pulumi" / "stacks" / self.project / f"{self.name}.json"

    @property
    def lock_folder(self) -> Path | None:
        """Where the backend keeps the stack's locks, where it is a folder of this machine."""
        folder = _backend_folder()
        return folder and folder / ".pulumi" / "locks" / "organization" / self.project / self.name

    def require_passphrase(self) -> None:
        """Refuse to begin without the passphrase that the engine would only ask for in the middle."""
        file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
        if file and not Path(file).is_file():
            raise Failure(
                Exit.STATE,
                f"PULUMI_CONFIG_PASSPHRASE_FILE: given {file!r}, allowed: an existing file; there is none. "
                "Put the stack's passphrase back there: without it the secrets in the state cannot be read.",
            )
        if not file and "PULUMI_CONFIG_PASSPHRASE" not in os.environ and _backend_folder() is not None:
            raise Failure(
                Exit.STATE,
                "no passphrase: set PULUMI_CONFIG_PASSPHRASE_FILE or PULUMI_CONFIG_PASSPHRASE. "
                'In a checkout `eval "$(make -s env)"` sets the embedded default\'s.',
            )

    def read_state(self) -> dict[str, Any] | None:
        """The checkpoint in the state file; None where there is none to read.

        Raises:
            Failure: the file is damaged.
        """
        file = self.state_file
        if file is None or not file.exists():
            return None
        try:
            written = json.loads(file.read_text())
            state: dict[str, Any] = written["checkpoint"]
            version = int(written["version"])
        except (ValueError, KeyError, TypeError):
            raise Failure(
                Exit.STATE,
                f"the state of stack {self.name!r} is damaged: {file}. The one before it lies beside it: "
                f"`modelberth recover --stack {self.name}` puts that back.",
            ) from None
        self._require_known(version, _outputs((state or {}).get("latest") or {}))
        return state

    def require_readable(self, engine: Engine) -> bool:
        """Whether there is a state, which then can be read; asks the engine where it is not a file at hand.

        Raises:
            Failure: the state is damaged, or made by a newer version.
        """
        if self.state_file is not None:
            return self.read_state() is not None
        exported = engine.ask("stack", "export", "--stack", self.name)
        if exported is None:
            return False
        self._require_known(int(exported.get("version", 0)), _outputs(exported.get("deployment") or {}))
        return True

    def _require_known(self, version: int, outputs: dict[str, Any]) -> None:
        """A state that a newer version wrote may hold what this one would lose."""
        endpoints = outputs.get("endpoints")
        contracts = [
            contract.get("contract_version")
            for contract in (endpoints.values() if isinstance(endpoints, dict) else ())
            if isinstance(contract, dict)
        ]
        newest = max((number for number in contracts if isinstance(number, int)), default=0)
        if version > NEWEST_STATE:
            made, way_out = f"engine: format {version}, this one reads up to {NEWEST_STATE}", "the Pulumi CLI"
        elif newest > CONTRACT:
            made, way_out = f"modelberth: contract {newest}, this one writes {CONTRACT}", "modelberth"
        else:
            return
        raise Failure(
            Exit.NEWER,
            f"the state of stack {self.name!r} was made by a newer {made}. Update {way_out} and try again.",
        )

    def exists(self, engine: Engine) -> bool:
        """Whether the stack was ever made; asks the engine only where its files are not at hand."""
        if self.state_file is not None:
            return self.state_file.exists()
        return engine.ask("stack", "export", "--stack", self.name) is not None

    def ensure(self, engine: Engine) -> bool:
        """Make the stack where it does not exist; whether it was made.

        Made from a folder of its own: `pulumi stack init` writes the salt of the passphrase into the stack's
        config, a file under version control, in which another clone's salt would be of no use.
        """
        if self.exists(engine):
            return False
        with tempfile.TemporaryDirectory() as scratch:
            Path(scratch, "Pulumi.yaml").write_text(f"name: {self.project}\nruntime: python\n")
            engine.do(
                *("stack", "init", self.name, "--no-select"),
                status=Exit.STATE,
                why=f"stack {self.name!r} could not be made",
                cwd=Path(scratch),
            )
            salt = _SALT.search(Path(scratch, self.file.name).read_text())
        self._write_config(salt[0] if salt else "")
        return True

    def config(self) -> Path:
        """The config file for the engine: the person's own, with this backend's salt.

        The engine writes to the file that it is given (the salt, and it reformats), so it gets a copy.
        """
        copy = self._copy()
        written = copy if copy.exists() else self.file if self._made_elsewhere() else None
        salt = _SALT.search(written.read_text()) if written else None
        return self._write_config(salt[0] if salt else "")

    def _made_elsewhere(self) -> bool:
        """Whether somebody made the stack without us: then the salt in their own file belongs to it.

        A backend in a folder is this machine's alone, so there the salt may be that of another clone.
        """
        return self.state_file is None or self.state_file.exists()

    def _write_config(self, salt: str) -> Path:
        copy = self._copy()
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = _SALT.sub("", self.file.read_text())
        copy.write_text(text + ("" if text.endswith("\n") else "\n") + salt)
        return copy

    def _copy(self) -> Path:
        return self.folder / ".state" / "config" / self.file.name


def open_stack(name: str, *, passphrase: bool = True, file: bool = True) -> tuple[Engine, Stack]:
    """The engine and the stack, or a clear word about what is missing, before anything is touched."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise Failure(Exit.USAGE, "this folder was removed; go to the project's and try again") from None
    found = Stack.find(name, here, file=file)
    if passphrase:
        found.require_passphrase()
    return Engine(found.folder), found


def _outputs(deployment: dict[str, Any]) -> dict[str, Any]:
    """What the stack exports, from its state."""
    resources = deployment.get("resources") or []
    found: dict[str, Any] = next(
        (r.get("outputs") or {} for r in resources if r.get("type") == "pulumi:pulumi:Stack"), {}
    )
    return found


def _yaml(file: Path) -> dict[str, Any]:
    """A mapping from a file; the engine itself would not say which file is wrong."""
    try:
        content = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(Exit.USAGE, f"{file.name} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise Failure(Exit.USAGE, f"{file.name}: given {content!r}, allowed: a mapping")
    return content


def _backend_folder() -> Path | None:
    url = os.environ.get("PULUMI_BACKEND_URL", "")
    return Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None
