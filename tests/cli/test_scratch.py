"""The engine's place that nobody keeps: what of the person's is in it."""

from pathlib import Path

import pytest
import yaml

from modelberth.cli.scratch import Scratch

CANARY = "canary-4711"


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "ARM_CLIENT_SECRET",
        "KUBECONFIG",
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "GITHUB_TOKEN",
        "HOME",
        "PYTHONPATH",
    ):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.mark.usefixtures("person")
def test_nothing_of_the_persons_is_in_its_environment() -> None:
    with Scratch.make({"PULUMI_DEBUG_PROVIDERS": "aws:1"}) as scratch:
        assert CANARY not in str(scratch.environment)
        assert scratch.environment["PULUMI_DEBUG_PROVIDERS"] == "aws:1"
        assert scratch.environment["LC_ALL"] == "C.UTF-8"
        assert Path(scratch.environment["HOME"]).is_relative_to(scratch.folder)
        assert scratch.environment["PULUMI_BACKEND_URL"].startswith(scratch.folder.as_uri())
    assert not scratch.folder.exists()


def test_two_have_nothing_in_common() -> None:
    with Scratch.make({}) as one, Scratch.make({}) as other:
        assert one.folder != other.folder
        assert one.environment["PULUMI_CONFIG_PASSPHRASE"] != other.environment["PULUMI_CONFIG_PASSPHRASE"]


def test_a_copy_of_the_config_has_stand_ins_for_secrets(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"

    def copy(ciphertext: str) -> dict[str, object]:
        file.write_text(
            f"""
            encryptionsalt: v1:theirs
            secretsprovider: awskms://alias/theirs
            encryptedkey: theirs
            config:
              shop:token: {{secure: {ciphertext}}}
              shop:deep: {{list: [{{secure: {ciphertext}}}, plain], secure: {{x: 1}}}}
              shop:plain: 1
            """
        )
        with Scratch.make({}) as scratch:
            (scratch.folder / "salt").write_text("encryptionsalt: v1:ours\n")
            content = yaml.safe_load(scratch.config(file).read_text())
        assert isinstance(content, dict)
        return content

    one, again, other = copy("v1:aaa"), copy("v1:aaa"), copy("v1:bbb")
    assert set(one) == {"config", "encryptionsalt"}
    assert one["encryptionsalt"] == "v1:ours"
    config = one["config"]
    assert isinstance(config, dict)
    token = config["shop:token"]
    assert token.startswith("stand-in-for-a-secret-")
    assert config["shop:deep"] == {"list": [token, "plain"], "secure": {"x": 1}}
    assert config["shop:plain"] == 1
    assert "aaa" not in str(one)
    assert one == again
    assert one != other
