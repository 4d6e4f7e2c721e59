"""`GcpServices`: the APIs that a project has to have enabled before an endpoint can lie in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import pulumi
from pulumi_gcp import projects

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.place import Place

__all__ = ["TABLE", "GcpServices", "GcpServicesArgs", "Kind", "Need", "needed", "needs"]

TABLE: Final = Path(__file__).with_name("services.toml")

Kind = Literal["cloud_run", "vertex", "gke"]

_DOMAIN: Final = ".googleapis.com"
_API: Final = re.compile(rf"[a-z][a-z0-9-]*{re.escape(_DOMAIN)}")


@dataclass(frozen=True, slots=True)
class Need:
    """Why an API has to be enabled.

    Attributes:
        kinds: of endpoint that need it
        what: they need it for
        source: the page that says so

    """

    kinds: tuple[str, ...]
    what: str
    source: str


@cache
def needs() -> Mapping[str, Need]:
    """Return every API of the table, by its name such as `run.googleapis.com`."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        api: Need(tuple(entry["kinds"]), entry["for"], entry["source"])
        for api, entry in table["services"].items()
    }


def needed(kind: Kind) -> tuple[str, ...]:
    """Return the names of the APIs that a kind of endpoint needs, in order."""
    return tuple(sorted(api for api, need in needs().items() if kind in need.kinds))


@dataclass(frozen=True)
class GcpServicesArgs:
    """What a project is for."""

    place: Place
    kind: Kind
    """Of endpoint that it holds."""
    more: Sequence[str] = ()
    """Further APIs by name, such as `billingbudgets.googleapis.com`."""

    @property
    def apis(self) -> tuple[str, ...]:
        """Names of all that are enabled, each once and in order."""
        return tuple(sorted({*needed(self.kind), *self.more}))

    def problems(self) -> Iterator[Problem]:
        """Yield an unknown kind, and what is no name of an API."""
        if self.kind not in get_args(Kind):
            yield Problem("kind", shown(self.kind), f"one of {', '.join(get_args(Kind))}")
        for at, api in enumerate(self.more):
            if not _API.fullmatch(api):
                yield Problem(f"more[{at}]", shown(api), f"the name of an API, such as run{_DOMAIN}")


class GcpServices(pulumi.ComponentResource):
    """Enables APIs, and leaves them so: others in the project may have come to need them."""

    services: tuple[projects.Service, ...]
    """Each API: what lies in the project comes after them."""

    def __init__(self, name: str, args: GcpServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelberth:index:GcpServices", name, {"kind": args.kind}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        self.services = tuple(
            projects.Service(
                f"{name}-{api.removesuffix(_DOMAIN)}",
                project=args.place.project,
                service=api,
                disable_on_destroy=False,
                disable_dependent_services=False,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for api in args.apis
        )
        self.register_outputs({"services": [*args.apis]})

    def before(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return options of a part of `parent` that comes after the APIs, with everything that it makes.

        A component's `depends_on` does not reach what it is made of.
        """
        return pulumi.ResourceOptions(parent=parent, transformations=[self._first])

    def _first(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        enabled = pulumi.ResourceOptions(depends_on=[*self.services])
        merged = pulumi.ResourceOptions.merge(args.opts, enabled)
        return pulumi.ResourceTransformationResult(args.props, merged)
