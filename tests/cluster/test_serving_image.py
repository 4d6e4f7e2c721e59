"""The serving image on a real cluster: as a confined pod and behind a Service."""

import httpx

from support.cluster import Namespace, Object, wait
from support.project import SETOSA

NAME = "iris"
LABELS = {"app.kubernetes.io/name": NAME}
REPLICAS = 2
DRAIN_DELAY_S, DRAIN_S = 3, 6


def manifests(image: str) -> list[Object]:
    """A Deployment and a Service for it, written out: what `KubernetesEndpoint` has to come down to."""
    settings = {
        "MODELBERTH_DRAIN_DELAY_SECONDS": str(DRAIN_DELAY_S),
        "MODELBERTH_DRAIN_SECONDS": str(DRAIN_S),
    }
    container = {
        "name": "server",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": name, "value": value} for name, value in settings.items()],
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "startupProbe": probe("/health/ready", periodSeconds=1, failureThreshold=60),
        "readinessProbe": probe("/health/ready", periodSeconds=1),
        "livenessProbe": probe("/health/live", periodSeconds=5),
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
            "limits": {"memory": "512Mi", "ephemeral-storage": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DRAIN_DELAY_S + DRAIN_S + 5,
        "securityContext": {
            "runAsGroup": 10001,
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "labelSelector": {"matchLabels": LABELS},
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
            }
        ],
        "containers": [container],
    }
    deployment = {
        "replicas": REPLICAS,
        "selector": {"matchLabels": LABELS},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": LABELS}, "spec": pod},
    }
    service = {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME}, "spec": deployment},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": service},
    ]


def probe(path: str, **more: int) -> Object:
    return {"httpGet": {"path": path, "port": "http"}, **more}


def deploy(namespace: Namespace, image: str) -> None:
    namespace.apply(*manifests(image))
    namespace.wait_for_rollout(NAME)


def predict(url: str) -> httpx.Response:
    return httpx.post(f"{url}/predict", json={"input": SETOSA}, timeout=10, trust_env=False)


def test_confined_pods_answer_by_themselves_and_behind_a_service(
    namespace: Namespace, serving_image: str
) -> None:
    deploy(namespace, serving_image)
    pods = namespace.pods(f"app.kubernetes.io/name={NAME}")
    assert len(pods) == REPLICAS
    assert len({pod["spec"]["nodeName"] for pod in pods}) == min(REPLICAS, len(namespace.list("nodes")))
    urls = [f"http://{pod['status']['podIP']}:8080" for pod in pods]
    for url in [*urls, namespace.service_url(NAME)]:
        answer = predict(url)
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"] == ["setosa"]
    for pod in pods:
        assert pod["status"]["containerStatuses"][0]["imageID"]
        metrics = httpx.get(f"http://{pod['status']['podIP']}:9090/metrics", trust_env=False)
        assert "modelberth_requests_total" in metrics.text


def test_an_image_of_another_digest_never_runs(namespace: Namespace, serving_image: str) -> None:
    wrong = f"{serving_image.partition('@')[0]}@sha256:{'0' * 64}"
    namespace.apply(*manifests(wrong))

    def reasons() -> set[str]:
        statuses = [status for pod in namespace.list("pods") for status in statuses_of(pod)]
        return {status["state"].get("waiting", {}).get("reason", "") for status in statuses}

    wait("the image cannot be pulled", lambda: bool(reasons() & {"ErrImagePull", "ImagePullBackOff"}))
    assert namespace.get("deployment", NAME)["status"].get("availableReplicas", 0) == 0


def statuses_of(pod: Object) -> list[Object]:
    return list(pod["status"].get("containerStatuses", []))
