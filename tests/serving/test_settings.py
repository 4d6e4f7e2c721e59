"""The environment is the whole interface: each variable is read, bounded and documented."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from modelberth_server.errors import SettingsError
from modelberth_server.settings import REQUIRED, VARIABLES, Settings

README = Path(__file__).resolve().parents[2] / "serving_image" / "README.md"
MINIMAL = {"MODELBERTH_MODEL_PATH": "/m.onnx", "MODELBERTH_MODEL_SHA256": "0" * 64}


def test_defaults() -> None:
    settings = Settings.from_environ({**MINIMAL, "HOME": "/root"})
    assert settings == Settings(
        model_path=Path("/m.onnx"),
        model_sha256="0" * 64,
        model_name="model",
        model_version="1",
        revision="",
        host="0.0.0.0",
        port=8080,
        listen_fd=None,
        lifeline_fd=None,
        max_body_bytes=1024 * 1024,
        timeout_seconds=30,
        max_concurrency=64,
        threads=1,
        drain_seconds=10,
        log_level="info",
    )


def test_every_variable_sets_its_field() -> None:
    given = {
        "MODELBERTH_MODEL_PATH": ("a b.onnx", Path("a b.onnx")),
        "MODELBERTH_MODEL_SHA256": ("AB" * 32, "ab" * 32),
        "MODELBERTH_MODEL_NAME": ("iris", "iris"),
        "MODELBERTH_MODEL_VERSION": ("2026-11.1", "2026-11.1"),
        "MODELBERTH_REVISION": ("blue/7", "blue/7"),
        "HOST": ("::1", "::1"),
        "PORT": ("0", 0),
        "MODELBERTH_LISTEN_FD": ("3", 3),
        "MODELBERTH_LIFELINE_FD": ("4", 4),
        "MODELBERTH_MAX_BODY_BYTES": ("1073741824", 2**30),
        "MODELBERTH_TIMEOUT_SECONDS": ("0.1", 0.1),
        "MODELBERTH_MAX_CONCURRENCY": ("10000", 10_000),
        "MODELBERTH_THREADS": ("256", 256),
        "MODELBERTH_DRAIN_SECONDS": ("600.0", 600),
        "MODELBERTH_LOG_LEVEL": ("debug", "debug"),
    }
    settings = Settings.from_environ({name: text for name, (text, _) in given.items()})
    assert {variable.name for variable in VARIABLES} == given.keys()
    for variable in VARIABLES:
        assert getattr(settings, variable.field) == given[variable.name][1]
    assert [variable.field for variable in VARIABLES] == [field.name for field in fields(Settings)]


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("MODELBERTH_MODEL_PATH", "", "the path of a file"),
        ("MODELBERTH_MODEL_SHA256", "abc", "64 hexadecimal digits"),
        ("MODELBERTH_MODEL_SHA256", "g" * 64, "64 hexadecimal digits"),
        ("MODELBERTH_MODEL_NAME", "a/b", "1 to 128 letters, digits, '.', '_' or '-'"),
        ("MODELBERTH_MODEL_NAME", "", "1 to 128 letters"),
        ("MODELBERTH_MODEL_VERSION", "ä", "1 to 128 letters"),
        ("MODELBERTH_REVISION", "a b", "printable ASCII"),
        ("HOST", "", "an address"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("PORT", "-1", "a whole number from 0 to 65535"),
        ("PORT", "8080 ", "a whole number from 0 to 65535"),
        ("PORT", "٣", "a whole number from 0 to 65535"),
        ("PORT", "", "a whole number from 0 to 65535"),
        ("MODELBERTH_LISTEN_FD", "2", "a whole number from 3"),
        ("MODELBERTH_LIFELINE_FD", "x", "a whole number from 3"),
        ("MODELBERTH_MAX_BODY_BYTES", "1Mi", "a whole number from 1 to"),
        ("MODELBERTH_MAX_BODY_BYTES", "0", "a whole number from 1 to"),
        ("MODELBERTH_TIMEOUT_SECONDS", "0", "a number of seconds from 0.001 to 3600"),
        ("MODELBERTH_TIMEOUT_SECONDS", "inf", "a number of seconds from 0.001 to 3600"),
        ("MODELBERTH_TIMEOUT_SECONDS", "30s", "a number of seconds from 0.001 to 3600"),
        ("MODELBERTH_MAX_CONCURRENCY", "0", "a whole number from 1 to 65536"),
        ("MODELBERTH_THREADS", "257", "a whole number from 1 to 256"),
        ("MODELBERTH_DRAIN_SECONDS", "nan", "a number of seconds from 0 to 3600"),
        ("MODELBERTH_LOG_LEVEL", "INFO", "error, warning, info or debug"),
    ],
)
def test_a_bad_value_names_the_variable_the_value_and_what_is_allowed(
    name: str, text: str, allowed: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({**MINIMAL, name: text})
    assert str(caught.value).startswith(f"{name}: {text!r} is not ")
    assert allowed in str(caught.value)


@pytest.mark.parametrize("name", MINIMAL)
def test_a_required_variable_is_asked_for(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: required"):
        Settings.from_environ({other: text for other, text in MINIMAL.items() if other != name})


@pytest.mark.parametrize(
    ("typo", "nearest"),
    [("MODELBERTH_THREAD", "MODELBERTH_THREADS"), ("MODELBERTH_MODEL_SHA", "MODELBERTH_MODEL_SHA256")],
)
def test_an_unknown_variable_names_the_nearest(typo: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=f"{typo}: unknown variable, did you mean {nearest}\\?"):
        Settings.from_environ({**MINIMAL, typo: "1"})


def test_the_readme_documents_every_variable() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \|$", README.read_text(), re.MULTILINE)
    assert len(rows) == 15
    for variable, (name, default, meaning) in zip(VARIABLES, rows, strict=True):
        text = {REQUIRED: "required", None: "not set", "": "empty"}.get(
            variable.default, f"`{variable.default}`"
        )
        assert (name, default, meaning) == (variable.name, text, variable.meaning)
