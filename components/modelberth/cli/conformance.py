"""`modelberth conformance`: does a server keep the contracts that platforms and clients rely on?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from modelberth.cli.failure import Exit, Failure
from modelberth.cli.options import AsJson, err, out
from modelberth.conformance import CONTRACTS, Finding, Report, Target, UnreachableError, Verdict, examine

__all__ = ["conformance"]

_SIGNS: Final = {
    Verdict.HELD: ("✓", "green"),
    Verdict.BROKEN: ("✗", "red"),
    Verdict.NOT_OFFERED: ("\N{EN DASH}", "dim"),
    Verdict.NOT_CHECKED: ("?", "yellow"),
}


def conformance(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The server, without the paths of the contracts.")
    ],
    *,
    contracts: Annotated[
        list[str] | None,
        typer.Option(
            "--contract",
            metavar="NAME,…",
            help=f"Contracts that it has to keep: {', '.join(CONTRACTS)}. Unset: those that it speaks.",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model. Unset: found out.")] = None,
    row: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="One row to predict. Unset: the model's example, or zeros."),
    ] = None,
    rows: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="JSON file with a list of rows to predict.")
    ] = None,
    headers: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="'NAME: VALUE'",
            help="Sent with each request, never shown; @FILE reads lines.",
        ),
    ] = None,
    grpc: Annotated[
        str | None, typer.Option("--grpc", metavar="HOST:PORT", help="Where it speaks gRPC.")
    ] = None,
    admin: Annotated[
        str | None, typer.Option(metavar="URL", help="Where /metrics is, if on a port of its own.")
    ] = None,
    predict_route: Annotated[
        str | None, typer.Option(metavar="PATH", help="Vertex AI's AIP_PREDICT_ROUTE.")
    ] = None,
    health_route: Annotated[
        str | None, typer.Option(metavar="PATH", help="Vertex AI's AIP_HEALTH_ROUTE.")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Authorities (PEM) of the server's certificate.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Do not verify its certificate.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a running server against the specifications of the platforms and protocols that it speaks.

    Works on any server of these protocols. It sends predictions and malformed requests, and changes nothing.

    Exit status: 0 everything that was checked held, 1 something did not or nothing could be checked, 2 the
    command line is wrong or nothing answers at the URL.
    """
    target = Target(
        url=url,
        model=model,
        rows=_rows(row, rows),
        headers=_headers(headers or ()),
        grpc=grpc,
        admin=admin,
        predict_route=_path(predict_route, "--predict-route"),
        health_route=_path(health_route, "--health-route"),
        ca=ca,
        insecure=insecure,
    )
    names = [name.strip() for text in contracts or () for name in text.split(",")]
    try:
        with err.status("Asking the server…"):
            report = examine(target, names)
    except UnreachableError as error:
        raise Failure(Exit.USAGE, str(error)) from None
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--contract: {error}") from None
    if as_json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _show(report)
    if not report.held:
        raise typer.Exit(Exit.FAILED)


def _rows(row: str | None, file: Path | None) -> list[Any] | None:
    if row is not None and file is not None:
        raise Failure(Exit.USAGE, "--row and --input: give one of them")
    if row is not None:
        return [_parsed(row, "--row")]
    if file is None:
        return None
    try:
        value = _parsed(file.read_text(encoding="utf-8"), f"--input: {file}")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(Exit.USAGE, f"--input: {file} cannot be read: {error}") from None
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("instances", value.get("input"))
    if not isinstance(value, list) or not value:
        raise Failure(Exit.USAGE, f"--input: {file}: expected a list of rows, or an object with instances")
    return value


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"{where}: not JSON: {error}") from None


def _headers(given: Sequence[str]) -> Mapping[str, str]:
    lines: list[str] = []
    for text in given:
        if not text.startswith("@"):
            lines.append(text)
            continue
        try:
            lines += filter(str.strip, Path(text[1:]).read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(Exit.USAGE, f"--header: {text[1:]} cannot be read: {error}") from None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not value.strip() or not value.isprintable():
            # Not shown: it may well be a key whose name was forgotten.
            raise Failure(Exit.USAGE, "--header: expected 'NAME: VALUE'")
        headers[name.strip()] = value.strip()
    return headers


def _path(text: str | None, option: str) -> str | None:
    if text is not None and not text.startswith("/"):
        raise Failure(Exit.USAGE, f"{option}: {text!r} is not a path, which starts with '/'")
    return text


def _show(report: Report) -> None:
    contract = ""
    width = max(len(finding.check) for finding in report.findings)
    for finding in report.findings:
        if finding.contract != contract:
            contract = finding.contract
            out.print(f"\n{contract}", style="bold", markup=False)
        _show_finding(finding, width)
    kept = [name for name, verdict in report.contracts.items() if verdict is Verdict.HELD]
    counts = ", ".join(f"{report.count(verdict)} {verdict.value}" for verdict in Verdict)
    model = f", model {report.model}" if report.model else ""
    out.print(f"\n{report.url}{model}: {counts}; kept: {', '.join(kept) or 'no contract'}", markup=False)


def _show_finding(finding: Finding, width: int) -> None:
    sign, style = _SIGNS[finding.verdict]
    verdict = finding.verdict.value
    out.print(Text.assemble("  ", (sign, style), f" {finding.check:<{width}}  ", (verdict, style)))
    if finding.detail:
        out.print(Text(f"      {finding.detail}"))
    if finding.verdict is Verdict.BROKEN:
        out.print(Text(f"      source: {finding.source}", style="dim"))
