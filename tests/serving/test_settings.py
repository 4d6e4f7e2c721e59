"""The environment is the whole interface: each variable is read, bounded and documented."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from modelberth_server.errors import SettingsError
from modelberth_server.settings import VARIABLES, Settings

README = Path(__file__).resolve().parents[2] / "serving_image" / "README.md"


def test_defaults() -> None:
    settings = Settings.from_environ({"HOME": "/root"})
    for variable in VARIABLES:
        assert getattr(settings, variable.field) == variable.default
    assert (settings.host, settings.port, settings.threads) == ("0.0.0.0", 8080, 1)
    assert settings.model_path is None


# One good text and its value for each variable.
GIVEN: dict[str, tuple[str, object]] = {
    "MODELBERTH_MODEL_PATH": ("a b.onnx", Path("a b.onnx")),
    "MODELBERTH_MODEL_URI": ("s3://models/iris.onnx", "s3://models/iris.onnx"),
    "MODELBERTH_MODEL_SHA256": ("AB" * 32, "ab" * 32),
    "MODELBERTH_MODELS_FILE": ("/etc/models.json", Path("/etc/models.json")),
    "MODELBERTH_MODEL_FOLDER": ("/var/models", Path("/var/models")),
    "MODELBERTH_ALLOW_PRIVATE_HOSTS": ("models.example, 10.0.0.0/8", ("models.example", "10.0.0.0/8")),
    "MODELBERTH_MODEL_NAME": ("iris", "iris"),
    "MODELBERTH_MODEL_VERSION": ("2026-11.1", "2026-11.1"),
    "MODELBERTH_REVISION": ("blue/7", "blue/7"),
    "HOST": ("::1", "::1"),
    "PORT": ("0", 0),
    "MODELBERTH_ADMIN_PORT": ("9090", 9090),
    "MODELBERTH_GRPC_PORT": ("8081", 8081),
    "MODELBERTH_LISTEN_FD": ("3", 3),
    "MODELBERTH_LIFELINE_FD": ("4", 4),
    "MODELBERTH_WORKERS": ("2", 2),
    "MODELBERTH_MAX_BODY_BYTES": ("1073741824", 2**30),
    "MODELBERTH_TIMEOUT_SECONDS": ("0.1", 0.1),
    "MODELBERTH_MAX_CONCURRENCY": ("10000", 10_000),
    "MODELBERTH_MAX_CONNECTIONS": ("100", 100),
    "MODELBERTH_HEADER_TIMEOUT_SECONDS": ("2.5", 2.5),
    "MODELBERTH_THREADS": ("256", 256),
    "MODELBERTH_MAX_BATCH_SIZE": ("16", 16),
    "MODELBERTH_BATCH_DELAY_MS": ("2", 2.0),
    "MODELBERTH_DRAIN_DELAY_SECONDS": ("5", 5.0),
    "MODELBERTH_DRAIN_SECONDS": ("600.0", 600.0),
    "MODELBERTH_LOG_LEVEL": ("debug", "debug"),
    "MODELBERTH_LOG_FORMAT": ("json", "json"),
    "MODELBERTH_ACCESS_LOG": ("all", "all"),
    "MODELBERTH_API_KEYS_FILE": ("/run/keys", Path("/run/keys")),
    "MODELBERTH_API_KEY_HEADER": ("X-Key", "x-key"),
    "MODELBERTH_JWT_ISSUER": ("https://login.example/", "https://login.example/"),
    "MODELBERTH_JWT_AUDIENCE": ("iris", "iris"),
    "MODELBERTH_JWT_JWKS": ("/run/jwks.json", "/run/jwks.json"),
    "MODELBERTH_JWT_LEEWAY_SECONDS": ("5", 5.0),
    "MODELBERTH_RATE_LIMIT_PER_MINUTE": ("600", 600),
    "MODELBERTH_TLS_CERT_FILE": ("/run/tls.crt", Path("/run/tls.crt")),
    "MODELBERTH_TLS_KEY_FILE": ("/run/tls.key", Path("/run/tls.key")),
    "MODELBERTH_TLS_CLIENT_CA_FILE": ("/run/ca.crt", Path("/run/ca.crt")),
    "MODELBERTH_TLS_MIN_VERSION": ("1.3", "1.3"),
    "MODELBERTH_CAPTURE_URI": ("s3://samples/iris", "s3://samples/iris"),
    "MODELBERTH_CAPTURE_PERCENT": ("2.5", 2.5),
    "MODELBERTH_CAPTURE_DROP_FIELDS": ("name, e mail", ("name", "e mail")),
    "MODELBERTH_CAPTURE_HASH_FIELDS": ("id", ("id",)),
    "MODELBERTH_CAPTURE_HASH_KEY_FILE": ("/run/hash.key", Path("/run/hash.key")),
    "MODELBERTH_S3_OUTPUT_URI": ("s3://results/iris", "s3://results/iris"),
    "MODELBERTH_LAMBDA_RESPONSE_MODE": ("streaming", "streaming"),
}


def test_every_variable_sets_its_field() -> None:
    settings = Settings.from_environ({name: text for name, (text, _) in GIVEN.items()})
    assert {variable.name for variable in VARIABLES} == GIVEN.keys()
    for variable in VARIABLES:
        assert getattr(settings, variable.field) == GIVEN[variable.name][1]
    assert {variable.field for variable in VARIABLES} == {field.name for field in fields(Settings)}


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
        Settings.from_environ({name: text})
    assert str(caught.value).startswith(f"{name}: {text!r} is not ")
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("typo", "nearest"),
    [("MODELBERTH_THREAD", "MODELBERTH_THREADS"), ("MODELBERTH_MODEL_SHA", "MODELBERTH_MODEL_SHA256")],
)
def test_an_unknown_variable_names_the_nearest(typo: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=f"{typo}: unknown variable, did you mean {nearest}\\?"):
        Settings.from_environ({typo: "1"})


@pytest.mark.parametrize(
    ("name", "partner"),
    [
        ("MODELBERTH_API_KEY_HEADER", "MODELBERTH_API_KEYS_FILE"),
        ("MODELBERTH_CAPTURE_DROP_FIELDS", "MODELBERTH_CAPTURE_URI"),
        ("MODELBERTH_CAPTURE_HASH_FIELDS", "MODELBERTH_CAPTURE_URI"),
        ("MODELBERTH_CAPTURE_HASH_KEY_FILE", "MODELBERTH_CAPTURE_HASH_FIELDS"),
        ("MODELBERTH_CAPTURE_PERCENT", "MODELBERTH_CAPTURE_URI"),
        ("MODELBERTH_JWT_LEEWAY_SECONDS", "MODELBERTH_JWT_ISSUER"),
        ("MODELBERTH_TLS_MIN_VERSION", "MODELBERTH_TLS_CERT_FILE"),
    ],
)
def test_a_variable_without_the_one_it_belongs_to_is_refused(name: str, partner: str) -> None:
    given = {other: text for other, (text, _) in GIVEN.items()}
    del given[partner]
    if partner == "MODELBERTH_CAPTURE_URI":
        others = {"MODELBERTH_CAPTURE_DROP_FIELDS", "MODELBERTH_CAPTURE_HASH_FIELDS"}
        others |= {"MODELBERTH_CAPTURE_HASH_KEY_FILE", "MODELBERTH_CAPTURE_PERCENT"}
        given = {other: text for other, text in given.items() if other not in others - {name}}
    with pytest.raises(SettingsError, match=f"^{name}: set without {partner}, which it belongs to$"):
        Settings.from_environ(given)
    del given[name]
    assert Settings.from_environ(given).model_path == Path("a b.onnx")


def test_an_empty_list_needs_no_partner() -> None:
    assert Settings.from_environ({"MODELBERTH_CAPTURE_DROP_FIELDS": ""}).capture_drop_fields == ()
    with pytest.raises(SettingsError, match="set without MODELBERTH_CAPTURE_HASH_FIELDS"):
        Settings.from_environ(
            {
                "MODELBERTH_CAPTURE_URI": "s3://samples",
                "MODELBERTH_CAPTURE_HASH_FIELDS": "",
                "MODELBERTH_CAPTURE_HASH_KEY_FILE": "/run/hash.key",
            }
        )


def test_a_delay_for_batches_of_one_is_refused() -> None:
    alone = {"MODELBERTH_MAX_BATCH_SIZE": "1"}
    with pytest.raises(
        SettingsError, match=r"^MODELBERTH_BATCH_DELAY_MS: set with MODELBERTH_MAX_BATCH_SIZE 1"
    ):
        Settings.from_environ(alone | {"MODELBERTH_BATCH_DELAY_MS": "2"})
    assert Settings.from_environ(alone | {"MODELBERTH_BATCH_DELAY_MS": "0"}).max_batch_size == 1


def test_the_readme_documents_every_variable() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \|$", README.read_text(), re.MULTILINE)
    assert len(rows) == len(VARIABLES) > 40
    for variable, (name, default, meaning) in zip(VARIABLES, rows, strict=True):
        text = {None: "not set", "": "empty", (): "none"}.get(variable.default, f"`{variable.default}`")
        assert (name, default, meaning) == (variable.name, text, variable.meaning)
