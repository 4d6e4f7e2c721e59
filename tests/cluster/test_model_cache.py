"""A cache of models in real pods: filled once, shared, and never served as it was not pinned."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from modelberth.kubernetes.models.delivery import FETCH
from modelberth.kubernetes.plan import Plan
from modelberth.kubernetes.stages import stages
from support.cluster import Cluster, Namespace, Object, wait
from support.endpoint_plans import plan
from support.engine_modes import within
from support.model_store import SETOSA, ModelStore
from support.project import SETOSA as ROWS

CLASS = "modelberth-test-cache"
PARENT = "/var/tmp"  # of the node
FOLDER = f"{PARENT}/modelberth-test-cache"
HOSTNAME = "kubernetes.io/hostname"
KEEPER = "keeper"
INSTANCE = "app.kubernetes.io/instance={}"
# Every user may write: a hostPath does not know the group of a pod.
KEEPS = f"""
import os, shutil, signal
shutil.rmtree("{FOLDER}", ignore_errors=True)
os.mkdir("{FOLDER}")
os.chmod("{FOLDER}", 0o777)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("ready", flush=True)
signal.pause()
"""
# A model of the same size, since another size would be told without a digest.
DAMAGE = f"""
import pathlib
(path,) = pathlib.Path("{FOLDER}").glob("*/model.onnx")
content = path.read_bytes()
assert content.count(b"setosa") == 1
path.write_bytes(content.replace(b"setosa", b"Setosa"))
"""
REMOVE = f"import shutil; shutil.rmtree('{FOLDER}')"
LOOK = f"""
import json, pathlib
found = pathlib.Path("{FOLDER}").glob("*/model.onnx")
print(json.dumps([[str(one), one.stat().st_ino, one.stat().st_mtime_ns] for one in sorted(found)]))
"""


@dataclass(frozen=True)
class Volume:
    """A folder of one node as a volume that many pods write, which no provisioner has made."""

    space: Namespace
    """Where somebody with all rights looks after it."""
    node: str

    def run(self, program: str) -> str:
        """What a Python program prints that runs in the folder, as root."""
        return self.space.kubectl("exec", KEEPER, "--", "python3", "-c", program)

    def models(self) -> list[tuple[str, int, int]]:
        """Path, inode and time of change of each model."""
        return [tuple(one) for one in json.loads(self.run(LOOK))]

    @classmethod
    @contextmanager
    def kept(cls, cluster: Cluster, image: str, of: Namespace) -> Iterator["Volume"]:
        """The volume of a namespace's only claim, until the block ends."""
        node = str(
            json.loads(cluster.kubectl("get", "nodes", "--output=json"))["items"][0]["metadata"]["name"]
        )
        with cluster.namespace(f"{KEEPER}-of-model-cache", labels={}) as space:
            volume = cls(space, node)
            space.apply(volume._keeper(image))
            wait("the folder is there", lambda: "ready" in volume._said(), 30)
            manifest = volume._manifest(of)
            cluster.kubectl("apply", "--filename=-", given=json.dumps(manifest))
            try:
                yield volume
            finally:
                volume.run(REMOVE)
                cluster.kubectl("delete", "persistentvolume", manifest["metadata"]["name"], "--wait=false")

    def _said(self) -> str:
        return self.space.cluster.run(f"--namespace={self.space.name}", "logs", KEEPER).stdout

    def _keeper(self, image: str) -> Object:
        container = {
            "name": KEEPER,
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", KEEPS],
            "securityContext": {"runAsUser": 0},
            "volumeMounts": [{"name": "parent", "mountPath": PARENT}],
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": KEEPER},
            "spec": {
                "nodeName": self.node,
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 1,
                "containers": [container],
                "volumes": [{"name": "parent", "hostPath": {"path": PARENT, "type": "Directory"}}],
            },
        }

    def _manifest(self, of: Namespace) -> Object:
        on_node = {"key": HOSTNAME, "operator": "In", "values": [self.node]}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{of.name}-cache"},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteMany"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": CLASS,
                "hostPath": {"path": FOLDER},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
            },
        }


@pytest.fixture
def volume(cluster: Cluster, serving_image: str, namespace: Namespace) -> Iterator[Volume]:
    with Volume.kept(cluster, serving_image, namespace) as volume:
        yield volume


def test_replicas_share_a_cache_and_never_a_damaged_model(
    namespace: Namespace, serving_image: str, volume: Volume
) -> None:
    store = ModelStore.within(namespace, serving_image)
    delivery = {**store.delivery, "kind": "cache", "storage_class": CLASS}

    def deploy(replicas: int) -> Plan:
        made = plan(
            {"image": serving_image, "delivery": delivery},
            model=ModelStore.source(1),
            resources={"cpu": "100m", "memory": "256Mi"},
            scaling={"min": replicas, "max": replicas},
            security={"auth": {"kind": "none"}},
        )
        made = within(made, namespace.name)
        namespace.apply(*(dict(one) for one in stages(made)))
        namespace.wait_for_rollout(made.name)
        return made

    made = deploy(1)
    claim = namespace.get("persistentvolumeclaim", f"{made.name}-model-cache")
    assert claim["status"]["phase"] == "Bound"
    assert claim["spec"]["volumeName"] == f"{namespace.name}-cache"
    (filled,) = volume.models()
    fetched = fetching(namespace, made)
    (first,) = fetched.values()
    assert "\nfetched s3://" in first

    deploy(2)
    (later,) = fetching(namespace, made).keys() - fetched.keys()
    assert fetching(namespace, made)[later].startswith("verified what was there of s3://"), "and no more"
    assert volume.models() == [filled], "the second has not written it again"
    assert {pod["spec"]["nodeName"] for pod in namespace.pods(INSTANCE.format(made.name))} == {volume.node}

    volume.run(DAMAGE)
    known = fetching(namespace, made).keys()
    namespace.kubectl("delete", "pod", later, "--wait=false")
    wait("another pod takes its place", lambda: bool(fetching(namespace, made).keys() - known))
    namespace.wait_for_rollout(made.name)
    (newest,) = fetching(namespace, made).keys() - known
    assert "is not what was delivered: fetching it again" in fetching(namespace, made)[newest]
    (repaired,) = volume.models()
    assert repaired[0] == filled[0]
    assert repaired[1] != filled[1], "the damaged file is another one"
    # A request comes to either of the two.
    for _ in range(10):
        answer = httpx.post(
            f"{namespace.service_url(made.name)}/predict", json={"input": ROWS}, trust_env=False
        )
        assert answer.status_code == 200
        assert SETOSA in answer.content


def fetching(namespace: Namespace, made: Plan) -> dict[str, str]:
    """What each pod said while its model came, without those that are going or have not begun."""
    pods = [str(pod["metadata"]["name"]) for pod in namespace.pods(INSTANCE.format(made.name))]
    done = {
        pod: namespace.cluster.run(f"--namespace={namespace.name}", "logs", pod, f"--container={FETCH}")
        for pod in pods
    }
    return {pod: one.stdout for pod, one in done.items() if one.returncode == 0 and one.stdout}
