"""What a conformance check found, and the report of them all."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

__all__ = ["FORMAT", "Finding", "Report", "Verdict"]

FORMAT: Final = 1
"""Of the report's JSON form: it grows when a member changes its meaning or goes."""


class Verdict(StrEnum):
    """How a check ended."""

    HELD = "held"
    BROKEN = "did not hold"
    NOT_OFFERED = "not offered"
    """The specification leaves it to the server, and this one does not have it."""
    NOT_CHECKED = "not checked"
    """Something that the check needs is missing; the detail says what."""


@dataclass(frozen=True)
class Finding:
    """One check of one contract.

    Attributes:
        contract: name of the contract
        check: what has to hold, as a sentence
        verdict: whether it did
        detail: why it did not, with what was answered and what was expected; empty where it held
        source: the specification that asks for it

    """

    contract: str
    check: str
    verdict: Verdict
    detail: str
    source: str


@dataclass(frozen=True)
class Report:
    """Every finding on one server."""

    url: str
    model: str | None
    findings: Sequence[Finding]

    def count(self, verdict: Verdict, contract: str | None = None) -> int:
        """Return how many checks ended so, of one contract or of all."""
        return sum(
            finding.verdict is verdict and contract in (None, finding.contract) for finding in self.findings
        )

    @property
    def contracts(self) -> dict[str, Verdict]:
        """The verdict on each contract: broken if one of its checks is, held if one is and none is broken."""
        order = (Verdict.BROKEN, Verdict.HELD, Verdict.NOT_CHECKED, Verdict.NOT_OFFERED)
        names = dict.fromkeys(finding.contract for finding in self.findings)
        return {name: next(one for one in order if self.count(one, name)) for name in names}

    @property
    def held(self) -> bool:
        """Whether something was checked and all that was checked held."""
        return self.count(Verdict.HELD) > 0 and self.count(Verdict.BROKEN) == 0

    def as_json(self) -> dict[str, Any]:
        """Return the form of `report.schema.json`."""
        return {
            "format": FORMAT,
            "url": self.url,
            "model": self.model,
            "held": self.held,
            "counts": {verdict.value: self.count(verdict) for verdict in Verdict},
            "contracts": {name: verdict.value for name, verdict in self.contracts.items()},
            "findings": [asdict(finding) for finding in self.findings],
        }
