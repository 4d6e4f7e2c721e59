"""How a model comes to a pod: manifests, and what is refused before there are any."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modelberth.kubernetes.models.delivery import FETCH, claims, delivery, problems
from modelberth.kubernetes.pods.part import PodPart
from support.delivery_modes import modes
from support.endpoint_plans import IMAGE, PREVIOUS, PREVIOUS_IMAGE, canary, plan

PIN = "a" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = f"registry.example.com/server@sha256:{'2' * 64}"
IN_FILE = {"uri": "models/iris.onnx", "sha256": PIN, "version": "3"}
IN_CLAIM = {"uri": "pvc://models/iris/3", "sha256": PIN, "version": "3"}
ARTIFACT = f"registry.example.com/iris-model@sha256:{'3' * 64}"
TRITON = {"engine": "triton", "image": OTHER}
VLLM = {"engine": "vllm", "image": OTHER}
GPU = {"gpu": {"kind": "l4"}}


def part(target: dict[str, Any] | None = None, **spec: Any) -> PodPart:
    one = plan(target, **spec)
    assert [*problems(one.spec, one.target)] == []
    return delivery(one, one.main)


GOLDEN = Path(__file__).with_name("golden") / "delivery.json"
AGAIN = "REGENERATE=1 pytest tests/kubernetes/test_delivery.py writes it anew"


def test_the_parts_are_as_the_golden_file_says() -> None:
    found = {
        name: {
            "claims": claims(made),
            "parts": {revision.key: shown(delivery(made, revision)) for revision in made.revisions},
        }
        for name, made in modes().items()
    }
    text = json.dumps(found, indent=2) + "\n"
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), AGAIN


def shown(found: PodPart) -> dict[str, Any]:
    fields = {
        "env": dict(found.env),
        "initContainers": found.init_containers,
        "volumeMounts": found.mounts,
        "volumes": found.volumes,
    }
    return {name: value for name, value in fields.items() if value}


@pytest.mark.parametrize("mode", modes())
def test_no_mode_has_a_problem_or_writes_a_model_where_it_is_served(mode: str) -> None:
    made = modes()[mode]
    assert [*problems(made.spec, made.target)] == []
    for revision in made.revisions:
        found = delivery(made, revision)
        assert all(mount["readOnly"] for mount in found.mounts)
        volumes = [volume["name"] for volume in found.volumes]
        assert len(volumes) == len({*volumes})
        mounts = [*found.mounts, *(mount for init in found.init_containers for mount in init["volumeMounts"])]
        assert {mount["name"] for mount in mounts} == {*volumes}
        assert delivery(made, revision) == found


def test_the_image_holds_it() -> None:
    found = part(model=IN_FILE)
    assert found == PodPart(env={"MODELBERTH_MODEL_SHA256": PIN})
    assert part(model={"uri": "models/iris.onnx"}) == PodPart()
    # A model of elsewhere may be in the image as well.
    assert part({"delivery": {"kind": "image"}}) == PodPart(env={"MODELBERTH_MODEL_SHA256": PIN})
    assert claims(plan(model=IN_FILE)) == {}


def test_a_download() -> None:
    found = part({"delivery": {"kind": "download", "size": "2Gi", "region": "eu-central-1"}})
    assert found.volumes == ({"name": "model", "emptyDir": {"sizeLimit": "2Gi"}},)
    (mount,) = found.mounts
    assert (mount["mountPath"], mount["readOnly"], len(mount["subPath"])) == ("/mnt/models", True, 32)
    assert found.env == {"MODELBERTH_MODEL_PATH": "/mnt/models", "MODELBERTH_MODEL_SHA256": PIN}
    (init,) = found.init_containers
    assert init == {
        "name": FETCH,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "modelberth_server"],
        "args": [
            "fetch",
            "s3://models/iris/3.onnx",
            "--to",
            f"/mnt/delivery/{mount['subPath']}",
            "--sha256",
            PIN,
            "--format",
            "onnx",
        ],
        "env": [{"name": "AWS_REGION", "value": "eu-central-1"}],
        "volumeMounts": [{"name": "model", "mountPath": "/mnt/delivery"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    assert part().init_containers[0]["args"] == init["args"]


def test_credentials_are_files_and_no_variables() -> None:
    store = {"credentials": "minio", "endpoint": "http://minio.minio.svc:9000", "private_hosts": []}
    for kind in ("download", "cache"):
        found = part({"delivery": {"kind": kind, **store}})
        (init,) = found.init_containers
        secret = {"secretName": "minio", "defaultMode": 0o440}
        assert found.volumes[1] == {"name": "model-credentials", "secret": secret}
        assert init["volumeMounts"][1] == {
            "name": "model-credentials",
            "mountPath": "/etc/modelberth/model-credentials",
            "readOnly": True,
        }
        assert init["args"][4:6] == ["--credentials", "/etc/modelberth/model-credentials"]
        assert {one["name"]: one["value"] for one in init["env"]} == {
            "AWS_ALLOW_HTTP": "true",
            "AWS_ENDPOINT_URL": "http://minio.minio.svc:9000",
        }
        # The server itself gets none of it.
        assert [mount["name"] for mount in found.mounts] == ["model"]
        assert "AWS" not in json.dumps(dict(found.env))


def test_private_hosts_are_named() -> None:
    model = {"uri": "https://files.corp/iris/3.onnx", "sha256": PIN}
    hosts = ["files.corp", "10.20.0.0/16"]
    found = part({"delivery": {"kind": "download", "private_hosts": hosts}}, model=model)
    assert found.init_containers[0]["env"] == [
        {"name": "MODELBERTH_ALLOW_PRIVATE_HOSTS", "value": "files.corp,10.20.0.0/16"}
    ]


def test_a_cache_is_shared() -> None:
    one = plan({"delivery": {"kind": "cache", "size": "20Gi", "storage_class": "nfs"}}, rollout=canary())
    (role,) = claims(one)
    claim = claims(one)[role]
    assert claim["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert claim["metadata"]["name"] == f"{one.name}-model-cache"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "20Gi"}},
        "storageClassName": "nfs",
    }
    new, previous = (delivery(one, revision) for revision in one.revisions)
    assert new.volumes == previous.volumes
    assert new.volumes[0]["persistentVolumeClaim"] == {"claimName": f"{one.name}-model-cache"}
    assert new.mounts[0]["subPath"] != previous.mounts[0]["subPath"]
    assert new.init_containers[0]["image"] == previous.init_containers[0]["image"] == IMAGE
    theirs = plan({"delivery": {"kind": "cache", "claim": "shared"}})
    assert claims(theirs) == {}
    shared = delivery(theirs, theirs.main)
    assert shared.volumes[0]["persistentVolumeClaim"] == {"claimName": "shared"}
    # Another endpoint with the same model finds it there.
    assert shared.mounts[0]["subPath"] == new.mounts[0]["subPath"]


@pytest.mark.parametrize(
    ("spec", "mode"),
    [
        ({"scaling": {"max": 1}, "rollout": {"strategy": "recreate"}}, "ReadWriteOnce"),
        ({"scaling": {"max": 1}}, "ReadWriteMany"),
        ({"scaling": {"max": 2}, "rollout": {"strategy": "recreate"}}, "ReadWriteMany"),
    ],
)
def test_who_may_hold_the_cache(spec: dict[str, Any], mode: str) -> None:
    (claim,) = claims(plan({"delivery": {"kind": "cache"}}, **spec)).values()
    assert claim["spec"]["accessModes"] == [mode]
    assert "storageClassName" not in claim["spec"]


@pytest.mark.parametrize(
    ("uri", "revision"),
    [
        (f"oci://{ARTIFACT}", None),
        (f"oci://{ARTIFACT.partition('@')[0]}", ARTIFACT.partition("@")[2]),
    ],
)
def test_an_image_volume(uri: str, revision: str | None) -> None:
    mirrors = {"registry.example.com": "mirror.corp/x"}
    found = part({"registry": {"mirrors": mirrors}}, model={"uri": uri, "revision": revision, "sha256": PIN})
    reference = ARTIFACT.replace("registry.example.com", "mirror.corp/x")
    assert found.volumes == (
        {"name": "model", "image": {"reference": reference, "pullPolicy": "IfNotPresent"}},
    )
    assert found.mounts == ({"name": "model", "mountPath": "/mnt/models", "readOnly": True},)
    assert found.env["MODELBERTH_MODEL_SHA256"] == PIN
    assert found.init_containers == ()


def test_a_claim_that_exists() -> None:
    found = part(model=IN_CLAIM)
    assert found.volumes == (
        {"name": "model", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}},
    )
    assert found.mounts == (
        {"name": "model", "mountPath": "/mnt/models", "readOnly": True, "subPath": "iris/3"},
    )
    assert found.init_containers == ()
    file = part(model={**IN_CLAIM, "uri": "pvc://models/iris/3.onnx"})
    assert file.mounts[0]["mountPath"] == file.env["MODELBERTH_MODEL_PATH"] == "/mnt/models/model.onnx"
    # Another engine verifies nothing itself.
    model = {**IN_CLAIM, "format": "triton", "uri": "pvc://models/repository"}
    other = part(model=model, runtime=TRITON)
    (init,) = other.init_containers
    assert init["args"] == ["fetch", "file:/models", "--sha256", PIN, "--format", "triton"]
    assert init["volumeMounts"] == [*other.mounts]
    assert other.mounts[0]["readOnly"]
    assert other.env == {}


@pytest.mark.parametrize(
    ("model", "runtime", "mount", "arguments"),
    [
        (
            {"uri": "hf://org/name", "revision": COMMIT, "format": "safetensors"},
            VLLM,
            "/mnt/models",
            [f"hf://org/name@{COMMIT}", "--format", "safetensors"],
        ),
        (
            {"uri": "hf://org/name/onnx/model.onnx", "revision": "v1", "sha256": PIN},
            TRITON,
            "/models/iris/1",
            ["hf://org/name@v1/onnx/model.onnx", "--sha256", PIN, "--format", "onnx"],
        ),
        (
            {"uri": "gs://bucket/7.tar.gz", "revision": "17/x", "format": "savedmodel", "version": "7"},
            {"engine": "tensorflow-serving", "image": OTHER},
            "/models/iris/7",
            ["gs://bucket/7.tar.gz@17%2Fx", "--format", "savedmodel"],
        ),
        (
            {"uri": "azblob://account/box/$(HOME)", "sha256": PIN, "format": "custom"},
            {"engine": "custom", "image": OTHER},
            "/mnt/models",
            ["azblob://account/box/$$(HOME)", "--sha256", PIN, "--format", "custom"],
        ),
    ],
)
def test_each_engine_finds_it_in_its_layout(
    model: dict[str, Any], runtime: dict[str, Any], mount: str, arguments: list[str]
) -> None:
    resources = GPU if runtime["engine"] == "vllm" else {}
    found = part(model=model, runtime=runtime, resources=resources)
    assert found.mounts[0]["mountPath"] == mount
    (init,) = found.init_containers
    assert init["image"] == IMAGE
    assert [*init["args"][:2], *init["args"][4:]] == ["fetch", *arguments]
    assert ("MODELBERTH_MODEL_PATH" in found.env) is (runtime["engine"] == "custom")


S3 = {"uri": "s3://models/iris/3.onnx", "sha256": PIN}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a file is downloaded": (
        {"delivery": {"kind": "download"}},
        {"model": IN_FILE},
        ["target.delivery.kind"],
    ),
    "a file is cached": ({"delivery": {"kind": "cache"}}, {"model": IN_FILE}, ["target.delivery.kind"]),
    "an object as a volume": ({"delivery": {"kind": "image_volume"}}, {}, ["target.delivery.kind"]),
    "a claim is downloaded": (
        {"delivery": {"kind": "download"}},
        {"model": IN_CLAIM},
        ["target.delivery.kind"],
    ),
    "an artifact is downloaded": (
        {"delivery": {"kind": "download"}},
        {"model": {"uri": f"oci://{ARTIFACT}", "sha256": PIN}},
        ["target.delivery.kind"],
    ),
    "an artifact by tag": ({}, {"model": {"uri": "oci://registry/iris:3", "sha256": PIN}}, ["model.uri"]),
    "an artifact by tag and digest of another kind": (
        {},
        {"model": {"uri": "oci://registry/iris", "revision": "3", "sha256": PIN}},
        ["model.uri"],
    ),
    "two digests": (
        {},
        {"model": {"uri": f"oci://{ARTIFACT}", "revision": f"sha256:{PIN}", "sha256": PIN}},
        ["model.revision"],
    ),
    "an artifact whose file is not pinned": (
        {},
        {"model": {"uri": f"oci://{ARTIFACT}", "revision": ARTIFACT.partition("@")[2]}},
        ["model.sha256"],
    ),
    "a claim without a path": ({}, {"model": {**IN_CLAIM, "uri": "pvc://models/../x"}}, ["model.uri"]),
    "no name of a claim": ({}, {"model": {**IN_CLAIM, "uri": "pvc://Models/x"}}, ["model.uri"]),
    "an archive in a claim": ({}, {"model": {**IN_CLAIM, "uri": "pvc://models/x.zip"}}, ["model.uri"]),
    "a revision in a claim": (
        {},
        {"model": {"uri": "pvc://models/x", "revision": "3"}},
        ["model.revision", "model.sha256"],
    ),
    "https by revision": (
        {},
        {"model": {"uri": "https://files.example/3.onnx", "revision": "3"}},
        ["model.revision", "model.sha256"],
    ),
    "the hub at a tag": (
        {},
        {
            "model": {"uri": "hf://org/name", "revision": "v1", "format": "safetensors"},
            "runtime": VLLM,
            "resources": GPU,
        },
        ["model.revision"],
    ),
    "the hub without a revision": (
        {},
        {"model": {"uri": "hf://org/name/model.onnx", "sha256": PIN}},
        ["model.revision"],
    ),
    "a folder by revision": (
        {},
        {
            "model": {"uri": "s3://models/7", "revision": "v", "format": "custom"},
            "runtime": TRITON | {"engine": "custom"},
        },
        ["model.revision", "model.sha256"],
    ),
    "our server without a pin": (
        {},
        {"model": {"uri": "s3://models/3.onnx", "revision": "v"}},
        ["model.sha256"],
    ),
    "an ONNX file as a saved model": (
        {},
        {
            "model": {**S3, "format": "savedmodel"},
            "runtime": {"engine": "tensorflow-serving", "image": OTHER},
        },
        ["model.uri"],
    ),
    "a package for Triton": (
        {},
        {"model": {**S3, "uri": "s3://models/iris"}, "runtime": TRITON},
        ["model.uri"],
    ),
    "nothing to fetch with": (
        {"image": None},
        {"model": {**S3, "version": "3"}, "runtime": TRITON},
        ["target.image"],
    ),
    "nothing to verify with": (
        {"image": None},
        {"model": {**IN_CLAIM, "format": "triton"}, "runtime": TRITON},
        ["target.image"],
    ),
    "another engine's own image": (
        {},
        {"model": {**IN_FILE, "format": "safetensors"}, "runtime": {"engine": "vllm"}, "resources": GPU},
        ["runtime.image"],
    ),
    "two models in one image": (
        {},
        {"model": IN_FILE, "variants": {"small": {"model": {"uri": "b.onnx"}, "weight": 10}}},
        ["variants.small.model.uri"],
    ),
    "the previous model in the image of the new one": (
        {"delivery": {"kind": "image"}},
        {"rollout": canary()},
        ["target.previous_image"],
    ),
    "a previous image of nothing": ({"previous_image": PREVIOUS_IMAGE}, {}, ["target.previous_image"]),
    "a previous model that is not pinned": (
        {},
        {"rollout": {**canary(), "previous": {"uri": "s3://m/2.onnx", "revision": "x"}}},
        ["rollout.previous.sha256"],
    ),
    "a size of a claim that exists": (
        {"delivery": {"kind": "cache", "claim": "shared", "size": "20Gi"}},
        {},
        ["target.delivery.size"],
    ),
    "settings of S3 for the hub": (
        {
            "delivery": {
                "kind": "download",
                "endpoint": "https://s3.corp",
                "region": "x",
                "private_hosts": ["a"],
            }
        },
        {"model": {"uri": "hf://org/name/model.onnx", "revision": COMMIT, "sha256": PIN}},
        ["target.delivery.endpoint", "target.delivery.region", "target.delivery.private_hosts"],
    ),
    "no TLS and no pin": (
        {"delivery": {"kind": "download", "endpoint": "http://minio:9000"}},
        {"model": {"uri": "s3://m/3.onnx", "revision": "x"}, "runtime": TRITON},
        ["target.delivery.endpoint"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    target, spec, paths = REFUSED[case]
    one = plan(target, **spec)
    found = [*problems(one.spec, one.target)]
    assert [problem.path for problem in found] == paths
    assert all(problem.given and problem.allowed for problem in found)


def test_the_way_back_is_allowed() -> None:
    one = plan({"previous_image": PREVIOUS_IMAGE, "delivery": {"kind": "image"}}, rollout=canary(0))
    assert [*problems(one.spec, one.target)] == []
    assert PREVIOUS["sha256"] == delivery(one, one.revisions[1]).env["MODELBERTH_MODEL_SHA256"]


def test_a_mixed_rollout_takes_each_way() -> None:
    one = plan(rollout={**canary(), "previous": IN_CLAIM})
    assert [*problems(one.spec, one.target)] == []
    new, previous = (delivery(one, revision) for revision in one.revisions)
    assert "emptyDir" in new.volumes[0]
    assert "persistentVolumeClaim" in previous.volumes[0]
