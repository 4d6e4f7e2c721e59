"""What runs inside the build: thinning out, compiling, libraries, packages, the bill of materials."""

import importlib.util
import json
import os
import sys
from email.message import Message
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from debian import Packages
from libraries import closure, elf_files, loader
from sbom import Component, bill_of_materials, debian_component, python_component
from tree import compile_bytecode, left_out, normalise, remove

SUBJECT = Component("pkg:generic/server@1", "server", "1", kind="container")


def write(root: Path, *names: str, text: str = "x = 1\n") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_is_left_out_goes_and_the_rest_stays(tmp_path: Path) -> None:
    root = write(
        tmp_path, "numpy/core.py", "numpy/tests/test_core.py", "numpy/ma/tests/a/b.py", "numpy/core.pyi"
    )

    freed = remove(root, ["**/tests", "**/*.pyi", "none/*"])

    assert [path.name for path in root.rglob("*") if path.is_file()] == ["core.py"]
    assert freed == 3 * len("x = 1\n")


@pytest.mark.parametrize("part", ["standard_library", "dependencies"])
def test_everything_that_is_left_out_has_a_reason(part: str) -> None:
    table = left_out(part)

    assert len(table) > 10
    assert all(reason.strip() for reason in table.values())


def test_bytecode_is_the_same_in_every_folder_and_names_the_path_in_the_image(tmp_path: Path) -> None:
    text = "NAMES = {'a', 'b', 'c', 'd'}\ndef f(): return 'x' in {'p', 'q', 'r', 's'}\n"
    compiled = []
    for name in ("one", "two/deeper"):
        root = write(tmp_path / name, "opt/package/module.py", text=text)
        os.utime(root / "opt/package/module.py", (len(compiled), len(compiled)))
        compile_bytecode(root / "opt", root)
        (file,) = (root / "opt").rglob("*.pyc")
        compiled.append(file.read_bytes())

    assert compiled[0] == compiled[1]
    assert b"/opt/package/module.py" in compiled[0]
    assert str(tmp_path).encode() not in compiled[0]
    assert int.from_bytes(compiled[0][4:8], "little") == 0b01, "hash-based, and never checked (PEP 552)"


def test_modes_and_times_do_not_depend_on_who_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "chown", lambda *arguments, **options: owners.append(arguments[1:]))
    owners: list[tuple[int, ...]] = []
    root = write(tmp_path / "root", "tmp/.keep", "usr/bin/python3", "etc/passwd")
    (root / "usr/bin/python3").chmod(0o4770)
    (root / "etc/passwd").chmod(0o666)

    normalise(root, 315532800)

    modes = {str(path.relative_to(root)): path.stat().st_mode & 0o7777 for path in root.rglob("*")}
    assert modes["tmp"] == 0o1777
    assert modes["usr"] == modes["usr/bin"] == modes["usr/bin/python3"] == 0o755
    assert modes["etc/passwd"] == 0o644
    assert {path.stat().st_mtime for path in [root, *root.rglob("*")]} == {315532800.0}
    assert owners == [(0, 0)] * (len(modes) + 1)


@pytest.mark.skipif(sys.platform != "linux", reason="ELF")
def test_the_libraries_of_an_extension_are_found_by_its_loader(tmp_path: Path) -> None:
    program = Path("/bin/sh").resolve()
    assert list(elf_files(write(tmp_path, "text.so"))) == []

    found = closure([program], loader(program), tmp_path)

    assert loader(program) in found
    assert any(path.name.startswith("libc.so") for path in found)


@pytest.mark.skipif(sys.platform != "linux", reason="ELF")
def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    numpy = Path(next(iter(importlib.util.find_spec("numpy.linalg").submodule_search_locations)))  # type: ignore[union-attr, arg-type]
    extension = next(numpy.glob("_umath_linalg*.so"))
    alone = tmp_path / extension.name  # away from the libraries that it finds beside itself
    alone.write_bytes(extension.read_bytes())

    with pytest.raises(ValueError, match=rf"{alone} cannot be loaded in the base: .*libscipy_openblas"):
        closure([alone], loader(Path(sys.executable).resolve()), tmp_path)


def debian_system(root: Path) -> Path:
    stanzas = "Package: libc6\nVersion: 2.41-1\nArchitecture: amd64\nDescription: C\n libc\n\n"
    stanzas += "Package: zlib1g\nVersion: 1:1.3+really1.3.1\nArchitecture: amd64\n"
    write(root, "var/lib/dpkg/status", text=stanzas)
    write(root, "var/lib/dpkg/info/libc6:amd64.list", text="/.\n/lib/x86/libc.so.6\n")
    write(root, "var/lib/dpkg/info/zlib1g:amd64.list", text="/.\n/usr/lib/x86/libz.so.1\n")
    write(root, "usr/share/doc/zlib1g/copyright", text="Format: https://…\n\nFiles: *\nLicense: Zlib\n")
    write(root, "usr/share/doc/libc6/copyright", text="License: prose that is of no form\n")
    return root


def test_a_file_is_known_by_its_package_under_both_of_its_names(tmp_path: Path) -> None:
    packages = Packages(debian_system(tmp_path))

    for path in ("/lib/x86/libc.so.6", "/usr/lib/x86/libc.so.6"):
        owner = packages.owner(Path(path))
        assert owner is not None
        assert (owner.name, owner.version, owner.licences) == ("libc6", "2.41-1", ())
    zlib = packages.named("zlib1g")
    assert zlib.licences == ("Zlib",)
    assert packages.owner(Path("/usr/lib/x86/unknown.so")) is None


def python_metadata(**fields: str) -> Message:
    message = Message()
    for name, value in {"Name": "Typing_Extensions", "Version": "4.16.0", **fields}.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("fields", "licences"),
    [
        ({"License_Expression": "PSF-2.0"}, [{"expression": "PSF-2.0"}]),
        ({"License": "MIT"}, [{"license": {"name": "MIT"}}]),
        (
            {"License": "a text\nof a licence", "Classifier": "License :: OSI Approved :: MIT License"},
            [{"license": {"name": "MIT License"}}],
        ),
        ({}, None),
    ],
)
def test_the_licence_of_a_distribution_is_what_its_metadata_says(
    fields: dict[str, str], licences: object
) -> None:
    entry = python_component(python_metadata(**fields), "0" * 64).as_json()

    assert entry.get("licenses") == licences
    assert entry["purl"] == "pkg:pypi/typing-extensions@4.16.0"
    assert entry["hashes"] == [{"alg": "SHA-256", "content": "0" * 64}]


def test_the_bill_of_materials_is_valid_and_the_same_for_the_same_contents(tmp_path: Path) -> None:
    packages = Packages(debian_system(tmp_path))
    components = [
        debian_component(packages.named("zlib1g"), "13"),
        python_component(python_metadata(License_Expression="PSF-2.0"), "0" * 64),
    ]

    text = bill_of_materials(components, SUBJECT)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert text == bill_of_materials(reversed(components), SUBJECT)
    assert text != bill_of_materials(components[:1], SUBJECT)
    purls = [entry["purl"] for entry in json.loads(text)["components"]]
    assert purls == [
        "pkg:deb/debian/zlib1g@1%3A1.3%2Breally1.3.1?arch=amd64&distro=debian-13",
        "pkg:pypi/typing-extensions@4.16.0",
    ]


def test_the_validator_refuses_what_is_no_bill_of_materials() -> None:
    bad = json.loads(bill_of_materials([], SUBJECT))
    bad["components"] = [{"type": "a wheel"}]

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bad)) is not None
