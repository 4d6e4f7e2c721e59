"""What the tests of Google Cloud's blocks share: a place, a key, specs, and a recorder that gives names."""

import json
from typing import Any, Final

import pytest
from pulumi.runtime import mocks

from modelberth.gcp.encryption import EncryptionKey
from modelberth.gcp.place import Place
from modelberth.serving_image import BuildContext
from modelberth.spec import EndpointSpec, parse
from support.recording import Recorder, RecordingMonitor, Registered

PLACE: Final = Place("shop-prod", "123456789012", "europe-west4")
RING: Final = f"{PLACE.parent}/keyRings/shop-dev"
KEY: Final = f"{RING}/cryptoKeys/shop-dev-iris"
EXISTING: Final = EncryptionKey(KEY)
ACCOUNT: Final = PLACE.service_account("shop-dev-iris")
"""E-mail address of a service account."""
REPOSITORY: Final = "europe-west4-docker.pkg.dev/shop-prod/models"
IMAGE: Final = f"{REPOSITORY}/server@sha256:{'d' * 64}"
BUILD: Final = BuildContext(
    "build/iris", "linux/amd64", "model", {"VERSION": "0.1.0", "MODEL_NAME": "iris"}, "c" * 64
)
"""A prepared build of the serving image, whose folder nobody reads."""


def spec(**fields: Any) -> EndpointSpec:
    """The spec of `iris`, with fields as a person writes them."""
    model = {"uri": "gs://models/iris/3.onnx", "sha256": "a" * 64, "version": "3"}
    return parse(EndpointSpec, {"name": "iris", "model": model, **fields})


class GcpRecorder(Recorder):
    """Gives the names that Google would make: the id of what is registered is its full name."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        id_, made = _made(args.typ, args.inputs) or (f"{args.name}-id", {})
        return id_, {**args.inputs, **made}

    def of(self, kind: str) -> list[Registered]:
        """The resources of a type, by its last part such as `CryptoKey`."""
        return [one for one in self.resources if one.type.rpartition(":")[2] == kind]

    def document(self, name: str, field: str) -> Any:
        """A JSON document that a resource was registered with."""
        return json.loads(self.named(name).inputs[field])


@pytest.fixture
def gcp() -> GcpRecorder:
    """A recorder that the next program registers with."""
    recorder = GcpRecorder()
    mocks.set_mocks(recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
    return recorder


def placed(recorder: Recorder) -> list[str]:
    """Types of what was registered in the project and, by location or region, in the place."""
    return [
        one.type
        for one in recorder.resources
        if one.inputs.get("project") == PLACE.project
        and PLACE.region in {one.inputs.get("location"), one.inputs.get("region")}
    ]


def outputs_of(recorder: Recorder) -> Any:
    """What the one component of a program has registered as its outputs."""
    (found,) = [outputs for urn, outputs in recorder.outputs.items() if "modelberth:index:" in urn]
    return found


def _made(kind: str, given: dict[Any, Any]) -> tuple[str, dict[str, Any]] | None:
    """Id and outputs of what Google names after its inputs; None: the id says nothing."""
    parent = f"projects/{given.get('project')}/locations/{given.get('location')}"
    match kind:
        case "gcp:kms/keyRing:KeyRing":
            return f"{parent}/keyRings/{given['name']}", {}
        case "gcp:kms/cryptoKey:CryptoKey":
            return f"{given['keyRing']}/cryptoKeys/{given['name']}", {}
        case "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember":
            return f"{given['cryptoKeyId']}/{given['role']}/{given['member']}", {"etag": "BwX"}
        case "gcp:projects/service:Service":
            return f"{given['project']}/{given['service']}", {}
        case "gcp:serviceaccount/account:Account":
            email = f"{given['accountId']}@{given['project']}.iam.gserviceaccount.com"
            name = f"projects/{given['project']}/serviceAccounts/{email}"
            made = {"email": email, "member": f"serviceAccount:{email}", "name": name, "uniqueId": "1" * 21}
            return name, made
        case "gcp:artifactregistry/repository:Repository":
            registry = f"{given['location']}-docker.pkg.dev/{given['project']}/{given['repositoryId']}"
            name = given["repositoryId"]
            return f"{parent}/repositories/{name}", {"name": name, "registryUri": registry}
        case "gcp:storage/bucket:Bucket":
            return str(given["name"]), {"url": f"gs://{given['name']}"}
        case "gcp:cloudrunv2/service:Service":
            uri = f"https://{given['name']}-{PLACE.number}.{given['location']}.run.app"
            return f"{parent}/services/{given['name']}", {"uri": uri, "urls": [uri]}
        case "gcp:vertex/aiEndpoint:AiEndpoint":
            return f"{parent}/endpoints/{given['name']}", {}
        case "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig":
            check = given["displayName"]
            return f"projects/{given['project']}/uptimeCheckConfigs/{check}", {"uptimeCheckId": check}
        case _:
            return None
