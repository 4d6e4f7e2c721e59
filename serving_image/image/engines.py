"""The programs that build, keep and run images: Docker with BuildKit, Podman, Buildah."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console import SetupError, run, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["ENGINES", "Build", "Engine", "choose"]

_STEP = "image"
_PROBE_S = 20.0


@dataclass(frozen=True)
class Build:
    """What to build: the stage `target` of `dockerfile` (its last where None) from the files in `context`."""

    dockerfile: Path
    context: Path
    tag: str
    arguments: Mapping[str, str]
    epoch: int
    target: str | None = None
    platform: str | None = None
    fresh: bool = False  # nothing from a cache


@dataclass(frozen=True)
class Engine:
    """One of the programs, with the flags that a restricted host needs.

    `general` flags come before the command, `building` and `running` after `build` and `run`.
    """

    name: str
    general: tuple[str, ...] = ()
    building: tuple[str, ...] = ()
    running: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, environ: Mapping[str, str]) -> Engine:
        """Take the flags from `environ`: `MODELBERTH_ENGINE_FLAGS`, `…_BUILD_FLAGS` and `…_RUN_FLAGS`."""
        general, building, running = (
            tuple(shlex.split(environ.get(f"MODELBERTH_{kind}_FLAGS", "")))
            for kind in ("ENGINE", "BUILD", "RUN")
        )
        return cls(name, general, building, running)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of the program with `arguments`."""
        return [self.name, *self.general, *arguments]

    def build_command(self, build: Build, archive: Path) -> list[str]:
        """Return the command that builds; Docker writes the `archive` in the same step."""
        command = self.command(*(("buildx", "build") if self.name == "docker" else ("build",)))
        if self.name == "docker":
            # Attestations would carry the time of the build.
            command += ["--provenance=false", "--sbom=false"]
            command += ["--output", f"type=oci,dest={archive},rewrite-timestamp=true"]
        else:
            # A layer for each COPY, as Docker has it, and every time in it the same.
            command += ["--layers", "--format", "oci", "--timestamp", str(build.epoch)]
        if self.name == "buildah":
            command += ["--identity-label=false"]
        if build.fresh:
            command += ["--no-cache"]
        if build.target:
            command += ["--target", build.target]
        if build.platform:
            command += ["--platform", build.platform]
        for name, value in {**build.arguments, "SOURCE_DATE_EPOCH": str(build.epoch)}.items():
            command += ["--build-arg", f"{name}={value}"]
        return [
            *command,
            *self.building,
            "--tag",
            build.tag,
            "--file",
            str(build.dockerfile),
            str(build.context),
        ]

    def build(self, build: Build, archive: Path, environ: Mapping[str, str]) -> float:
        """Build, keep the image under its tag, write it to `archive` (OCI); return the seconds this took.

        Raises SetupError with the end of the program's output when it fails.
        """
        archive.unlink(missing_ok=True)
        doing = f"building {build.tag}"
        seconds = run(self.build_command(build, archive), step=_STEP, doing=doing, environ=environ)
        if self.name == "docker":
            save = self.command("load", "--input", str(archive))
        else:
            save = self.command("push", "--quiet", build.tag, f"oci-archive:{archive}")
        return seconds + run(save, step=_STEP, doing=f"keeping {build.tag}", environ=environ)

    def run_command(self, image: str, name: str, options: Sequence[str] = (), *arguments: str) -> list[str]:
        """Return the command that runs `image` with no right but to listen and to write to /tmp.

        Raises SetupError for Buildah, which starts no services.
        """
        if self.name == "buildah":
            raise SetupError(
                "buildah builds images but does not run them: install podman or Docker to run this one"
            )
        confined = ["--read-only", "--tmpfs", "/tmp", "--cap-drop=ALL", "--security-opt", "no-new-privileges"]  # noqa: S108
        return self.command("run", "--name", name, *confined, *self.running, *options, image, *arguments)

    def digest(self, image: str, environ: Mapping[str, str]) -> str:
        """Return the digest of the manifest of the local image `image`, of which Docker's store knows none.

        Raises SetupError when there is no such image.
        """
        if self.name == "docker":
            raise SetupError(
                "--base debian is for podman and buildah: Docker takes a base by digest from a registry only"
            )
        found = subprocess.run(
            self.command("images", "--no-trunc", "--format", "{{.Digest}}", image),
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROBE_S,
        )
        if found.returncode or not found.stdout.startswith("sha256:"):
            raise SetupError(f"{self.name} has no image {image}: {found.stderr.strip()}")
        return found.stdout.split()[0]

    def refusal(self, environ: Mapping[str, str]) -> str | None:
        """Return why this program cannot be used here; None when it can."""
        if not shutil.which(self.name, path=environ.get("PATH", "")):
            return "not on PATH"
        # `info` answers only where the daemon, or the storage, is usable.
        checks = [["info"], ["buildx", "version"]] if self.name == "docker" else [["info"]]
        for check in checks:
            try:
                done = subprocess.run(
                    self.command(*check),
                    env=environ,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=_PROBE_S,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return f"`{self.name} {' '.join(check)}`: {error}"
            if done.returncode:
                return (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
        return None


ENGINES = ("docker", "podman", "buildah")


def choose(wanted: str | None, environ: Mapping[str, str]) -> Engine:
    """Return the engine `wanted`, else the first of ENGINES that works here, and say which and why.

    Raises SetupError when none does.
    """
    refusals = []
    for name in [wanted] if wanted else ENGINES:
        engine = Engine.of(name, environ)
        if refusal := engine.refusal(environ):
            refusals.append(f"  - {name}: {refusal}")
            continue
        why = "asked for" if wanted else "the first that works" if refusals else "found"
        say(_STEP, f"with {name} ({why})" + "".join(f"\n{'':<9} {line.strip()}" for line in refusals))
        return engine
    raise SetupError("\n".join(["no program that can build images works here:", *refusals]))
