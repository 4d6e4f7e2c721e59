"""A cluster of GKE: the controls that it meets, and that the opposite of each is noticed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pulumi
import pulumi_gcp.container as sdk
import pytest

from modelberth.errors import SpecError
from modelberth.gcp.gke.cluster import GcpCluster, GcpClusterArgs
from modelberth.gcp.gke.control_plane import arguments, problems
from modelberth.gcp.gke.node_pool import Gpus, NodePool, node_config
from modelberth.gcp.gke.roles import NODE_ROLE, READER
from modelberth.spec import Bytes, parse
from modelberth.spec.gke import NewGkeCluster
from support.gcp_blocks import KEY, PLACE
from support.gcp_gke import MODES, NEW, STANDARD, GkeRecorder, config, made, of
from support.recording import RecordingMonitor, run

NEW_MODES = [which for which in MODES if of(which, "Cluster")]
STANDARD_MODES = [which for which in NEW_MODES if "enableAutopilot" not in of(which, "Cluster")[0].inputs]
POOL_MODES = [which for which in MODES if of(which, "NodePool")]

Control = Callable[[Mapping[str, Any]], bool]


def settings(**changes: Any) -> NewGkeCluster:
    return parse(NewGkeCluster, {**NEW, **changes})


def of_cluster(which: str) -> dict[str, Any]:
    (found,) = of(which, "Cluster")
    return found.inputs


def nodes_of(which: str) -> Iterator[dict[str, Any]]:
    """What the nodes of a mode are made of, those of a cluster's first pool among them."""
    for one in of(which, "NodePool"):
        yield one.inputs["nodeConfig"]
    for one in of(which, "Cluster"):
        if "nodeConfig" in one.inputs:
            yield one.inputs["nodeConfig"]


def is_private(cluster: Mapping[str, Any]) -> bool:
    private = cluster.get("privateClusterConfig") or {}
    named = (cluster.get("masterAuthorizedNetworksConfig") or {}).get("cidrBlocks", [])
    return bool(private.get("enablePrivateNodes") and (private.get("enablePrivateEndpoint") or named))


def is_closed(cluster: Mapping[str, Any]) -> bool:
    networks = cluster.get("masterAuthorizedNetworksConfig")
    if networks is None or networks.get("gcpPublicCidrsAccessEnabled", True):
        return False
    return all(one["cidrBlock"] not in {"0.0.0.0/0", "::/0"} for one in networks["cidrBlocks"])


def has_identities(cluster: Mapping[str, Any]) -> bool:
    if cluster.get("enableAutopilot"):
        defaults = (cluster.get("clusterAutoscaling") or {}).get("autoProvisioningDefaults") or {}
        return "serviceAccount" in defaults
    pool = (cluster.get("workloadIdentityConfig") or {}).get("workloadPool")
    return pool == f"{PLACE.project}.svc.id.goog" and "serviceAccount" in cluster["nodeConfig"]


def encrypts_secrets(cluster: Mapping[str, Any]) -> bool:
    found = cluster.get("databaseEncryption") or {}
    return found.get("state") == "ENCRYPTED" and "/cryptoKeys/" in found.get("keyName", "")


def is_kept_up(cluster: Mapping[str, Any]) -> bool:
    shielded = cluster.get("enableAutopilot") or cluster.get("enableShieldedNodes")
    return bool(shielded) and (cluster.get("releaseChannel") or {}).get("channel") in {"REGULAR", "STABLE"}


def asks_which_images(cluster: Mapping[str, Any]) -> bool:
    mode = (cluster.get("binaryAuthorization") or {}).get("evaluationMode")
    return (
        mode == "PROJECT_SINGLETON_POLICY_ENFORCE"
        and (cluster.get("securityPostureConfig") or {}).get("mode") == "BASIC"
    )


def has_roles_alone(cluster: Mapping[str, Any]) -> bool:
    issued = cluster["masterAuth"]["clientCertificateConfig"]["issueClientCertificate"]
    return issued is False and cluster["enableLegacyAbac"] is False


def holds(control: Control) -> None:
    """Every mode meets a control; at least three of each kind are looked at."""
    assert len(NEW_MODES) >= 9
    assert len(STANDARD_MODES) >= 5
    for which in NEW_MODES:
        assert control(of_cluster(which)), which


def test_nodes_have_no_public_address_and_the_api_server_none_that_is_open() -> None:
    """G11: private nodes; the API server is reached in the network, or by its DNS name, where IAM asks."""
    holds(is_private)
    cluster = of_cluster("autopilot")
    assert cluster["privateClusterConfig"] == {"enablePrivateNodes": True, "enablePrivateEndpoint": True}
    assert cluster["controlPlaneEndpointsConfig"] == {"dnsEndpointConfig": {"allowExternalTraffic": True}}
    pools = [one for which in POOL_MODES for one in of(which, "NodePool")]
    assert len(pools) >= 8
    assert all(one.inputs["networkConfig"] == {"enablePrivateNodes": True} for one in pools)


def test_the_api_server_answers_networks_that_are_named_alone() -> None:
    """G12: none by default, those of the spec where it names any, never all of Google's."""
    holds(is_closed)
    assert of_cluster("standard")["masterAuthorizedNetworksConfig"]["cidrBlocks"] == []
    opened = of_cluster("everything")
    assert opened["masterAuthorizedNetworksConfig"]["cidrBlocks"] == [
        {"cidrBlock": "198.51.100.0/24", "displayName": "network-1"}
    ]
    assert opened["privateClusterConfig"]["enablePrivateEndpoint"] is False


@pytest.mark.parametrize("network", ["0.0.0.0/0", "128.0.0.0/1", "::/0", "10.0.0.0/16", "office"])
def test_the_internet_is_no_network_that_may_connect(network: str) -> None:
    """G12, the opposite: two halves of the internet are the internet; one's own networks need no entry."""
    with pytest.raises(SpecError, match=r"public_access\[0\].*a public network"):
        settings(public_access=[network])


def test_pods_have_an_identity_of_their_own_and_nodes_an_account_that_only_reports_and_pulls() -> None:
    """G13: the workload pool, GKE's metadata server, and never Compute Engine's default account."""
    holds(has_identities)
    found = [one for which in POOL_MODES for one in nodes_of(which)]
    assert len(found) >= 12
    for one in found:
        assert one["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert one["metadata"] == {"disable-legacy-endpoints": "true"}
        assert one["serviceAccount"].endswith(f"@{PLACE.project}.iam.gserviceaccount.com")
    rights = {
        (one.inputs["role"], one.inputs.get("repository"))
        for one in (*of("standard", "IAMMember"), *of("standard", "RepositoryIamMember"))
        if "shop-dev-iris-nodes@" in one.inputs["member"]
    }
    assert rights == {(NODE_ROLE, None), (READER, "models")}


def test_secrets_are_encrypted_with_a_key_of_ones_own() -> None:
    """G14: a key that rotates, which the agents of GKE and of Compute Engine may use."""
    holds(encrypts_secrets)
    (key,) = of("autopilot", "CryptoKey")
    assert of_cluster("autopilot")["databaseEncryption"]["keyName"].endswith(
        "/shop-dev-iris-gke/cryptoKeys/cluster"
    )
    assert key.inputs["rotationPeriod"] == f"{90 * 86400}s"
    users = {one.inputs["member"].partition("@")[2] for one in of("autopilot", "CryptoKeyIAMMember")}
    assert users == {
        "container-engine-robot.iam.gserviceaccount.com",
        "compute-system.iam.gserviceaccount.com",
    }
    assert of_cluster("everything")["databaseEncryption"]["keyName"] == KEY
    disks = {one["bootDiskKmsKey"] for one in nodes_of("everything")}
    assert disks == {KEY}
    defaults = of_cluster("autopilot")["clusterAutoscaling"]["autoProvisioningDefaults"]
    assert defaults["bootDiskKmsKey"] == of_cluster("autopilot")["databaseEncryption"]["keyName"]


def test_nodes_boot_only_what_is_signed_and_are_kept_up_to_date() -> None:
    """G15: COS, Secure Boot and integrity monitoring with GPUs as well, repair, upgrades, a channel."""
    holds(is_kept_up)
    found = [one for which in POOL_MODES for one in nodes_of(which)]
    assert sum("guestAccelerators" in one for one in found) >= 6
    for one in found:
        assert one["imageType"] == "COS_CONTAINERD"
        assert one["shieldedInstanceConfig"] == {"enableSecureBoot": True, "enableIntegrityMonitoring": True}
        assert one["kubeletConfig"] == {"insecureKubeletReadonlyPortEnabled": "FALSE"}
    pools = [one.inputs for which in POOL_MODES for one in of(which, "NodePool")]
    assert all(one["management"] == {"autoRepair": True, "autoUpgrade": True} for one in pools)
    assert of_cluster("everything")["releaseChannel"] == {"channel": "STABLE"}
    assert of_cluster("everything")["maintenancePolicy"] == {"dailyMaintenanceWindow": {"startTime": "22:30"}}


def test_the_policy_of_the_project_says_which_images_run() -> None:
    """G16: binary authorization and the security posture dashboard."""
    holds(asks_which_images)


def test_nobody_signs_in_with_a_certificate_and_roles_alone_say_who_may_what() -> None:
    """G17: no client certificate, no ABAC, and no rights for who is not asked who he is."""
    holds(has_roles_alone)
    for which in NEW_MODES:
        assert of_cluster(which)["anonymousAuthenticationConfig"] == {"mode": "LIMITED"}
        assert set(of_cluster(which)["rbacBindingConfig"].values()) == {False}


@pytest.mark.parametrize(
    ("control", "mode", "opposite"),
    [
        (is_private, "autopilot", {"privateClusterConfig": None}),
        (is_private, "standard", {"privateClusterConfig": {"enablePrivateNodes": False}}),
        (is_private, "standard", {"privateClusterConfig": {"enablePrivateNodes": True}}),
        (is_closed, "autopilot", {"masterAuthorizedNetworksConfig": None}),
        (is_closed, "standard", {"masterAuthorizedNetworksConfig": {"cidrBlocks": []}}),
        (has_identities, "standard", {"workloadIdentityConfig": None}),
        (has_identities, "standard", {"nodeConfig": {}}),
        (has_identities, "autopilot", {"clusterAutoscaling": None}),
        (encrypts_secrets, "autopilot", {"databaseEncryption": {"state": "DECRYPTED"}}),
        (encrypts_secrets, "standard", {"databaseEncryption": None}),
        (is_kept_up, "standard", {"enableShieldedNodes": False}),
        (is_kept_up, "autopilot", {"releaseChannel": None}),
        (asks_which_images, "autopilot", {"binaryAuthorization": None}),
        (asks_which_images, "autopilot", {"securityPostureConfig": {"mode": "DISABLED"}}),
        (has_roles_alone, "standard", {"enableLegacyAbac": True}),
        (
            has_roles_alone,
            "standard",
            {"masterAuth": {"clientCertificateConfig": {"issueClientCertificate": True}}},
        ),
    ],
)
def test_a_cluster_without_a_control_is_noticed(
    control: Control, mode: str, opposite: dict[str, Any]
) -> None:
    """G11, G12, G13, G14, G15, G16 and G17, the opposite: each control sees what is not so."""
    assert control(of_cluster(mode))
    assert not control({**of_cluster(mode), **opposite})


def test_nodes_of_ones_own_are_what_autopilot_has_without_a_word() -> None:
    standard, autopilot = of_cluster("standard"), of_cluster("autopilot")
    own = {"datapathProvider", "enableIntranodeVisibility", "nodeConfig", "removeDefaultNodePool"}
    assert own < standard.keys()
    assert not own & autopilot.keys()
    assert standard["datapathProvider"] == "ADVANCED_DATAPATH"  # which enforces NetworkPolicies
    assert autopilot["enableAutopilot"] is True
    (cluster,), (pool,) = of("standard", "Cluster"), of("standard", "NodePool")
    assert cluster.ignored == ("initialNodeCount", "nodeConfig")
    assert pool.ignored == ("initialNodeCount",)
    assert pool.inputs["autoscaling"]["totalMaxNodeCount"] == 3
    assert of("autopilot", "Cluster")[0].ignored == ()


def test_what_a_cluster_tells_of_itself() -> None:
    for which in NEW_MODES:
        cluster = of_cluster(which)
        assert {"DCGM", "CADVISOR"} < set(cluster["monitoringConfig"]["enableComponents"])
        assert cluster["monitoringConfig"]["managedPrometheus"] == {"enabled": True}
        assert {"WORKLOADS", "APISERVER"} < set(cluster["loggingConfig"]["enableComponents"])
        assert cluster["costManagementConfig"] == {"enabled": True}
        assert cluster["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}


def test_the_cluster_cannot_be_deleted_by_mistake() -> None:
    assert all(of_cluster(which)["deletionProtection"] is True for which in NEW_MODES)
    recorder, _ = made(config({**NEW, "deletion_protection": False}))
    assert recorder.of("Cluster")[0].inputs["deletionProtection"] is False
    assert of("everything", "Cluster")[0].protect
    assert not of("standard", "Cluster")[0].protect


def test_ranges_of_a_shared_network_are_those_that_its_owner_made() -> None:
    assert of_cluster("shared network")["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "pods",
        "servicesSecondaryRangeName": "services",
    }
    assert of_cluster("autopilot")["ipAllocationPolicy"] == {}
    theirs = {"subnetwork": "projects/shop-network/regions/europe-west4/subnetworks/models"}
    found = [one.path for one in problems(settings(**theirs), PLACE, "c")]
    assert found == ["c.pod_range", "c.service_range"]
    own = {"subnetwork": f"projects/{PLACE.project}/regions/europe-west4/subnetworks/models"}
    assert [*problems(settings(**own), PLACE, "c")] == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"subnetwork": f"projects/{PLACE.project}/regions/us-east1/subnetworks/m"}, "c.subnetwork"),
        ({"capacity": {"kind": "standard", "zones": ["us-east1-b"]}}, "c.capacity.zones[0]"),
    ],
)
def test_a_cluster_of_another_region_is_told(changes: dict[str, Any], path: str) -> None:
    (problem,) = problems(settings(**changes), PLACE, "c")
    assert problem.path == path
    assert "europe-west4" in problem.allowed


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"network": None}, "network"),
        ({"channel": "NONE"}, "channel"),
        ({"maintenance": "25:00"}, "maintenance"),
        ({"capacity": {"kind": "standard", "min": 4, "max": 3}}, "capacity.max"),
        ({"capacity": {"kind": "standard", "max": 2}}, "at least 3, a node in each zone"),
        ({"capacity": {"kind": "standard", "zones": ["europe-west4-a", "europe-west4-a"]}}, r"zones\[1\]"),
        ({"capacity": {"kind": "fargate"}}, "capacity.kind"),
        ({"public_access": ["198.51.100.0/24", "198.51.100.0/24"]}, r"public_access\[1\]"),
    ],
)
def test_what_gke_would_refuse_is_told_before(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        settings(**changes)


def test_a_name_that_gke_does_not_take_is_refused() -> None:
    recorder = GkeRecorder()
    pulumi.runtime.set_mocks(
        recorder, project="shop", stack="dev", preview=False, monitor=RecordingMonitor(recorder)
    )
    args = GcpClusterArgs(PLACE, "No spaces", settings())
    with pytest.raises(pulumi.RunError, match="name: given 'No spaces', allowed: 1 to 40 lower-case letters"):
        run(recorder, lambda: GcpCluster("c", args))


def unknown(given: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Names of arguments that the SDK's classes do not have, which it would send to nobody."""
    for name, value in given.items():
        if not hasattr(getattr(sdk, f"{kind}Args"), name):
            yield f"{kind}.{name}"
        part = "".join(word.title() for word in name.split("_"))
        inner = [
            one for one in (f"{kind}{part}", f"{kind}{part.removesuffix('s')}") if hasattr(sdk, f"{one}Args")
        ]
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and inner:
                yield from unknown(one, inner[0])


@pytest.mark.parametrize("capacity", [NEW, STANDARD])
def test_every_argument_is_one_of_the_sdk(capacity: dict[str, Any]) -> None:
    cluster = GcpClusterArgs(PLACE, "iris", parse(NewGkeCluster, capacity))
    given = arguments(cluster, account="a@b", key=KEY)
    assert len(given) >= 28
    assert [*unknown(given, "Cluster")] == []
    assert [*unknown({**given, "release_channel": {"chanel": "REGULAR"}}, "Cluster")] == [
        "ClusterReleaseChannel.chanel"
    ]


def test_every_argument_of_nodes_is_one_of_the_sdk() -> None:
    gpus = Gpus("nvidia-l4", 1, "latest", ("TIME_SHARING", 4), "1g.10gb")
    pool = NodePool("n", "g2-standard-4", 0, 1, Bytes.parse("50Gi"), gpus=gpus, taints={"a": "b"})
    given = node_config(pool, "a@b", KEY, {"team": "plants"})
    assert [*unknown(given, "NodePoolNodeConfig")] == []
    assert given["disk_size_gb"] == 50
    wrong = {**given, "guest_accelerators": [{"typ": "nvidia-l4"}]}
    assert [*unknown(wrong, "NodePoolNodeConfig")] == ["NodePoolNodeConfigGuestAccelerator.typ"]
