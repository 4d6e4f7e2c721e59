"""Rows of the controls undone in the good program."""

from __future__ import annotations

from typing import Final

from support.clouds.flips import GONE, Flip

__all__ = ["FLIPS"]

FLIPS: Final = (
    Flip("A1", "images", "imageScanningConfiguration.scanOnPush", False, "CKV_AWS_163"),
    Flip("A2", "images", "imageTagMutability", "MUTABLE", "CKV_AWS_51"),
    Flip("A4", "images", "encryptionConfigurations", GONE, "CKV_AWS_136"),
    Flip("A8", "function", "vpcConfig", GONE, "CKV_AWS_117"),
    Flip("A9", "function", "kmsKeyArn", GONE, "CKV_AWS_173"),
    Flip("A10", "function", "reservedConcurrentExecutions", GONE, "CKV_AWS_115"),
    Flip("A11", "function", "deadLetterConfig", GONE, "CKV_AWS_116"),
    Flip("A12", "function", "tracingConfig", GONE, "CKV_AWS_50"),
    Flip("A16", "model", "enableNetworkIsolation", False, "CKV_AWS_370"),
    Flip("A17", "configuration", "kmsKeyArn", GONE, "CKV_AWS_98"),
    Flip("A21", "cluster", "vpcConfig.endpointPublicAccess", True, "CKV_AWS_39"),
    Flip("A22", "cluster", "version", "1.20", "CKV_AWS_339"),
    Flip("A23", "cluster", "encryptionConfig", GONE, "CKV_AWS_58"),
    Flip("A24", "cluster", "enabledClusterLogTypes", ["api"], "CKV_AWS_37"),
    Flip("A25", "nodes", "remoteAccess", {"ec2SshKey": "everybody"}, "CKV_AWS_100"),
    Flip("A28", "key", "enableKeyRotation", False, "CKV_AWS_7"),
    Flip("A32", "models-private", "blockPublicPolicy", False, "CKV_AWS_54"),
    Flip("A34", "models-versions", "versioningConfiguration.status", "Suspended", "CKV_AWS_21", "models"),
    Flip("A36", "logs", "kmsKeyId", GONE, "CKV_AWS_158"),
    Flip("A37", "api-predict", "authorizationType", "NONE", "CKV_AWS_309"),
    Flip("A37", "api-stage", "accessLogSettings", GONE, "CKV_AWS_76"),
    Flip("A38", "alarms", "kmsMasterKeyId", GONE, "CKV_AWS_26"),
    Flip("A38", "dead-letters", "kmsMasterKeyId", GONE, "CKV_AWS_27"),
)
