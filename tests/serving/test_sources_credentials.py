"""Files of a mounted secret become what the clients of the stores read."""

from pathlib import Path

import pytest

from modelberth_server.errors import SettingsError
from modelberth_server.sources.credentials import credentials

PROFILES = """
[default]
aws_access_key_id = AKIA1
aws_secret_access_key = secret1
region = eu-central-1

[team]
aws_access_key_id = AKIA2
aws_secret_access_key = secret2
aws_session_token = token2
"""


def mounted(folder: Path, files: dict[str, str]) -> Path:
    """As a kubelet mounts a secret: links to the files of a hidden folder."""
    (folder / "..2026").mkdir()
    (folder / "..data").symlink_to("..2026")
    for name, text in files.items():
        (folder / "..2026" / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def test_each_kind_of_file(tmp_path: Path) -> None:
    folder = mounted(
        tmp_path,
        {"AZURE_STORAGE_ACCOUNT_KEY": "key\n", "HF_TOKEN": "hf_x", "gcp.json": "{}", "ca.crt": "PEM"},
    )
    assert credentials(folder, {}) == {
        "AZURE_STORAGE_ACCOUNT_KEY": "key",
        "HF_TOKEN": "hf_x",
        "GOOGLE_APPLICATION_CREDENTIALS": f"{folder}/gcp.json",
        "SSL_CERT_FILE": f"{folder}/ca.crt",
    }


def test_aws_shared_credentials(tmp_path: Path) -> None:
    folder = mounted(tmp_path, {"credentials": PROFILES})
    assert credentials(folder, {}) == {
        "AWS_ACCESS_KEY_ID": "AKIA1",
        "AWS_SECRET_ACCESS_KEY": "secret1",
        "AWS_REGION": "eu-central-1",
    }
    assert credentials(folder, {"AWS_PROFILE": "team"}) == {
        "AWS_ACCESS_KEY_ID": "AKIA2",
        "AWS_SECRET_ACCESS_KEY": "secret2",
        "AWS_SESSION_TOKEN": "token2",
    }


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "holds no file"),
        ({"key.pem": "x"}, "key.pem is not known; each file is a variable of the store"),
        ({"PATH": "x"}, "PATH is not known"),
        ({"LD_PRELOAD": "x"}, "LD_PRELOAD is not known"),
        ({"HF_TOKEN": " \n"}, "HF_TOKEN is empty"),
        ({"credentials": "hidden-key"}, "is not a file of sections"),
        ({"credentials": "[other]\nx = hidden-key"}, "has no section [default]"),
        ({"credentials": "[default]\naws_access_key_id = hidden-key"}, "has no aws_secret_access_key"),
    ],
)
def test_refused(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        credentials(mounted(tmp_path, files), {})
    assert reason in str(caught.value)
    assert "hidden-key" not in str(caught.value)
