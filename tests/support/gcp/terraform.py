"""Google Cloud's resources as a Terraform plan.

Most types are called as the token's module and class say; `terraform.toml` has the modules that Terraform
writes otherwise, the types that follow no rule, and names of blocks that are in the plural in the SDK.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from support.clouds.naming import snake
from support.clouds.terraform import Converter
from support.gcp.graph import PACKAGES

__all__ = ["TERRAFORM", "type_of"]

_TABLE: Final = Path(__file__).with_suffix(".toml")
_MODULES: Final = tomllib.loads(_TABLE.read_text())["modules"]


def type_of(token: str) -> str:
    """Return the type of Terraform's behind one of pulumi-gcp.

    `gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember` → `google_kms_crypto_key_iam_member`.
    """
    _, module, name = token.split(":")
    module = module.partition("/")[0]
    prefix, kind = _MODULES.get(module, snake(module)), snake(name.replace("IAM", "Iam"))
    # `storage.Bucket` is google_storage_bucket; `serviceaccount.IAMMember` that of google_service_account.
    return f"google_{prefix}_{kind}"


TERRAFORM: Final = Converter(_TABLE, "google", PACKAGES, type_of)
