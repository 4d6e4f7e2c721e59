"""Reports to be shown: small ones that a person can check by eye, and a large one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelberth.preview.cost.estimate import Cost, Line, Scenario, Unpriced
from modelberth.preview.effects.effect import Calls, Effect, Kind, Severity
from modelberth.preview.plan import Diagnostic, Marker, Op, Plan, Step, Violation, differences
from modelberth.preview.report import EndpointReport, Report

STACK = "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod"


def urn(token: str, name: str) -> str:
    """A URN below the stack."""
    return f"urn:pulumi:prod::shop::{token}::{name}"


def step(
    token: str,
    name: str,
    op: Op,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    **more: Any,
) -> Step:
    """A step whose differences are those of its inputs."""
    if op is Op.SAME:
        after = before = before or {}
    found = tuple(differences(before, after)) if op in {Op.UPDATE, Op.REPLACE} else ()
    return Step(
        urn=urn(token, name),
        op=op,
        parent=more.pop("parent", STACK),
        before=before if op is not Op.CREATE else None,
        after=after if op is not Op.DELETE else None,
        differences=more.pop("differences", found),
        **more,
    )


def component(name: str, op: Op = Op.SAME, **more: Any) -> Step:
    """The component of an endpoint."""
    return step("modelberth:index:ModelEndpoint", name, op, {}, {}, custom=False, **more)


def plan(*steps: Step, **more: Any) -> Plan:
    """A plan of the stack `shop/prod`."""
    stack = Step(
        urn=STACK,
        op=more.pop("stack_op", Op.SAME),
        custom=False,
        before={},
        after={},
        **more.pop("stack_step", {}),
    )
    return Plan(project="shop", stack="prod", steps=(stack, *steps), **more)


def cost(
    name: str,
    least: float,
    expected: float,
    most: float,
    *,
    unpriced: Sequence[str] = (),
    assumptions: Sequence[str] = (),
    what: str = "Lambda: memory, 2 GiB while a request is served",
    token: str = "aws:lambda/function:Function",
) -> Cost:
    """A cost of one line at each load."""
    usd = {"least": least, "expected": expected, "most": most}
    loads = {
        load: Scenario(
            (
                Line(
                    urn=urn(token, name),
                    what=what,
                    quantity=value / 0.0000166667,
                    unit="GiB-s",
                    usd=value,
                    price="aws.lambda",
                ),
            )
            if value
            else ()
        )
        for load, value in usd.items()
    }
    missing = tuple(
        Unpriced(urn(token, one), "no price for it in eu-central-2 (known: us-east-1)") for one in unpriced
    )
    return Cost(**loads, unpriced=missing, assumptions=tuple(assumptions))


def nothing() -> Report:
    """Two endpoints, nothing to do."""
    endpoints = ("iris", "churn")
    steps = [
        made
        for name in endpoints
        for made in (
            component(name),
            step(
                "aws:lambda/function:Function",
                f"{name}-function",
                Op.SAME,
                {"memorySize": 512},
                parent=urn("modelberth:index:ModelEndpoint", name),
            ),
        )
    ]
    return Report(
        plan=plan(*steps),
        endpoints=tuple(
            EndpointReport(
                name=name,
                urn=urn("modelberth:index:ModelEndpoint", name),
                target="lambda",
                effects=(
                    Effect(kind=Kind.UNCHANGED, severity=Severity.NONE, sentence=f"`{name}` stays as it is."),
                ),
                before=cost(f"{name}-function", 0, 12.4, 400),
                after=cost(f"{name}-function", 0, 12.4, 400),
            )
            for name in endpoints
        ),
        before="the state as last written",
        offline=True,
    )


def in_place() -> Report:
    """One field of one endpoint changes."""
    iris = urn("modelberth:index:ModelEndpoint", "iris")
    function = step(
        "aws:lambda/function:Function",
        "iris-function",
        Op.UPDATE,
        {
            "memorySize": 512.0,
            "timeout": 30.0,
            "environment": {"variables": {"API_TOKEN": "hunter2", "KEY": Marker.SECRET}},
        },
        {
            "memorySize": 1024.0,
            "timeout": 30.0,
            "environment": {"variables": {"API_TOKEN": "hunter3", "KEY": Marker.SECRET}},
        },
        parent=iris,
    )
    return Report(
        plan=plan(
            component("iris"),
            function,
            step("aws:iam/role:Role", "iris-role", Op.SAME, parent=iris),
            step("aws:kms/key:Key", "iris-key", Op.SAME, parent=iris),
        ),
        endpoints=(
            EndpointReport(
                name="iris",
                urn=iris,
                target="lambda",
                effects=(
                    Effect(
                        kind=Kind.ROLLING,
                        severity=Severity.CHANGE,
                        sentence="`iris` is rolled over, no call fails: `memorySize` 512 → 1024.",
                        urn=function.urn,
                        paths=("memorySize",),
                        calls=Calls.SAFE,
                    ),
                ),
                before=cost("iris-function", 0, 12.4, 420.0),
                after=cost(
                    "iris-function",
                    0,
                    31.0,
                    840.0,
                    assumptions=(
                        "1,000,000 requests a month of 100 ms each: nothing in the spec says otherwise",
                    ),
                ),
                budget_usd=50.0,
            ),
        ),
        before="main",
        after="raise-memory",
        offline=True,
        notes=("Prices are from 2026-08-17, 96 days old: `modelberth prices refresh` reads newer ones.",),
    )


def dangerous() -> Report:
    """Three endpoints: one is replaced and becomes public, one is rolled over, one is new."""
    churn, iris, ranker = (
        urn("modelberth:index:ModelEndpoint", name) for name in ("churn", "iris", "ranker")
    )
    policy = '{"Statement": [{"Effect": "Allow", "Action": "%s", "Resource": "arn:aws:s3:::models/*"}]}'
    steps = (
        component("churn"),
        step(
            "aws:sagemaker/endpoint:Endpoint",
            "churn-endpoint",
            Op.REPLACE,
            {"name": "churn", "endpointConfigName": "churn-3f1"},
            {"name": "churn-v2", "endpointConfigName": Marker.UNKNOWN},
            parent=churn,
            delete_first=True,
        ),
        step(
            "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
            "churn-config",
            Op.CREATE,
            None,
            {
                "productionVariants": [{"instanceType": "ml.g5.xlarge", "initialInstanceCount": 1.0}],
                "kmsKeyArn": Marker.UNKNOWN,
            },
            parent=churn,
        ),
        step(
            "aws:iam/rolePolicy:RolePolicy",
            "churn-access",
            Op.UPDATE,
            {"policy": policy % "s3:GetObject"},
            {"policy": policy % "s3:*"},
            parent=churn,
        ),
        step("aws:cloudwatch/logGroup:LogGroup", "churn-log", Op.SAME, parent=churn),
        component("iris"),
        step(
            "kubernetes:apps/v1:Deployment",
            "iris-server",
            Op.UPDATE,
            {"spec": {"script": "set -e\nserve --old\n"}},
            {"spec": {"script": "set -e\nserve --new\nwait\n"}},
            parent=iris,
        ),
        component("ranker", Op.CREATE),
        step(
            "gcp:cloudrunv2/service:Service",
            "ranker-service",
            Op.CREATE,
            None,
            {"name": "ranker", "location": "europe-west4"},
            parent=ranker,
        ),
        step(
            "gcp:artifactregistry/repository:Repository",
            "ranker-images",
            Op.CREATE,
            None,
            {"format": "DOCKER"},
            parent=ranker,
        ),
        step("aws:s3/bucket:Bucket", "old-models", Op.DELETE, {"bucket": "old-models"}, None, retain=True),
    )
    g5 = "SageMaker: ml.g5.xlarge, 1 instance"
    return Report(
        plan=plan(*steps),
        endpoints=(
            EndpointReport(
                name="iris",
                urn=iris,
                target="kubernetes",
                effects=(
                    Effect(
                        kind=Kind.ROLLING,
                        severity=Severity.CHANGE,
                        sentence="`iris` is rolled over; it needs 2 more GPUs for that time.",
                        extra_gpus=2,
                        calls=Calls.SAFE,
                    ),
                ),
                before=cost("iris-server", 730, 730, 1460, what="Kubernetes: node, 2 GPUs"),
                after=cost("iris-server", 730, 730, 1460, what="Kubernetes: node, 2 GPUs"),
                budget_usd=800,
            ),
            EndpointReport(
                name="churn",
                urn=churn,
                target="sagemaker",
                effects=(
                    Effect(
                        kind=Kind.PERMISSIONS_WIDENED,
                        severity=Severity.DANGER,
                        sentence="`churn` may do more: `s3:GetObject` → `s3:*` on `arn:aws:s3:::models/*`.",
                        urn=steps[3].urn,
                        paths=("policy",),
                    ),
                    Effect(
                        kind=Kind.REPLACED,
                        severity=Severity.DANGER,
                        sentence=(
                            "`churn` is replaced: calls fail for about 4 to 9 minutes, "
                            "because `name` changes and the old one goes first."
                        ),
                        urn=steps[1].urn,
                        paths=("name",),
                        downtime_seconds=(240, 540),
                    ),
                    Effect(kind=Kind.UNCHANGED, severity=Severity.NONE, sentence="What it has logged stays."),
                ),
                before=cost("churn-endpoint", 1022, 1022, 2044, what=g5),
                after=cost(
                    "churn-endpoint",
                    1022,
                    1107.2,
                    4088,
                    unpriced=("churn-config",),
                    what=g5,
                    assumptions=("730 hours a month",),
                ),
                budget_usd=1000,
            ),
            EndpointReport(
                name="ranker",
                urn=ranker,
                target="cloud_run",
                effects=(
                    Effect(
                        kind=Kind.CREATED,
                        severity=Severity.CHANGE,
                        sentence="`ranker` is created; callers need an identity token.",
                    ),
                ),
                after=cost("ranker-service", 0, 0.004, 96.5, what="Cloud Run: CPU while a request is served"),
            ),
            EndpointReport(
                name="",
                effects=(
                    Effect(
                        kind=Kind.REMOVED,
                        severity=Severity.CHANGE,
                        sentence="The bucket `old-models` leaves the stack; the real thing stays.",
                    ),
                ),
                before=cost("old-models", 3.1, 3.1, 3.1, what="S3: storage"),
            ),
        ),
        before="what is deployed",
        offline=False,
    )


def violated() -> Report:
    """A policy pack refuses the plan, and advises."""
    calm = in_place()
    found = (
        Violation(
            "org-guard/no-token-in-environment",
            "A token stands in the environment.\nUse a secret store.",
            mandatory=True,
            urn=calm.plan.steps[2].urn,
        ),
        Violation("org-guard/tags", "Three tags are missing.", mandatory=False, urn=calm.plan.steps[2].urn),
    )
    told = Diagnostic("error", "preview failed")
    return Report(
        plan=plan(*calm.plan.steps[1:], violations=found, diagnostics=(told,)),
        endpoints=calm.endpoints,
        before="main",
        after="raise-memory",
        offline=True,
    )


THROWN = """Program failed with an unhandled exception:
Traceback (most recent call last):
  File "/home/me/shop/stacks/__main__.py", line 8, in <module>
    compose(load())
  File "/home/me/shop/stacks/compose.py", line 21, in compose
    make(settings["regin"])
         ~~~~~~~~^^^^^^^^^
  File "/home/me/shop/.venv/lib/python3.12/site-packages/pulumi/output.py", line 5, in make
    raise KeyError(key)
KeyError: 'regin'
"""


def failed() -> Report:
    """The program throws, and two checks fail, one of them told twice."""
    function = urn("aws:lambda/function:Function", "iris-function")
    about = "aws:lambda/function:Function resource 'iris-function'"
    wrong = f"{about}: property memorySize value {{hunter2}} has a problem: given 64, allowed: 128 to 10240"
    missing = f"{about} has a problem: Missing required argument. Examine values at 'iris-function.role'."
    refused = (
        "2 problems:\n"
        "  endpoints[0].scaling.max: given 0, allowed: 1 to 1000\n"
        "  endpoints[1].name: given 'Iris!', allowed: a name"
    )
    said = (
        Diagnostic("error", wrong, function),
        Diagnostic("error", wrong, function),
        Diagnostic("error", missing, function),
        Diagnostic("error", THROWN),
        Diagnostic("error", refused, STACK),
        Diagnostic("error", "preview failed", STACK),
        Diagnostic("warning", "the image has no digest", function),
    )
    return Report(
        plan=plan(component("iris", Op.CREATE), diagnostics=said),
        endpoints=(),
        before="the state as last written",
        offline=True,
    )


def hundred(count: int = 100) -> Report:
    """A hundred endpoints, all of which change much."""
    names = [f"endpoint-{number:03}-with-a-name-of-usual-length" for number in range(count)]
    steps = list[Step]()
    for name in names:
        parent = urn("modelberth:index:ModelEndpoint", name)
        steps += [component(name, Op.CREATE)]
        steps += [
            step(
                "aws:iam/role:Role",
                f"{name}-{n}",
                Op.CREATE,
                None,
                {f"key{k}": "value" * 10 for k in range(20)},
                parent=parent,
            )
            for n in range(10)
        ]
    endpoints = tuple(
        EndpointReport(
            name=name,
            urn=urn("modelberth:index:ModelEndpoint", name),
            target="lambda",
            effects=tuple(
                Effect(
                    kind=Kind.CREATED,
                    severity=Severity.DANGER if n == 7 else Severity.CHANGE,
                    sentence=f"`{name}` is created, and that is sentence {e} on what it means to callers.",
                )
                for e in range(4)
            ),
            after=cost(
                f"{name}-0", n, 10.0 * n, 100.0 * n, unpriced=(f"{name}-1",), assumptions=(f"assumption {n}",)
            ),
            budget_usd=500.0,
        )
        for n, name in enumerate(names)
    )
    return Report(
        plan=plan(*steps),
        endpoints=endpoints,
        before="nothing",
        offline=True,
        notes=tuple(f"note {n}" for n in range(500)),
    )


def readable() -> Iterator[tuple[str, Report]]:
    """The reports that a person can check by eye, by name."""
    for make in (nothing, in_place, dangerous, violated, failed):
        yield make.__name__, make()
