"""Which key encrypts what."""

from typing import Any

from modelberth.preview.effects import Kind
from modelberth.preview.plan import Marker

from .case import CHANGE, DANGER, Case, silent, tells

CASES: list[Case] = [
    tells(
        "key: another",
        "aws:cloudwatch/logGroup:LogGroup",
        {"kmsKeyId": "arn:a"},
        {"kmsKeyId": "arn:b"},
        Kind.KEY_CHANGED,
        CHANGE,
        "'arn:a' → 'arn:b'",
        "its log events",
    ),
    tells(
        "key: another for messages",
        "aws:sqs/queue:Queue",
        {"kmsMasterKeyId": "arn:a"},
        {"kmsMasterKeyId": "arn:b"},
        Kind.KEY_CHANGED,
        CHANGE,
        "its messages",
    ),
    tells(
        "key: none any more",
        "aws:cloudwatch/logGroup:LogGroup",
        {"kmsKeyId": "arn:a"},
        {},
        Kind.KEY_CHANGED,
        DANGER,
        "loses its own key 'arn:a'",
    ),
    tells(
        "key: a first one",
        "aws:cloudwatch/logGroup:LogGroup",
        {},
        {"kmsKeyId": "arn:a"},
        Kind.KEY_CHANGED,
        CHANGE,
        "gets a key of its own",
    ),
    silent(
        "key: made with one",
        "aws:cloudwatch/logGroup:LogGroup",
        None,
        {"kmsKeyId": "arn:a"},
        Kind.KEY_CHANGED,
    ),
    silent(
        "key: another retention",
        "aws:cloudwatch/logGroup:LogGroup",
        {"kmsKeyId": "a", "retentionInDays": 1},
        {"kmsKeyId": "a", "retentionInDays": 2},
        Kind.KEY_CHANGED,
    ),
    tells(
        "key: the whole block goes",
        "aws:ecr/repository:Repository",
        {"encryptionConfigurations": [{"kmsKey": "arn:a"}]},
        {},
        Kind.KEY_CHANGED,
        DANGER,
        "`encryptionConfigurations[0].kmsKey`",
        replaces=["encryptionConfigurations"],
    ),
    tells(
        "key: not known yet",
        "gcp:artifactregistry/repository:Repository",
        {"kmsKeyName": "a"},
        {"kmsKeyName": Marker.UNKNOWN},
        Kind.KEY_CHANGED,
        CHANGE,
        "(known after the update)",
    ),
]

KEY_PATHS = {
    "aws:lambda/function:Function": "kmsKeyArn",
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": "kmsKeyArn dataCaptureConfig.kmsKeyId",
    "aws:eks/cluster:Cluster": "encryptionConfig.provider.keyArn",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId"
    ),
    "aws:secretsmanager/secret:Secret": "kmsKeyId",
    "aws:ssm/parameter:Parameter": "keyId",
    "aws:dynamodb/table:Table": "serverSideEncryption.kmsKeyArn",
    "gcp:cloudrunv2/service:Service": "template.encryptionKey",
    "gcp:vertex/aiEndpoint:AiEndpoint": "encryptionSpec.kmsKeyName",
    "gcp:container/cluster:Cluster": "databaseEncryption.keyName",
    "gcp:container/nodePool:NodePool": "nodeConfig.bootDiskKmsKey",
    "gcp:storage/bucket:Bucket": "encryption.defaultKmsKeyName",
    "gcp:secretmanager/secret:Secret": "replication.auto.customerManagedEncryption.kmsKeyName",
    "gcp:secretmanager/regionalSecret:RegionalSecret": "customerManagedEncryption.kmsKeyName",
    "gcp:bigquery/dataset:Dataset": "defaultEncryptionConfiguration.kmsKeyName",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "cmekSettings.kmsKeyName",
    "gcp:compute/disk:Disk": "diskEncryptionKey.kmsKeySelfLink",
    "gcp:sql/databaseInstance:DatabaseInstance": "encryptionKeyName",
    "gcp:filestore/instance:Instance": "kmsKeyName",
    "azure-native:machinelearningservices:Workspace": "encryption.keyVaultProperties.keyIdentifier",
    "azure-native:cognitiveservices:Account": "properties.encryption.keyVaultProperties.keyName",
    "azure-native:containerservice:ManagedCluster": "diskEncryptionSetID",
    "azure-native:containerregistry:Registry": "encryption.keyVaultProperties.keyIdentifier",
    "azure-native:storage:StorageAccount": "encryption.keyVaultProperties.keyName",
    "azure-native:cosmosdb:DatabaseAccount": "keyVaultKeyUri",
}


def nested(path: str, value: Any) -> dict[str, Any]:
    """Inputs that hold a value at a path."""
    for part in reversed(path.split(".")):
        key = part.removesuffix("[]")
        value = {key: [value]} if part.endswith("[]") else {key: value}
    return dict(value)


CASES += [
    tells(
        f"{token}: {path}", token, nested(path, "a"), nested(path, "b"), Kind.KEY_CHANGED, CHANGE, "'a' → 'b'"
    )
    for token, paths in KEY_PATHS.items()
    for path in paths.split()
]
