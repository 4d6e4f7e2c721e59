"""Build the model server's image: `make image`, or `python serving_image/image/build.py --help`."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

# The set-up's own console and cache, as every script of this checkout has them.
sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "tools"))

import debian_base
from archive import Image, Layer, differences
from checkout import Checkout
from console import SetupError, exit_code, say
from context import EPOCH, HERE, ROOT, bases, gather, machine
from engines import ENGINES, Build, choose
from model_files import ModelFiles
from prepared import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines import Engine

__all__ = ["main"]

_STEP = "image"
_BY_DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")
_SBOM = "usr/share/sbom/modelberth-server.cdx.json"
_LAYERS = ("system and Python", "dependencies", "server", "model")


def main() -> int:
    """Build as the arguments say, print what came out, and return the exit status.

    1 when it cannot be built, or when `--check` finds that two builds differ.
    """
    options = _options(sys.argv[1:])
    if options.json:
        sys.stdout = sys.stderr  # the one line on standard output is the result
    environ = dict(os.environ)
    model = ModelFiles.of(options.model, options.name, options.version) if options.model else None
    architecture = machine(options.platform)
    version = _server_version()
    arguments = {"VERSION": version, "REVISION": options.revision or _revision()}
    if model:
        arguments |= {"MODEL_PATH": model.served, "MODEL_SHA256": model.sha256}
        arguments |= {"MODEL_NAME": model.name, "MODEL_VERSION": model.version}
    if options.context:
        arguments["BASE"] = _pulled_base(options.base)
        wheels = Checkout.here().cache / "wheels"
        told = prepare(options.context, wheels, model, arguments, architecture, environ)
        if options.json:
            print(json.dumps(told), file=sys.__stdout__)
        say(_STEP, f"{options.context}  {told['platform']}  content {told['content'][:16]}")
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    engine = choose(options.engine, environ)
    base = _base(options.base, engine, architecture, options.output, environ)
    tag = options.tag or f"localhost/modelberth-server:{version}"
    arguments["BASE"] = base
    with tempfile.TemporaryDirectory(prefix="modelberth-image-") as folder:
        context = Path(folder) / "context"
        context.mkdir()
        gather(context, Checkout.here().cache / "wheels", model, version, architecture, environ)
        build = Build(
            dockerfile=HERE.parent / "Dockerfile",
            context=context,
            tag=tag,
            arguments=arguments,
            epoch=EPOCH,
            target=None if model else "server",
            platform=options.platform,
            fresh=options.check,
        )
        image = _built(engine, build, options.output / "image.oci.tar", environ)
        again = _again(engine, build, options.output, environ) if options.check else image
    (options.output / "sbom.cdx.json").write_bytes(image.file(_SBOM))
    report = _report(image, tag, engine.name, base)
    (options.output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    if options.json:
        print(json.dumps(report), file=sys.__stdout__)
    else:
        print(_table(image.layers))
    return _compare(image, again) if options.check else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__)
    parser.add_argument(
        "--model", type=Path, help="ONNX file or package folder to put in; without: the server alone"
    )
    parser.add_argument("--name", help="name of the model (default: the package's, else `model`)")
    parser.add_argument("--version", help="version of the model (default: the package's, else `1`)")
    parser.add_argument("--tag", help="name of the image (default: localhost/modelberth-server:VERSION)")
    parser.add_argument("--engine", choices=ENGINES, help="default: the first of these that works here")
    parser.add_argument(
        "--base",
        default=bases()["official"]["image"],
        help="IMAGE@sha256:DIGEST with the Python of bases.toml, or `debian`: made here from its packages "
        "(default: %(default)s)",
    )
    parser.add_argument("--platform", help="linux/amd64 or linux/arm64 (default: this machine's)")
    parser.add_argument("--revision", help="label of the source's revision (default: Git's)")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "dist" / "image", help="folder for archive, SBOM, report"
    )
    parser.add_argument(
        "--check", action="store_true", help="build twice from nothing; fail where the digests differ"
    )
    parser.add_argument(
        "--context",
        type=Path,
        help="build nothing: leave what a build needs in this folder, for a Pulumi program that builds",
    )
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    return parser.parse_args(arguments)


def _built(engine: Engine, build: Build, archive: Path, environ: dict[str, str]) -> Image:
    seconds = engine.build(build, archive, environ)
    image = Image(archive)
    say(_STEP, f"{build.tag}  {image.digest}  {seconds:.0f} s")
    return image


def _again(engine: Engine, build: Build, output: Path, environ: dict[str, str]) -> Image:
    """Build the same files elsewhere: a path or a time that got into a layer differs."""
    with tempfile.TemporaryDirectory(prefix="modelberth-image-again-") as folder:
        context = Path(folder) / "elsewhere" / "context"
        shutil.copytree(build.context, context, copy_function=shutil.copyfile)
        return _built(engine, replace(build, context=context), output / "again.oci.tar", environ)


def _base(wanted: str, engine: Engine, machine: str, output: Path, environ: dict[str, str]) -> str:
    if wanted == "debian":
        return debian_base.make(engine, machine, output, environ)
    if not _BY_DIGEST.fullmatch(wanted):
        raise SetupError(
            f"--base {wanted}: allowed are IMAGE@sha256:DIGEST and `debian`; a tag alone can change"
        )
    say(_STEP, f"base {wanted}; where its registry cannot be reached: --base debian")
    return wanted


def _pulled_base(wanted: str) -> str:
    if not _BY_DIGEST.fullmatch(wanted):
        raise SetupError(
            f"--base {wanted}: allowed with --context is IMAGE@sha256:DIGEST, which the builder itself pulls"
        )
    return wanted


def _server_version() -> str:
    source = (ROOT / "serving_image" / "modelberth_server" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    assert found, "the server states its version"
    return found[1]


def _revision() -> str:
    """Return Git's name of the checkout's state, with `-dirty` where files differ; `unknown` without Git."""
    if not shutil.which("git"):
        return "unknown"
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _report(image: Image, tag: str, engine: str, base: str) -> dict[str, object]:
    layers = [
        {
            "name": name,
            "digest": layer.digest,
            "diff_id": layer.diff_id,
            "compressed_bytes": layer.compressed_bytes,
            "bytes": layer.bytes,
            "files": layer.files,
        }
        for name, layer in zip(_LAYERS, image.layers, strict=False)
    ]
    return {"tag": tag, "digest": image.digest, "engine": engine, "base": base, "layers": layers}


def _table(layers: Sequence[Layer]) -> str:
    rows = ["| layer | compressed | on disk | files |", "|---|---|---|---|"]
    rows += [
        f"| {name} | {_megabytes(layer.compressed_bytes)} | {_megabytes(layer.bytes)} | {layer.files} |"
        for name, layer in zip(_LAYERS, layers, strict=False)
    ]
    compressed, size = sum(layer.compressed_bytes for layer in layers), sum(layer.bytes for layer in layers)
    files = sum(layer.files for layer in layers)
    return "\n".join([*rows, f"| **all** | {_megabytes(compressed)} | {_megabytes(size)} | {files} |"])


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _compare(first: Image, second: Image) -> int:
    if first.digest == second.digest:
        say(_STEP, f"two builds, one digest: {first.digest}")
        return 0
    found = differences(first, second)
    listed = "\n".join(f"  {line}" for line in found[:20])
    print(f"error: two builds differ in {len(found)} places:\n{listed}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(exit_code(main))
