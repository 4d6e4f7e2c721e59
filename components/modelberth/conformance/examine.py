"""The examination: each check of each contract, and what it found."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from modelberth.conformance.check import Contract
from modelberth.conformance.contracts import CONTRACTS
from modelberth.conformance.discovery import discover
from modelberth.conformance.finding import Finding, Report, Verdict
from modelberth.conformance.outcome import DidNotHold, NotChecked, NotOffered, UnreachableError
from modelberth.conformance.subject import Subject
from modelberth.conformance.target import Target
from modelberth.conformance.web import Web
from modelberth.errors import without_login

__all__ = ["examine"]


def examine(
    target: Target, contracts: Sequence[str] = (), tell: Callable[[Finding], None] = lambda _: None
) -> Report:
    """Check whether a server keeps the contracts.

    Args:
        target: the server
        contracts: names of `CONTRACTS`. These the server has to speak; without any, all are tried, and one
            that it does not speak is no fault
        tell: hears each finding as soon as it is there

    Raises:
        UnreachableError: nothing answers at the URL, it lets nobody in, or several requests in a row hung.
        ValueError: there is no contract of such a name.

    """
    if unknown := [name for name in contracts if name not in CONTRACTS]:
        raise ValueError(f"no contract {unknown[0]!r}, there are {', '.join(CONTRACTS)}")
    secrets = tuple(filter(None, (value for value in target.headers.values())))

    def hidden(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return without_login(text)

    findings: list[Finding] = []
    try:
        with Web(target) as web:
            found = discover(web, target)
            subject = Subject(target, web, found)
            for name in contracts or CONTRACTS:
                for finding in _findings(CONTRACTS[name], subject, demanded=name in contracts):
                    findings.append(_hiding(finding, hidden))
                    tell(findings[-1])
    except UnreachableError as error:
        raise UnreachableError(hidden(f"{target.url}: {error}")) from None
    return Report(without_login(target.url), found.name if found else None, tuple(findings))


def _hiding(finding: Finding, hidden: Callable[[str], str]) -> Finding:
    detail = hidden(finding.detail)
    return Finding(finding.contract, finding.check, finding.verdict, detail, finding.source)


def _findings(contract: Contract, subject: Subject, *, demanded: bool) -> Iterator[Finding]:
    first = contract.checks[0]
    verdict, detail = _outcome(contract.find, subject)
    if verdict is not Verdict.HELD:
        if demanded:
            verdict = Verdict.BROKEN
        yield Finding(contract.name, "the server speaks it", verdict, detail, first.source)
        return
    for check in contract.checks:
        yield Finding(contract.name, check.name, *_outcome(check.run, subject), check.source)


def _outcome(run: Callable[[Subject], Any], subject: Subject) -> tuple[Verdict, str]:
    try:
        run(subject)
    except NotOffered as outcome:
        return Verdict.NOT_OFFERED, str(outcome)
    except NotChecked as outcome:
        return Verdict.NOT_CHECKED, str(outcome)
    except DidNotHold as outcome:
        return Verdict.BROKEN, str(outcome)
    return Verdict.HELD, ""
