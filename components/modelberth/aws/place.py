"""An account and a region: what ARNs and image names are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["Place"]

# AWS, "AWS partitions" in the fault isolation whitepaper: regions that begin so lie in another partition.
_PARTITIONS: Final = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}
_COMMERCIAL: Final = ("aws", "amazonaws.com")


@dataclass(frozen=True, slots=True)
class Place:
    """Where resources lie.

    Attributes:
        account: 12 digits
        region: such as eu-central-1

    """

    account: str
    region: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self._realm[0]

    @property
    def domain(self) -> str:
        """What the names of service endpoints end in."""
        return self._realm[1]

    @property
    def root(self) -> str:
        """The account itself as a principal: whom its own policies allow."""
        return self.arn("iam", "root")

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account.

        Args:
            service: as ARNs have it, such as `logs`; those of IAM have no region, those of S3 neither
            resource: what follows the account, such as `log-group:/aws/lambda/iris`

        """
        region = "" if service in {"iam", "s3"} else self.region
        account = "" if service == "s3" else self.account
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"

    @property
    def _realm(self) -> tuple[str, str]:
        return next(
            (realm for beginning, realm in _PARTITIONS.items() if self.region.startswith(beginning)),
            _COMMERCIAL,
        )
