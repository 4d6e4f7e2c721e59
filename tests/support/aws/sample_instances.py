"""The sample on instances: an endpoint of SageMaker and a cluster."""

from __future__ import annotations

from pulumi_aws import eks, iam, sagemaker

from support.aws.sample_data import Shared, assumed

__all__ = ["cluster", "sagemaker_endpoint"]


def sagemaker_endpoint(shared: Shared) -> None:
    region = shared.region
    role = iam.Role("sagemaker-role", name="iris-sm", assume_role_policy=assumed("sagemaker.amazonaws.com"))
    model = sagemaker.Model(
        "model",
        region=region,
        name="iris",
        execution_role_arn=role.arn,
        enable_network_isolation=True,
        primary_container={"image": shared.image, "environment": {"MODEL_NAME": "iris"}},
        vpc_config={"subnets": ["subnet-0123456789abcdef0"], "security_group_ids": ["sg-0123456789abcdef0"]},
    )
    configuration = sagemaker.EndpointConfiguration(
        "configuration",
        region=region,
        name="iris-1",
        kms_key_arn=shared.key.arn,
        production_variants=[
            {
                "variant_name": "live",
                "model_name": model.name,
                "initial_instance_count": 2,
                "instance_type": "ml.m5.large",
                "initial_variant_weight": 1,
            }
        ],
        data_capture_config={
            "enable_capture": True,
            "initial_sampling_percentage": 10,
            "destination_s3_uri": "s3://iris-models/captured",
            "kms_key_id": shared.key.arn,
            "capture_options": [{"capture_mode": "InputAndOutput"}],
        },
    )
    sagemaker.Endpoint(
        "endpoint",
        region=region,
        name="iris",
        endpoint_config_name=configuration.name,
        deployment_config={
            "blue_green_update_policy": {
                "traffic_routing_configuration": {
                    "type": "CANARY",
                    "wait_interval_in_seconds": 300,
                    "canary_size": {"type": "INSTANCE_COUNT", "value": 1},
                }
            },
            "auto_rollback_configuration": {"alarms": [{"alarm_name": "iris-errors"}]},
        },
    )


def cluster(shared: Shared) -> None:
    region = shared.region
    subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    role = iam.Role("cluster-role", name="iris-eks", assume_role_policy=assumed("eks.amazonaws.com"))
    iam.RolePolicyAttachment(
        "cluster-policy", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    )
    cluster = eks.Cluster(
        "cluster",
        region=region,
        name="iris",
        role_arn=role.arn,
        version="1.33",
        vpc_config={
            "subnet_ids": subnets,
            "endpoint_private_access": True,
            "endpoint_public_access": False,
        },
        access_config={"authentication_mode": "API"},
        encryption_config={"provider": {"key_arn": shared.key.arn}, "resources": ["secrets"]},
        enabled_cluster_log_types=["api", "audit", "authenticator", "controllerManager", "scheduler"],
    )
    nodes = iam.Role("nodes-role", name="iris-nodes", assume_role_policy=assumed("ec2.amazonaws.com"))
    eks.NodeGroup(
        "nodes",
        region=region,
        cluster_name=cluster.name,
        node_group_name="gpu",
        node_role_arn=nodes.arn,
        subnet_ids=subnets,
        scaling_config={"min_size": 0, "max_size": 2, "desired_size": 1},
        instance_types=["g5.xlarge"],
        ami_type="AL2023_x86_64_NVIDIA",
        taints=[{"key": "nvidia.com/gpu", "effect": "NO_SCHEDULE"}],
        tags={"team": "shop"},
    )
    entry = eks.AccessEntry(
        "deployer",
        region=region,
        cluster_name=cluster.name,
        principal_arn=shared.place.arn("iam", "role/deployer"),
        type="STANDARD",
    )
    eks.AccessPolicyAssociation(
        "deployer-may",
        region=region,
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy",
        access_scope={"type": "cluster"},
    )
    eks.PodIdentityAssociation(
        "pods",
        region=region,
        cluster_name=cluster.name,
        namespace="iris",
        service_account="iris",
        role_arn=shared.place.arn("iam", "role/iris"),
    )
