"""Cases: made, replaced, removed; what is lost and what no longer guards against that."""

from modelberth.preview.effects import Kind
from modelberth.preview.plan import Marker
from support.plans import step

from .case import CHANGE, DANGER, Case, silent, tells

SAGEMAKER = "aws:sagemaker/endpoint:Endpoint"
ROLE = "aws:iam/role:Role"
BUCKET = "aws:s3/bucket:Bucket"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
OTHER = "random:index/randomPet:RandomPet"
A, B = {"name": "a"}, {"name": "b"}

ROLE_REPLACED = step(ROLE, A, B, replaces=["name"], name="role", outputs_before={"arn": "arn:old"})

REPLACED = [
    tells(
        "delete first: down for a known time",
        SAGEMAKER,
        A,
        B,
        Kind.REPLACED,
        DANGER,
        "`scoring` is replaced: it is down for about 4 to 10 minutes, because `name` changes and the old one "
        "goes first.",
        replaces=["name"],
        delete_first=True,
        facts={"downtime_seconds": (240, 600), "paths": ("name",)},
    ),
    tells(
        "delete first: for how long is not known",
        "gcp:cloudrunv2/service:Service",
        A,
        B,
        Kind.REPLACED,
        DANGER,
        "it is down, for how long is not known, because `name` changes",
        replaces=["name"],
        delete_first=True,
        facts={"downtime_seconds": None},
    ),
    tells(
        "create first: not down",
        SAGEMAKER,
        A,
        B,
        Kind.REPLACED,
        CHANGE,
        "the new one is there before the old one goes, because `name` changes",
        replaces=["name"],
        facts={"downtime_seconds": None},
    ),
    tells(
        "cascade: the cause is named",
        SAGEMAKER,
        {"name": "a", "endpointConfigName": "arn:old"},
        {"name": "a", "endpointConfigName": Marker.UNKNOWN},
        Kind.REPLACED,
        CHANGE,
        "because `endpointConfigName` changes with `role`, which is replaced",
        replaces=["endpointConfigName"],
        others=(ROLE_REPLACED,),
    ),
    tells(
        "no cascade: another value",
        SAGEMAKER,
        {"endpointConfigName": "arn:mine"},
        {"endpointConfigName": "arn:new"},
        Kind.REPLACED,
        CHANGE,
        "because `endpointConfigName` changes.",
        replaces=["endpointConfigName"],
        others=(ROLE_REPLACED,),
    ),
    tells(
        "no cascade: two resources of one name",
        SAGEMAKER,
        A,
        B,
        Kind.REPLACED,
        CHANGE,
        "because `name` changes.",
        replaces=["name"],
        others=(step(ROLE, A, B, replaces=["name"], name="role", outputs_before=A),),
    ),
    tells(
        "two causes",
        SAGEMAKER,
        {"name": "a", "region": "a"},
        {"name": "b", "region": "b"},
        Kind.REPLACED,
        CHANGE,
        "because `name` and `region` change",
        replaces=["name", "region"],
    ),
    tells(
        "behind: a role",
        ROLE,
        A,
        B,
        Kind.REPLACED,
        CHANGE,
        "the old one goes once the new one is there",
        "loses its permissions",
        replaces=["name"],
    ),
    tells(
        "behind: a role that goes first",
        ROLE,
        A,
        B,
        Kind.REPLACED,
        DANGER,
        "before there is a new one",
        replaces=["name"],
        delete_first=True,
    ),
    tells(
        "any type",
        OTHER,
        A,
        B,
        Kind.REPLACED,
        CHANGE,
        "(random:index/randomPet:RandomPet) is replaced, the new one comes first, because `name` changes.",
        replaces=["name"],
    ),
    silent("changed in place", SAGEMAKER, {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, Kind.REPLACED),
]

PLAIN = [
    tells("made", OTHER, None, A, Kind.CREATED, CHANGE, "is created."),
    tells(
        "changed",
        OTHER,
        {"length": 1},
        {"length": 2},
        Kind.IN_PLACE,
        CHANGE,
        "is changed in place: `length` 1 → 2.",
    ),
    tells("removed", OTHER, {}, None, Kind.REMOVED, CHANGE, "is removed."),
    tells(
        "kept", OTHER, {}, None, Kind.REMOVED, CHANGE, "leaves this stack and stays where it is", retain=True
    ),
    tells(
        "what a rule leaves over is told too",
        "gcp:cloudrunv2/service:Service",
        {"template": {"timeout": "1s"}, "labels": {"x": "1"}},
        {"template": {"timeout": "2s"}, "labels": {"x": "2"}},
        Kind.IN_PLACE,
        CHANGE,
        "in place: `labels.x` '1' → '2'.",
        facts={"paths": ("labels.x",)},
    ),
    silent(
        "what a rule told is not told twice",
        "gcp:cloudrunv2/service:Service",
        {"template": {"timeout": "1s"}},
        {"template": {"timeout": "2s"}},
        Kind.IN_PLACE,
    ),
    silent("the same", OTHER, A, A, Kind.IN_PLACE),
]

DATA = [
    tells(
        "bucket: removed",
        BUCKET,
        {"forceDestroy": True},
        None,
        Kind.DATA_DELETED,
        DANGER,
        "is removed, and the objects in it go with it.",
    ),
    tells(
        "bucket: refused while it is not empty",
        BUCKET,
        {},
        None,
        Kind.DATA_DELETED,
        DANGER,
        "the service refuses that while there are any, since `forceDestroy` is off",
    ),
    tells(
        "bucket: replaced",
        BUCKET,
        {"bucket": "a"},
        {"bucket": "b"},
        Kind.DATA_DELETED,
        DANGER,
        "replaced by a new one without them",
        "because `bucket` changes",
        replaces=["bucket"],
    ),
    silent("bucket: kept", BUCKET, {}, None, Kind.DATA_DELETED, retain=True),
    tells(
        "bucket: kept, and told",
        BUCKET,
        {},
        None,
        Kind.REMOVED,
        CHANGE,
        "leaves this stack and stays where it is, with the objects in it",
        retain=True,
    ),
    silent("bucket: changed in place", BUCKET, {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, Kind.DATA_DELETED),
    silent("bucket: made", BUCKET, None, {}, Kind.DATA_DELETED),
    tells("logs: replaced", LOGS, A, B, Kind.DATA_DELETED, DANGER, "the log events in it", replaces=["name"]),
]

HOLDS = {
    "aws:kms/key:Key": "the contents of all that only it can decrypt",
    "aws:ecr/repository:Repository": "the images in it",
    LOGS: "the log events in it",
    "aws:secretsmanager/secret:Secret": "the values in it",
    "aws:ssm/parameter:Parameter": "the values in it",
    "aws:dynamodb/table:Table": "the items in it",
    "aws:rds/instance:Instance": "the tables in it",
    "aws:rds/cluster:Cluster": "the tables in it",
    "aws:efs/fileSystem:FileSystem": "the files on it",
    "aws:ebs/volume:Volume": "the files on it",
    "gcp:artifactregistry/repository:Repository": "the images in it",
    "gcp:storage/bucket:Bucket": "the objects in it",
    "gcp:kms/cryptoKey:CryptoKey": "the contents of all that only it can decrypt",
    "gcp:secretmanager/secret:Secret": "the values in it",
    "gcp:secretmanager/regionalSecret:RegionalSecret": "the values in it",
    "gcp:bigquery/dataset:Dataset": "the tables in it",
    "gcp:bigquery/table:Table": "the rows in it",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "the log entries in it",
    "gcp:compute/disk:Disk": "the files on it",
    "gcp:sql/databaseInstance:DatabaseInstance": "the databases in it",
    "gcp:filestore/instance:Instance": "the files on it",
    "azure-native:containerregistry:Registry": "the images in it",
    "azure-native:keyvault:Vault": "the keys and secrets in it",
    "azure-native:keyvault:Key": "the contents of all that only it can decrypt",
    "azure-native:keyvault:Secret": "the values in it",
    "azure-native:storage:StorageAccount": "the blobs and files in it",
    "azure-native:storage:BlobContainer": "the blobs in it",
    "azure-native:storage:FileShare": "the files in it",
    "azure-native:operationalinsights:Workspace": "the log entries in it",
    "azure-native:cosmosdb:DatabaseAccount": "the databases in it",
    "azure-native:resources:ResourceGroup": "all resources in it",
    "kubernetes:core/v1:Namespace": "all objects in it",
    "kubernetes:core/v1:PersistentVolumeClaim": "the files on its volume",
    "kubernetes:core/v1:PersistentVolume": "the files on it",
    "aws:sqs/queue:Queue": "the messages in it",
    "gcp:pubsub/subscription:Subscription": "the messages that nobody has taken",
}
DATA += [
    tells(f"{token}: removed", token, {}, None, Kind.DATA_DELETED, DANGER, f"and {what} go with it")
    for token, what in HOLDS.items()
]
DATA += [silent(f"{token}: kept", token, {}, None, Kind.DATA_DELETED, retain=True) for token in HOLDS]

BEHIND = {
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": "cannot start another instance",
    "gcp:pubsub/topic:Topic": "messages to it are lost",
    "aws:sagemaker/model:Model": "cannot start another instance",
    "aws:appautoscaling/target:Target": "no longer follows the load",
    "aws:eks/nodeGroup:NodeGroup": "moved or stopped",
    ROLE: "loses its permissions",
    "aws:iam/instanceProfile:InstanceProfile": "loses its permissions",
    "gcp:container/nodePool:NodePool": "moved or stopped",
    "gcp:serviceaccount/account:Account": "loses its permissions",
    "azure-native:machinelearningservices:Workspace": "its endpoints, models and data sets go with it",
    "azure-native:containerservice:AgentPool": "moved or stopped",
    "azure-native:managedidentity:UserAssignedIdentity": "loses its permissions",
    "azure-native:monitor:AutoscaleSetting": "no longer follows the load",
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": "no longer follows the load",
    "kubernetes:keda.sh/v1alpha1:ScaledObject": "no longer follows the load",
    "kubernetes:policy/v1:PodDisruptionBudget": "may stop all replicas at once",
    "kubernetes:core/v1:ServiceAccount": "lose their permissions",
    "kubernetes:core/v1:ConfigMap": "cannot start",
    "kubernetes:core/v1:Secret": "cannot start",
}
SERVES = (
    "aws:lambda/function:Function",
    "aws:lambda/alias:Alias",
    "aws:lambda/functionUrl:FunctionUrl",
    SAGEMAKER,
    "aws-native:sagemaker:Endpoint",
    "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/stage:Stage",
    "aws:apigatewayv2/route:Route",
    "aws:apigateway/restApi:RestApi",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:cloudfront/distribution:Distribution",
    "aws:eks/cluster:Cluster",
    "gcp:cloudrunv2/service:Service",
    "gcp:cloudrun/service:Service",
    "gcp:vertex/aiEndpoint:AiEndpoint",
    "gcp:vertex/aiEndpointWithModelGardenDeployment:AiEndpointWithModelGardenDeployment",
    "gcp:container/cluster:Cluster",
    "gcp:compute/address:Address",
    "gcp:compute/globalAddress:GlobalAddress",
    "azure-native:app:ContainerApp",
    "azure-native:app:ManagedEnvironment",
    "azure-native:machinelearningservices:OnlineEndpoint",
    "azure-native:machinelearningservices:OnlineDeployment",
    "azure-native:cognitiveservices:Account",
    "azure-native:containerservice:ManagedCluster",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:core/v1:Service",
    "kubernetes:networking.k8s.io/v1:Ingress",
    "kubernetes:gateway.networking.k8s.io/v1:Gateway",
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
    "kubernetes:serving.kserve.io/v1beta1:InferenceService",
    "modelberth:local:Process",
)
REMOVED = [
    tells(f"{token}: removed", token, {}, None, Kind.REMOVED, DANGER, consequence)
    for token, consequence in BEHIND.items()
]
REMOVED += [
    tells(f"{token}: removed", token, {}, None, Kind.REMOVED, DANGER, "calls to it fail from then on")
    for token in SERVES
]
REMOVED += [
    tells(f"{token}: kept", token, {}, None, Kind.REMOVED, CHANGE, "stays where it is", retain=True)
    for token in (*BEHIND, *SERVES)
]

LIFTED = Kind.PROTECTION_LIFTED
GUARDED = [
    tells(
        "bucket: may be emptied",
        BUCKET,
        {},
        {"forceDestroy": True},
        LIFTED,
        DANGER,
        "may be deleted together with the objects in it",
    ),
    silent(
        "bucket: may no longer be emptied", BUCKET, {"forceDestroy": True}, {"forceDestroy": False}, LIFTED
    ),
    silent("bucket: made so", BUCKET, None, {"forceDestroy": True}, LIFTED),
    tells(
        "repository: may be emptied",
        "aws:ecr/repository:Repository",
        {},
        {"forceDelete": True},
        LIFTED,
        DANGER,
        "the images in it",
    ),
    tells(
        "gcs: may be emptied",
        "gcp:storage/bucket:Bucket",
        {},
        {"forceDestroy": True},
        LIFTED,
        DANGER,
        "the objects in it",
    ),
    tells(
        "dataset: may be emptied",
        "gcp:bigquery/dataset:Dataset",
        {},
        {"deleteContentsOnDestroy": True},
        LIFTED,
        DANGER,
        "the tables in it",
    ),
    *(
        tells(
            f"{token}: {path}", token, {path: True}, {path: False}, LIFTED, DANGER, f"`{path}` true → false"
        )
        for token, path in {
            "aws:lb/loadBalancer:LoadBalancer": "enableDeletionProtection",
            "aws:eks/cluster:Cluster": "deletionProtection",
            "aws:dynamodb/table:Table": "deletionProtectionEnabled",
            "aws:rds/instance:Instance": "deletionProtection",
            "aws:rds/cluster:Cluster": "deletionProtection",
            "gcp:cloudrunv2/service:Service": "deletionProtection",
            "gcp:container/cluster:Cluster": "deletionProtection",
            "gcp:secretmanager/secret:Secret": "deletionProtection",
            "gcp:bigquery/table:Table": "deletionProtection",
            "gcp:sql/databaseInstance:DatabaseInstance": "deletionProtection",
        }.items()
    ),
    tells(
        "vault",
        "azure-native:keyvault:Vault",
        {"properties": {"enablePurgeProtection": True}},
        {"properties": {"enablePurgeProtection": False}},
        LIFTED,
        DANGER,
        "may be deleted",
    ),
    tells(
        "volume: no longer retained",
        "kubernetes:core/v1:PersistentVolume",
        {"spec": {"persistentVolumeReclaimPolicy": "Retain"}},
        {"spec": {"persistentVolumeReclaimPolicy": "Delete"}},
        LIFTED,
        DANGER,
        "'Retain' → 'Delete'",
    ),
    silent(
        "database: protected by default",
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"deletionProtection": True},
        {},
        LIFTED,
    ),
    silent(
        "cluster: protected now",
        "aws:eks/cluster:Cluster",
        {"deletionProtection": False},
        {"deletionProtection": True},
        LIFTED,
    ),
    tells(
        "by the engine, and nothing else changes",
        OTHER,
        A,
        A,
        LIFTED,
        DANGER,
        "no longer protected",
        protect_before=True,
    ),
    silent("by the engine, as before", OTHER, A, A, LIFTED, protect_before=True, protect=True),
    silent("by the engine, removed", OTHER, {}, None, LIFTED, protect_before=True),
]

CASES: list[Case] = [*REPLACED, *PLAIN, *DATA, *REMOVED, *GUARDED]
