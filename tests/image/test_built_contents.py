"""What is in the image that was built, and what is not."""

import json
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from archive import Image
from context import ROOT
from image.conftest import BuiltImage
from native import modules

SITE = "/site-packages/"
SERVER = ROOT / "serving_image"
# Compilers, package managers, shells, downloaders: none of these has any business in an image that serves.
UNWANTED = re.compile(
    r"(^|/)(gcc|g\+\+|cc|c\+\+|cpp|clang|tcc|ld|as|ar|make|cmake|ninja|rustc|cargo|go|gfortran|f2py"
    r"|apt|apt-get|dpkg|dpkg-deb|rpm|apk|pip3?|uv|uvx|conda|npm|easy_install"
    r"|sh|bash|dash|ash|zsh|busybox|toybox|perl|curl|wget|ssh|su|sudo|mount|tar)([-.]?[0-9.]+)?$"
)
UNWANTED_MODULES = (
    "pip",
    "ensurepip",
    "setuptools",
    "mypy",
    "mypyc",
    "ziglang",
    "wheel",
    "venv",
    "numpy/f2py",
    "idlelib",
    "tkinter",
    "test",
)


@cache
def members(image: Image) -> tuple[tuple[tarfile.TarInfo, bytes], ...]:
    return tuple(entry for layer in image.layers for entry in image.members(layer))


def files(image: Image) -> Iterator[tuple[str, tarfile.TarInfo, bytes]]:
    return ((member.name, member, content) for member, content in members(image) if member.isfile())


def test_the_configuration_is_that_of_a_server_without_rights(built: BuiltImage) -> None:
    config = built.image.config["config"]
    user, group = (int(part) for part in config["User"].split(":"))

    assert min(user, group) >= 10000
    assert config["Entrypoint"] == ["python3", "-m", "modelberth_server"]
    assert not config.get("Cmd")
    assert config["ExposedPorts"].keys() == {"8080/tcp", "9090/tcp"}
    assert config["StopSignal"] == "SIGTERM"
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert labels["licenses"] == "Apache-2.0"
    assert labels["version"]
    assert labels["revision"]
    assert re.search(r"@sha256:[0-9a-f]{64}$", labels["base.name"])
    assert labels["base.name"] == built.base


def test_the_model_is_pinned_in_the_configuration_and_alone_in_the_last_layer(built: BuiltImage) -> None:
    environment = dict(entry.split("=", 1) for entry in built.image.config["config"]["Env"])
    *lower, last = built.image.layers

    assert len(lower) == 3
    assert all(member.name.split("/")[0] == "model" for member, _ in built.image.members(last))
    assert environment["MODELBERTH_MODEL_PATH"].startswith("/model")
    assert re.fullmatch("[0-9a-f]{64}", environment["MODELBERTH_MODEL_SHA256"])
    for layer in lower:
        assert not [
            member.name for member, _ in built.image.members(layer) if member.name.startswith("model/")
        ]


def test_everything_belongs_to_root_is_readable_and_cannot_be_written(built: BuiltImage) -> None:
    checked = 0
    for member, _ in members(built.image):
        checked += 1
        assert (member.uid, member.gid) == (0, 0), member.name
        assert member.type in {tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE}, (
            member.name
        )
        if member.issym() or member.name == "tmp":
            continue
        assert member.mode & 0o7000 == 0, f"{member.name}: no setuid, setgid or sticky bit"
        assert member.mode & 0o022 == 0, f"{member.name} can be written by others"
        assert member.mode & 0o444 == 0o444, f"{member.name} cannot be read by every user"
    assert checked > 2000


def test_no_compiler_package_manager_or_shell_is_in_it(built: BuiltImage) -> None:
    names = [member.name for member, _ in members(built.image) if not member.isdir()]

    assert len(names) > 2000
    assert not [name for name in names if UNWANTED.search(name)]
    for module in UNWANTED_MODULES:
        found = [
            name for name in names if re.search(rf"(site-packages|python3\.\d+)/{module}(/|\.py$)", name)
        ]
        assert not found, module


@pytest.mark.parametrize(
    "name",
    ["bin/sh", "usr/bin/gcc-14", "usr/bin/apt-get", "usr/bin/dpkg", "usr/local/bin/pip3", "usr/bin/perl5.40"],
)
def test_the_scan_knows_what_it_looks_for(name: str) -> None:
    assert UNWANTED.search(name)


def test_the_interpreter_and_the_loader_are_the_only_programs(built: BuiltImage) -> None:
    programs = {
        name
        for name, member, content in files(built.image)
        if member.mode & 0o111 and not re.search(r"\.so(\.[0-9.]+)?$", name) and content[:4] == b"\x7fELF"
    }
    scripts = {
        name for name, member, content in files(built.image) if member.mode & 0o111 and content[:2] == b"#!"
    }

    assert len(programs) == 1
    assert re.search(r"bin/python3\.\d+$", programs.pop())
    assert not {name for name in scripts if SITE not in name and "/lib/python3" not in f"/{name}"}


def test_every_module_is_compiled_for_its_place_and_never_checked_again(built: BuiltImage) -> None:
    contents = {name: content for name, _, content in files(built.image)}
    modules = [
        PurePosixPath(name) for name in contents if name.endswith(".py") and "/lib/python3" in f"/{name}"
    ]
    (program,) = (name for name in contents if re.search(r"bin/python3\.\d+$", name))
    tag = "cpython-" + program.rpartition("python")[2].replace(".", "")

    assert len(modules) > 1000
    for module in modules:
        compiled = contents.get(f"{module.parent}/__pycache__/{module.stem}.{tag}.pyc")
        assert compiled, f"{module} is not compiled"
        assert compiled[4:8] == b"\x01\x00\x00\x00", f"{module} is compared with its bytecode at start"
        assert b"/layers/" not in compiled, f"the bytecode of {module} names a folder of the build"
    sources = [member.name for member, _ in members(built.image) if member.name.endswith(".py")]
    assert len(sources) == len([name for name in contents if name.endswith(".pyc")]), (
        "no bytecode without its source"
    )


def test_what_every_request_passes_through_is_compiled(built: BuiltImage) -> None:
    names = {name for name, _, _ in files(built.image)}
    libraries = {
        found[1]
        for name in names
        if (found := re.search(r"/site-packages/(modelberth_server.*)\.cpython-[^/]*\.so$", f"/{name}"))
    }
    wanted = {path.relative_to(SERVER).with_suffix("").as_posix() for path in modules(SERVER)}

    assert len(wanted) > 45
    assert libraries == {*wanted, "modelberth_server__mypyc"}
    assert "usr/share/doc/mypy/copyright" in names


def test_every_distribution_and_package_is_in_the_bill_of_materials(built: BuiltImage) -> None:
    document = json.loads(built.sbom)
    purls = {entry["purl"].partition("?")[0] for entry in document["components"]}
    names = [member.name for member, _ in members(built.image)]

    distributions = {
        (found[1].lower().replace("_", "-"), found[2])
        for name in names
        if (found := re.search(r"site-packages/([^/]+)-([^/-]+)\.dist-info/METADATA$", name))
    }
    assert len(distributions) > 20
    assert {f"pkg:pypi/{name.replace('.', '-')}@{version}" for name, version in distributions} <= purls
    # A part of mypy, whose compiler it went through, is within the server's library.
    (runtime,) = {purl for purl in purls if purl.startswith("pkg:pypi/mypy@")}
    stated = [purl for purl in purls if purl.startswith("pkg:pypi/") and purl != runtime]
    assert len(stated) == len(distributions)

    packages = {found[1] for name in names if (found := re.search(r"var/lib/dpkg/status\.d/([^/]+)$", name))}
    assert {"libc6", "ca-certificates"} <= packages
    assert {re.split("[/@]", purl)[2] for purl in purls if purl.startswith("pkg:deb/")} == packages


@pytest.mark.parametrize(
    ("library", "package"),
    [("libssl.so.3", "libssl3t64"), ("libc.so.6", "libc6"), ("libstdc++.so.6", "libstdc++6")],
)
def test_a_library_of_the_system_is_stated_by_its_package(
    built: BuiltImage, library: str, package: str
) -> None:
    names = [member.name for member, _ in built.image.members(built.image.layers[0])]

    assert [name for name in names if name.endswith(f"/{library}")]
    assert package in {entry["name"] for entry in json.loads(built.sbom)["components"]}


def test_the_bill_of_materials_is_valid_and_in_the_image_too(built: BuiltImage) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(built.sbom) is None
    assert built.image.file("usr/share/sbom/modelberth-server.cdx.json").decode() == built.sbom


def test_the_licences_of_what_it_passes_on_are_in_it(built: BuiltImage) -> None:
    names = {member.name for member, _ in members(built.image)}
    packages = {found[1] for name in names if (found := re.search(r"var/lib/dpkg/status\.d/([^/]+)$", name))}

    assert len(packages) > 10
    without = {package for package in packages if f"usr/share/doc/{package}/copyright" not in names}
    assert not without
