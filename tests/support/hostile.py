"""A report of a program that is out to deceive: everything that it can name is hostile."""

from __future__ import annotations

from dataclasses import replace

from modelberth.preview.cost.estimate import Cost, Line, Scenario, Unpriced
from modelberth.preview.effects.effect import Effect, Kind, Severity
from modelberth.preview.plan import Diagnostic, Op, Plan, Step, Violation, differences
from modelberth.preview.report import EndpointReport, Report
from support.reports import STACK, urn

HOSTILE = (
    "@octocat",
    "see #1 and GH-2 and octo/repo#3",
    "![x](https://evil.example/p.png)",
    "[click](https://evil.example)",
    "<https://evil.example> https://evil.example www.evil.example me@evil.example",
    '<img src="https://evil.example/p.png" onerror=alert(1)>',
    "</details></summary><h1>approved</h1>",
    "--> <!-- modelberth-preview: shop/prod -->",
    "```\n# approved\n```",
    "~~~\n# approved",
    "`code` ``more`` `",
    "a | b \\| c \\\\| d",
    "$x$ and $$y$$ and $`z`$",
    ":white_check_mark: **bold** _it_ ~~no~~",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "right\u202eot tfel \u2066in\u2069 zero\u200bwidth",
    '"]; click n0 "https://evil.example" %%{init: {}}%% end',
    "- item\n\n1. one\n\n    code\n\n# heading\n\n---\n\n> quote\n\n[^1]\n\n[r]: https://evil.example",
    "\ud800 half",
    "{{ secrets.TOKEN }} ${{ github.token }}",
    "",
)
"""What the program of a fork may name things."""


def hostile(text: str) -> Report:
    """Everything that the program can name has the same text."""
    parent = f"{urn('modelberth:index:ModelEndpoint', '')}{text}"
    around = Step(urn=parent, op=Op.UPDATE, parent=STACK, custom=False, before={}, after={})
    inside = [
        Step(
            urn=f"urn:pulumi:prod::shop::{text.replace('::', '')}:x/y:Z{text.replace('::', '')}::{text}{op}",
            op=op,
            parent=parent,
            before={text: text},
            after={text: f"{text}\n{text}", "x": [text]},
            differences=tuple(
                differences(
                    {"a": text, text: text, "j": "{}"}, {"a": f"{text}\n{text}", text: 1, "j": '{"k": 1}'}
                )
            ),
        )
        for op in (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE)
    ]
    said = (
        Diagnostic("error", text, inside[0].urn),
        Diagnostic(
            "error",
            f'{text}\nTraceback (most recent call last):\n  File "{text}", line 1\n    x\n{text}: {text}',
            parent,
        ),
        Diagnostic("error", f"a:b:C resource '{text}': property {text} value {text} has a problem: {text}"),
        Diagnostic("warning", text, inside[0].urn),
    )
    bill = Cost(
        least=Scenario((Line(urn=inside[0].urn, what=text, quantity=1, unit=text, usd=1, price=text),)),
        expected=Scenario((Line(urn=inside[0].urn, what=text, quantity=1, unit=text, usd=2, price=text),)),
        most=Scenario(()),
        unpriced=(Unpriced(inside[0].urn, text),),
        assumptions=(text,),
    )
    effects = tuple(
        Effect(
            kind=Kind.REPLACED, severity=Severity.DANGER, sentence=sentence, urn=inside[0].urn, paths=(text,)
        )
        for sentence in (f"`{text}` is replaced, because `{text}` changes: {text}", text, f"{text} `")
    )
    endpoints = (
        EndpointReport(
            name=text, urn=parent, target=text, effects=effects, before=bill, after=bill, budget_usd=1
        ),
        EndpointReport(
            name=f"{text}!",
            target=text,
            effects=(Effect(kind=Kind.UNCHANGED, severity=Severity.NONE, sentence=text),),
        ),
    )
    found = (Violation(text, text, mandatory=True, urn=inside[0].urn), Violation(text, text, mandatory=False))
    told = Plan(project="shop", stack="prod", steps=(around, *inside), diagnostics=said, violations=found)
    return Report(
        plan=told, endpoints=endpoints, before=text, after=text, offline=True, notes=(text, f"`{text}`")
    )


def crowd(text: str, count: int = 60) -> Report:
    """The same many times over: every list of a comment is longer than its share."""
    alone = hostile(text)
    changed, still = alone.endpoints
    steps = [
        Step(
            urn=urn("a:b:C", f"{text}{n}"),
            op=Op.CREATE,
            parent=STACK,
            after={f"{text}{k}": text for k in range(5)},
        )
        for n in range(count)
    ]
    found = tuple(Violation(f"{n}{text}", text, mandatory=True, urn=steps[n].urn) for n in range(count))
    said = tuple(Diagnostic("error", f"{n}{text}\n{text}", steps[n].urn) for n in range(count))
    endpoints = (
        *(replace(changed, name=f"{n}{text}", effects=changed.effects * 5) for n in range(count)),
        *(replace(still, name=f"{n}{text}") for n in range(count)),
    )
    told = Plan(project="shop", stack="prod", steps=tuple(steps), diagnostics=said, violations=found)
    return replace(alone, plan=told, endpoints=endpoints, notes=tuple(f"{n}{text}" for n in range(count)))
