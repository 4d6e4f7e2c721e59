"""One change for each field of a spec that some kind of endpoint in AWS honours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support import aws_plans, aws_sagemaker
from support.aws_blocks import PLACE
from support.clouds.change import Change
from support.clouds.spec_changes import Words

__all__ = ["OTHER_IMAGE", "SPEC", "WORDS"]

OTHER_IMAGE: Final = aws_plans.IMAGE.replace("1" * 64, "2" * 64)
_CERTIFICATE: Final = f"arn:aws:acm:{PLACE.region}:{PLACE.account}:certificate/1"
WORDS: Final = Words(
    models="s3://models/iris",
    image=aws_plans.IMAGE,
    other_image=OTHER_IMAGE,
    identity=f"arn:aws:iam::{PLACE.account}:role/iris",
    invoker=aws_plans.ROLE,
    key=f"arn:aws:kms:{PLACE.region}:{PLACE.account}:key/11111111-2222-3333-4444-555555555555",
    tokens=aws_plans.TOKENS,
    public=aws_plans.PUBLIC,
    certificate=_CERTIFICATE,
    other_certificate=f"{_CERTIFICATE}2",
    gpu=aws_sagemaker.GPU,
)
SPEC: Final[Mapping[str, Change]] = WORDS.changes()
