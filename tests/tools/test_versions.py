from __future__ import annotations

import pytest

from versions import Version, printed_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.250.0", (3, 250, 0)),
        ("v3.261.0-dev.0+abcdef1", (3, 261, 0)),
        ("uv 0.13.9 (x86_64-unknown-linux-gnu)", (0, 13, 9)),
        ("go1.26", (1, 26, 0)),
        ("devel go1.27-1234abc", (1, 27, 0)),
    ],
)
def test_a_version_is_found_where_programs_print_it(text: str, version: tuple[int, int, int]) -> None:
    assert Version.parse(text) == version


def test_versions_compare_as_numbers() -> None:
    assert Version.parse("3.99.9") < Version.parse("3.250.0") < Version.parse("10.0.0")


def test_no_version_is_an_error_that_shows_the_text() -> None:
    with pytest.raises(ValueError, match="'none here'"):
        Version.parse("none here")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo no version in this >&2; exit 127", "code 127: no version in this"),
        ("exit 3", "code 3: no output"),
    ],
)
def test_a_program_that_fails_is_told_with_its_last_words(machine, script: str, reason: str) -> None:
    program = machine.program("broken", script)
    with pytest.raises(ValueError, match=reason):
        printed_version([program], machine.environ)


def test_a_program_for_another_machine_is_told(machine) -> None:
    program = machine.program("other", "")
    program.write_bytes(b"\x7fELF not for this machine")
    with pytest.raises(ValueError, match="does not run"):
        printed_version([program], machine.environ)
