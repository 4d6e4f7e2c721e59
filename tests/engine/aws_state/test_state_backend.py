"""A team's state in S3 with its secrets under a key of KMS, as `pulumi up` keeps it; moto answers both."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import yaml
from moto.kms.models import kms_backends
from moto.server import ThreadedMotoServer

from support.project import Project

pytestmark = pytest.mark.engine

BUCKET = "team-state"
REGION = "eu-central-1"
TOKEN = "told-to-nobody-4711"
PROGRAM = """
import pulumi

config = pulumi.Config()
pulumi.export("model", config.require("model"))
pulumi.export("token", config.require_secret("token"))
"""


@dataclass
class Team:
    """A project whose state lies in a bucket, and the account that the bucket and the key are in."""

    project: Project
    address: str
    key: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PULUMI_BACKEND_URL": f"s3://{BUCKET}?region={REGION}&endpoint={self.address}&s3ForcePathStyle=true",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_KMS": self.address,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PULUMI_CONFIG_PASSPHRASE": "",
        }

    @property
    def secrets(self) -> str:
        return f"awskms:///{self.key}?region={REGION}"

    def client(self, service: str) -> Any:
        return client(service, self.address)

    def pulumi(self, *command: str) -> str:
        done = self.project.run("pulumi", *command, "--non-interactive", env=self.environment)
        assert done.returncode == 0, f"pulumi {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def refused(self, *command: str) -> str:
        done = self.project.run("pulumi", *command, "--non-interactive", env=self.environment)
        assert done.returncode != 0, f"pulumi {' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def objects(self) -> dict[str, bytes]:
        """Everything in the bucket."""
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return {one["Key"]: s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.objects()[".pulumi/stacks/shop/dev.json"])
        return state


def client(service: str, address: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=address,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        httpx.post(f"{address}/moto-api/reset", trust_env=False).raise_for_status()
        where = {"LocationConstraint": REGION}
        client("s3", address).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        key = client("kms", address).create_key(Description="secrets of the state")["KeyMetadata"]["KeyId"]
        yield Team(Project(tmp_path), address, key)
    finally:
        server.stop()


def test_a_stack_lives_in_the_bucket_and_its_secrets_under_the_key(team: Team) -> None:
    team.pulumi("stack", "init", "dev", "--secrets-provider", team.secrets)
    team.pulumi("config", "set", "model", "iris")
    team.pulumi("config", "set", "--secret", "token", TOKEN)
    team.pulumi("up", "--yes", "--skip-preview")

    provider = team.state()["checkpoint"]["latest"]["secrets_providers"]
    assert provider["type"] == "cloud"
    assert provider["state"]["url"].startswith(f"awskms:///{team.key}")
    data_key = b64decode(provider["state"]["encryptedkey"])
    assert team.client("kms").decrypt(CiphertextBlob=data_key)["KeyId"].endswith(team.key)
    config = yaml.safe_load(team.project.config_file.read_text())
    assert config["secretsprovider"] == team.secrets
    assert config["config"]["shop:token"].keys() == {"secure"}

    assert json.loads(team.pulumi("stack", "output", "--json")) == {"model": "iris", "token": "[secret]"}
    shown = json.loads(team.pulumi("stack", "output", "--json", "--show-secrets"))
    assert shown == {"model": "iris", "token": TOKEN}

    team.pulumi("config", "set", "model", "roses")
    team.pulumi("up", "--yes", "--skip-preview")
    kept = team.objects()
    assert {key.split("/")[1] for key in kept} >= {"stacks", "history", "backups"}
    assert b"roses" in kept[".pulumi/stacks/shop/dev.json"]
    assert [key for key, body in kept.items() if TOKEN.encode() in body] == []
    assert not [*(team.project.folder / ".state").rglob("dev.json")], "a state lies on this machine as well"
    team.pulumi("destroy", "--yes", "--skip-preview")
    team.pulumi("stack", "rm", "dev", "--yes")
    assert ".pulumi/stacks/shop/dev.json" not in team.objects()


def test_without_the_key_the_secrets_cannot_be_read(team: Team) -> None:
    team.pulumi("stack", "init", "dev", "--secrets-provider", team.secrets)
    team.pulumi("config", "set", "model", "iris")
    team.pulumi("config", "set", "--secret", "token", TOKEN)
    # The server runs in this process; moto goes on decrypting with a key that is disabled.
    del kms_backends["123456789012"][REGION].keys[team.key]
    assert "operation error KMS: Decrypt" in team.refused("up", "--yes", "--skip-preview")
    assert TOKEN not in team.refused("config", "get", "token")


def test_while_somebody_else_updates_nobody_else_can(team: Team) -> None:
    team.pulumi("stack", "init", "dev", "--secrets-provider", team.secrets)
    lock = {"pid": 1, "username": "else", "hostname": "another", "timestamp": "2026-11-22T00:00:00Z"}
    team.client("s3").put_object(
        Bucket=BUCKET,
        Key=".pulumi/locks/organization/shop/dev/0b0b0b0b-0000-4000-8000-000000000000.json",
        Body=json.dumps(lock).encode(),
    )
    assert "locked by 1 lock" in team.refused("up", "--yes", "--skip-preview")
