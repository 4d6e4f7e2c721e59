"""What only a Kubernetes target holds: how the model, the requests, GPUs and replicas come to its pods."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from modelberth.errors import Problem, SpecError, shown

from .quantities import Bytes, Duration
from .rules import Count, Flag, Matching, Part, between

__all__ = [
    "DNS_LABEL",
    "OBJECT_NAME",
    "Cache",
    "CaptureStore",
    "CertManager",
    "ClusterService",
    "ClusterTarget",
    "DeviceClaim",
    "DevicePlugin",
    "Download",
    "ExternalSecrets",
    "GatewayRoute",
    "GpuAccess",
    "HorizontalPodAutoscaler",
    "ImageVolume",
    "InImage",
    "IngressRoute",
    "Keda",
    "KubernetesTarget",
    "Mig",
    "ModelDelivery",
    "Prometheus",
    "Registry",
    "Route",
    "Scaler",
    "TimeSliced",
    "origin",
]

_KIND = "Which one."

DNS_LABEL: Final = Matching(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "1 to 63 lower-case letters, digits and hyphens"
)
"""Names of namespaces: RFC 1123 labels."""
DnsLabel = Annotated[str, DNS_LABEL]
OBJECT_NAME: Final = Matching(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*",
    "1 to 253 lower-case letters, digits, hyphens and dots",
)
"""Names of most objects: RFC 1123 subdomains."""
ObjectName = Annotated[str, OBJECT_NAME]
LabelKey = Annotated[
    str,
    Matching(
        r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?",
        "a label's key such as example.com/team",
    ),
]
LabelValue = Annotated[
    str,
    Matching(
        r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?",
        "up to 63 letters, digits, dots, hyphens and underscores",
    ),
]
ImageReference = Annotated[
    str,
    Matching(
        r"[a-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*@sha256:[0-9a-f]{64}",
        "an image by digest, REGISTRY/NAME@sha256:…",
        "A tag can be moved to another image; a digest cannot.",
    ),
]
Text = Annotated[str, Field(min_length=1, max_length=1024)]


def origin(value: str) -> str:
    """Return a namespace as it is, or an IP network in its normal form; raise `SpecError` for all else."""
    try:
        return str(ip_network(value)) if "/" in value else DNS_LABEL.check(value)
    except ValueError:
        raise SpecError(
            Problem("", shown(value), "a namespace, or an IP network such as 10.0.0.0/8")
        ) from None


Origin = Annotated[str, AfterValidator(origin)]
HttpUrl = Annotated[
    str, Matching(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?", "an http or https address")
]
# Of a store that models are fetched from.
StoreCredentials = Annotated[
    ObjectName | None,
    Field(
        description="Existing Secret whose entries are the store's credential files: variables by name "
        "(AWS_…, GOOGLE_…, AZURE_…, HF_TOKEN), `credentials` (AWS), `*.json` (Google) or `ca.crt`. Unset: "
        "the identity of the pod's service account."
    ),
]
StoreEndpoint = Annotated[
    HttpUrl | None, Field(description="Address of an S3-compatible store, for s3 models. Unset: AWS.")
]
StoreRegion = Annotated[
    Annotated[str, Matching(r"[a-z0-9-]{1,64}", "a region such as eu-central-1")] | None,
    Field(
        description="Region of the store, for s3 models. Unset: us-east-1, or what the identity's webhook "
        "sets."
    ),
]
PrivateHosts = Annotated[
    tuple[
        Annotated[
            str,
            Matching(
                r"[A-Za-z0-9:.-]{1,253}(/[0-9]{1,3})?",
                "a host name, an address or a network such as 10.20.0.0/16",
            ),
        ],
        ...,
    ],
    Field(
        max_length=16,
        description="Hosts with private addresses that https models may be fetched from; others are refused.",
    ),
]


class InImage(Part):
    """The model is a layer of the image."""

    kind: Literal["image"] = Field("image", description=_KIND)


class Download(Part):
    """An init container of each pod fetches the model and checks its digest."""

    kind: Literal["download"] = Field("download", description=_KIND)
    size: Annotated[Bytes, between(Bytes, "64Mi", "16Ti")] = Field(
        Bytes(10 * 2**30),
        description="Most that the model may take on the node's disk; a pod with more is stopped.",
    )
    credentials: StoreCredentials = None
    endpoint: StoreEndpoint = None
    region: StoreRegion = None
    private_hosts: PrivateHosts = ()


class Cache(Part):
    """As a download, into a volume that all replicas share and that outlives them."""

    kind: Literal["cache"] = Field("cache", description=_KIND)
    claim: ObjectName | None = Field(
        None, description="Existing PersistentVolumeClaim. Unset: one is made and goes with the endpoint."
    )
    storage_class: ObjectName | None = Field(
        None,
        description="Storage class of the claim that is made; it must allow access from many nodes "
        "(ReadWriteMany), unless there is never more than one pod: `scaling.max` 1 with rollout recreate. "
        "Unset: the cluster's default.",
    )
    size: Annotated[Bytes, between(Bytes, "64Mi", "16Ti")] = Field(
        Bytes(10 * 2**30), description="Size of the claim that is made."
    )
    credentials: StoreCredentials = None
    endpoint: StoreEndpoint = None
    region: StoreRegion = None
    private_hosts: PrivateHosts = ()

    @model_validator(mode="after")
    def _one_claim(self) -> Self:
        if self.claim is not None and self.storage_class is not None:
            raise SpecError(
                Problem("storage_class", self.storage_class, "nothing beside `claim`, which exists already")
            )
        return self


class ImageVolume(Part):
    """An OCI artifact, mounted by the kubelet as a read-only volume (stable since Kubernetes 1.36).

    The nodes' container runtime has to know such volumes: containerd from 2.1, CRI-O from 1.31.
    """

    kind: Literal["image_volume"] = Field("image_volume", description=_KIND)


ModelDelivery = Annotated[InImage | Download | Cache | ImageVolume, Field(discriminator="kind")]


class Registry(Part):
    """Where the nodes pull images from."""

    pull_secret: ObjectName | None = Field(
        None, description="Existing Secret (kubernetes.io/dockerconfigjson) that the kubelet pulls with."
    )
    mirrors: Mapping[
        Annotated[str, Matching(r"[a-z0-9][A-Za-z0-9.:/_-]*[A-Za-z0-9]", "a registry or a path in one")],
        Annotated[str, Matching(r"[a-z0-9][A-Za-z0-9.:/_-]*[A-Za-z0-9]", "a registry or a path in one")],
    ] = Field(
        {},
        max_length=32,
        description="Beginnings of image references and what takes their place, for sites without a way "
        "out; the longest that fits is taken. Digests stay.",
    )


class DevicePlugin(Part):
    """Whole GPUs as the vendor's device plugin offers them."""

    kind: Literal["device_plugin"] = Field("device_plugin", description=_KIND)


class TimeSliced(Part):
    """Shares of a GPU in turns, without a bound on memory: neighbours can exhaust it."""

    kind: Literal["time_sliced"] = Field("time_sliced", description=_KIND)


class Mig(Part):
    """A slice of a GPU with memory of its own (NVIDIA Multi-Instance GPU)."""

    kind: Literal["mig"] = Field("mig", description=_KIND)
    profile: Annotated[
        str, Matching(r"[1-7]g\.[1-9][0-9]{0,2}gb(\.me)?", "a MIG profile such as 1g.10gb or 3g.40gb")
    ] = Field(description="Profile of the slice.")


class DeviceClaim(Part):
    """Dynamic resource allocation: a claim of a device class (`resource.k8s.io/v1`)."""

    kind: Literal["device_claim"] = Field("device_claim", description=_KIND)
    device_class: ObjectName = Field("gpu.nvidia.com", description="Existing DeviceClass.")


GpuAccess = Annotated[DevicePlugin | TimeSliced | Mig | DeviceClaim, Field(discriminator="kind")]


class HorizontalPodAutoscaler(Part):
    """Kubernetes' own: processor use from metrics-server, other metrics from a custom metrics adapter."""

    kind: Literal["hpa"] = Field("hpa", description=_KIND)


class Keda(Part):
    """KEDA asks Prometheus, and can scale to zero.

    At zero nothing takes a request: the first caller gets an error unless something in front holds it.
    """

    kind: Literal["keda"] = Field("keda", description=_KIND)
    prometheus: HttpUrl = Field(description="Address of the Prometheus server, as KEDA reaches it.")
    authentication: ObjectName | None = Field(
        None, description="Existing TriggerAuthentication for that server. Unset: none is sent."
    )
    waking: Text | None = Field(
        None,
        description="PromQL that is above 0 while requests wait at what stands in front of the endpoint, for "
        "`scaling.min` 0: at zero no pod tells of them.",
    )


Scaler = Annotated[HorizontalPodAutoscaler | Keda, Field(discriminator="kind")]


class CertManager(Part):
    """cert-manager issues the certificate and renews it."""

    issuer: ObjectName = Field(description="Name of the issuer.")
    kind: Literal["ClusterIssuer", "Issuer"] = Field("ClusterIssuer", description="Kind of the issuer.")


class ClusterService(Part):
    """Reached inside the cluster only."""

    kind: Literal["service"] = Field("service", description=_KIND)
    tls: Flag = Field(
        default=False,
        description="The server itself speaks TLS, with the certificate of `certificates` or "
        "`security.tls.certificate`.",
    )
    client_ca: ObjectName | None = Field(
        None,
        description="Existing Secret whose entry `ca.crt` holds the authorities of which a caller must have "
        "a certificate (mTLS). Unset: none is asked for.",
    )
    callers: tuple[Origin, ...] = Field(
        (),
        max_length=50,
        description="Namespaces and IP networks that may connect. Empty: every namespace of the cluster.",
    )


class GatewayRoute(Part):
    """An HTTPRoute at a Gateway that exists."""

    kind: Literal["gateway"] = Field("gateway", description=_KIND)
    gateway: ObjectName = Field(description="Name of the Gateway.")
    namespace: DnsLabel | None = Field(None, description="Its namespace. Unset: the endpoint's.")
    section: DnsLabel | None = Field(
        None, description="Listener of the Gateway, which ends TLS. Unset: each that admits the host."
    )
    envoy: Flag = Field(
        default=False,
        description="The Gateway is Envoy Gateway's: it also checks tokens and limits the rate, by its own "
        "policies.",
    )
    jwks: (
        Annotated[str, Matching(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?", "an https address")] | None
    ) = Field(
        None,
        description="Keys of the tokens' issuer, for Envoy Gateway, which does not discover them. Unset: the "
        "server alone checks tokens.",
    )
    proxies: tuple[Origin, ...] = Field(
        (),
        max_length=50,
        description="Namespaces and IP networks of the Gateway's proxies; only they may connect. Empty: the "
        "Gateway's namespace, and with `envoy` envoy-gateway-system instead.",
    )

    @model_validator(mode="after")
    def _keys_for_envoy(self) -> Self:
        if self.jwks is not None and not self.envoy:
            raise SpecError(Problem("jwks", shown(self.jwks), "nothing without `envoy`"))
        return self


class IngressRoute(Part):
    """An Ingress, for clusters without the Gateway API. It can neither weigh revisions nor mirror."""

    kind: Literal["ingress"] = Field("ingress", description=_KIND)
    ingress_class: ObjectName | None = Field(None, description="IngressClass. Unset: the cluster's default.")
    annotations: Mapping[LabelKey, Text] = Field(
        {},
        max_length=32,
        description="Annotations for the controller, such as its own bounds of time and size.",
    )
    proxies: tuple[Origin, ...] = Field(
        (),
        max_length=50,
        description="Namespaces and IP networks of the controller's proxies; only they may connect. Empty: "
        "every namespace of the cluster.",
    )


Route = Annotated[ClusterService | GatewayRoute | IngressRoute, Field(discriminator="kind")]


class Prometheus(Part):
    """How metrics are found and who evaluates the alerts."""

    operator: Flag = Field(
        default=False,
        description="The Prometheus operator is there: monitors and rules are its objects. Off: scrape "
        "annotations, and the rules in a ConfigMap.",
    )
    labels: Mapping[LabelKey, LabelValue] = Field(
        {}, max_length=16, description="Labels by which the operator selects monitors and rules."
    )
    namespace: DnsLabel | None = Field(
        None, description="Namespace that Prometheus scrapes from; only it may. Unset: any may."
    )
    grafana: Flag = Field(
        default=True, description="Dashboard as a ConfigMap with the label `grafana_dashboard`."
    )


class CaptureStore(Part):
    """Where the sample of `monitoring.capture` goes; the pods' service account must be able to write it."""

    uri: Annotated[
        str,
        Matching(
            r"(s3|gs|azblob)://[A-Za-z0-9._-]+(/[A-Za-z0-9._/=-]*)?",
            "a folder such as s3://BUCKET/PATH, gs://BUCKET/PATH or azblob://ACCOUNT/CONTAINER/PATH",
        ),
    ] = Field(description="Folder in an object store.")
    hash_key: ObjectName | None = Field(
        None,
        description="Existing Secret whose entry `key` is the key for `monitoring.capture.hash_fields`, at "
        "least 16 bytes.",
    )


class ExternalSecrets(Part):
    """External Secrets fills the Secrets that the endpoint refers to, from a store."""

    store: ObjectName = Field(description="Name of the store.")
    kind: Literal["ClusterSecretStore", "SecretStore"] = Field(
        "ClusterSecretStore", description="Kind of the store."
    )


class ClusterTarget(Part):
    """Pods in a cluster, wherever it is; each kind of cluster adds how it is reached."""

    kind: str = Field(description="The target.")  # first: it tells the targets apart
    namespace: DnsLabel = Field("modelberth", description="Namespace of the endpoint's objects.")
    create_namespace: Flag = Field(
        default=False,
        description="Make the namespace, with Pod Security `restricted` enforced, and delete it with the "
        "stack. Off: it exists already, and stays.",
    )
    engine: Literal["deployment", "kserve", "ray"] = Field(
        "deployment",
        description="What runs the pods: a Deployment, KServe's InferenceService or Ray's RayService.",
    )
    image: ImageReference | None = Field(
        None,
        description="Serving image by digest, as `make image` builds it, for engine onnxruntime. "
        "`runtime.image` comes first.",
    )
    previous_image: ImageReference | None = Field(
        None,
        description="Image that holds `rollout.previous`, where models are layers of images.",
    )
    registry: Registry = Field(default_factory=Registry, description="Where the nodes pull images from.")
    delivery: ModelDelivery | None = Field(
        None,
        description="How the model comes to a pod. Unset: `image` for a file, `image_volume` for oci, the "
        "claim itself for pvc, else `download`.",
    )
    service_account_annotations: Mapping[LabelKey, Text] = Field(
        {},
        max_length=16,
        description="Annotations that give the pods' service account an identity of a cloud.",
    )
    gpu: GpuAccess = Field(default_factory=DevicePlugin, description="How a pod asks for its GPUs.")
    runtime_class: ObjectName | None = Field(
        None, description="RuntimeClass of pods with GPUs. Unset: the cluster's default."
    )
    node_selector: Mapping[LabelKey, LabelValue] = Field(
        {}, max_length=16, description="Labels that a node must have."
    )
    scaler: Scaler = Field(
        default_factory=HorizontalPodAutoscaler, description="What changes the number of replicas."
    )
    route: Route = Field(default_factory=ClusterService, description="How requests reach the pods.")
    key_rotation: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None,
        description="Any text, for an API key that is generated. Another one makes a new key; the one before "
        "it stays valid until the next.",
    )
    certificates: CertManager | None = Field(
        None, description="Who issues certificates. Unset: `security.tls.certificate` names a Secret."
    )
    external_secrets: ExternalSecrets | None = Field(
        None, description="Who fills Secrets. Unset: those that the spec names exist already."
    )
    secret_provider_classes: tuple[ObjectName, ...] = Field(
        (),
        max_length=8,
        description="Existing SecretProviderClasses of the Secrets Store CSI driver in the namespace. Every "
        "pod mounts them, read-only, which makes the driver fill the Secrets of their `secretObjects`: those "
        "need not exist before.",
    )
    prometheus: Prometheus = Field(default_factory=Prometheus, description="Metrics and alerts.")
    otlp: HttpUrl | None = Field(
        None,
        description="Collector of OpenTelemetry traces (OTLP over HTTP), such as "
        "http://collector.monitoring:4318, for `monitoring.tracing`.",
    )
    capture: CaptureStore | None = Field(None, description="Store for `monitoring.capture`. Unset: none.")
    spread_over: tuple[LabelKey, ...] = Field(
        ("topology.kubernetes.io/zone", "kubernetes.io/hostname"),
        max_length=4,
        description="Labels of nodes over whose values replicas are spread, as far as it can be had.",
    )
    priority_class: ObjectName | None = Field(
        None, description="PriorityClass of the pods. Unset: the cluster's default."
    )
    placement_timeout: Annotated[Duration, between(Duration, "10s", "2h")] = Field(
        Duration(300_000),
        description="Longest until a pod's server starts: a node for it, which may have to be made first, "
        "the image and the model's download. Then `limits.startup_timeout` begins; an update that has got no "
        "further after both is given up.",
    )
    drain_delay_seconds: Count = Field(
        5,
        ge=0,
        le=300,
        description="Seconds that a pod goes on accepting requests after its end began: load balancers learn "
        "of it late.",
    )

    @model_validator(mode="after")
    def _certificate_has_a_host(self) -> Self:
        if self.certificates is not None and isinstance(self.route, GatewayRoute):
            raise SpecError(
                Problem(
                    "certificates",
                    self.certificates.issuer,
                    "nothing with route gateway: its listener holds the certificate",
                )
            )
        return self

    @model_validator(mode="after")
    def _classes_are_mounted_once(self) -> Self:
        classes = self.secret_provider_classes
        problems = [
            Problem(f"secret_provider_classes[{place}]", shown(name), "each class once")
            for place, name in enumerate(classes)
            if name in classes[:place]
        ]
        if problems:
            raise SpecError(*problems)
        return self

    def as_kubernetes(self) -> "KubernetesTarget":
        """Return the same pods as a target of any cluster: what the cluster itself is made of is left out."""
        shared = (ClusterTarget.model_fields.keys() & self.model_fields_set) - {"kind"}
        return KubernetesTarget.model_validate({name: getattr(self, name) for name in shared})


class KubernetesTarget(ClusterTarget):
    """Pods in any Kubernetes cluster."""

    kind: Literal["kubernetes"] = Field("kubernetes", description="The target.")
    context: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        None, description="Context of the kubeconfig. Unset: its current one."
    )
