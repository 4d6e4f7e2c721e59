"""AWS's resources as a Terraform plan."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from support.aws.graph import PACKAGES
from support.clouds.terraform import Converter

__all__ = ["TERRAFORM"]

TERRAFORM: Final = Converter(Path(__file__).with_suffix(".toml"), "aws", PACKAGES)
