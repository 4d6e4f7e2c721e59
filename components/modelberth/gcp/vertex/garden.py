"""`GcpModelGarden`: a model of Google's Model Garden, or of the Hugging Face Hub, on an endpoint of its own.

It is no target of a spec, since most of what a spec asks for cannot be had: Google chooses the version that
is uploaded, its server and its account; there is no key of one's own, no label, no other model beside it, and
no digest of what is served. Another model, or another machine, is another endpoint at another address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from pulumi_gcp import vertex

from modelberth.arguments import clean_errors
from modelberth.errors import Problem, SpecError, shown
from modelberth.gcp.place import Place
from modelberth.gcp.vertex.machine_table import accelerators, machines
from modelberth.spec.resources import Gpu

__all__ = ["GcpModelGarden", "GcpModelGardenArgs"]

# AiEndpointWithModelGardenDeployment of the provider: publisherModelName and huggingFaceModelId.
_GARDEN: Final = r"publishers/[a-z0-9-]+/models/[A-Za-z0-9._-]+@[A-Za-z0-9._-]+"
_HUB: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"
_LONGEST_NAME: Final = 128


@dataclass(frozen=True)
class GcpModelGardenArgs:
    """Which model, and on what."""

    place: Place
    display_name: str
    """Of the endpoint and of the model, for people."""
    model: str
    """publishers/PUBLISHER/models/MODEL@VERSION, or ORGANISATION/NAME of the Hugging Face Hub."""
    machine_type: str | None = None
    """Machine of a replica. None, and without `gpu`: what Google recommends for the model."""
    gpu: Gpu | None = None
    """GPUs of a replica."""
    min_replicas: int = 1
    max_replicas: int = 1
    accept_eula: bool = False
    """The terms of the model's publisher are accepted: some models are not deployed without."""
    token: pulumi.Input[str] | None = None
    """Of the Hugging Face Hub, for a model that asks for one; a secret in the state."""
    public: bool = False
    """The endpoint has an address on the internet, where IAM asks who calls. Off: networks of `projects`
    reach it by Private Service Connect, and whoever is in one of these may call."""
    projects: Sequence[str] = ()
    """Whose networks may connect. Empty: the endpoint's own project."""
    protect: bool = False
    """Refuse to delete the endpoint until this is off again."""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)
    """What has to be there before: the APIs of the project, where these are enabled here."""

    @property
    def is_of_hub(self) -> bool:
        """Whether the model is one of the Hugging Face Hub."""
        return not self.model.startswith("publishers/")

    def problems(self) -> Iterator[Problem]:
        """Yield what Google would refuse."""
        if not 1 <= len(self.display_name) <= _LONGEST_NAME:
            yield Problem("display_name", shown(self.display_name), f"1 to {_LONGEST_NAME} characters")
        if re.fullmatch(_HUB if self.is_of_hub else _GARDEN, self.model) is None:
            allowed = (
                "publishers/PUBLISHER/models/MODEL@VERSION, or ORGANISATION/NAME of the Hugging Face Hub"
            )
            yield Problem(
                "model", shown(self.model), allowed, "Without a version it would be another tomorrow."
            )
        if self.token is not None and not self.is_of_hub:
            yield Problem("token", "a value", "nothing but with a model of the Hugging Face Hub")
        if not 1 <= self.min_replicas <= self.max_replicas:
            given = f"{self.min_replicas} to {self.max_replicas}"
            hint = "Vertex AI keeps at least one replica."
            yield Problem("min_replicas", given, "1 or more, and at most max_replicas", hint)
        if self.public and self.projects:
            hint = "It is reached from the internet, and not by Private Service Connect."
            yield Problem("projects", ", ".join(self.projects), "nothing with public", hint)
        yield from self._machine_problems()

    def _machine_problems(self) -> Iterator[Problem]:
        gpu = self.gpu
        if gpu is not None and gpu.kind not in accelerators():
            yield Problem("gpu.kind", shown(gpu.kind), f"one of {', '.join(accelerators())}")
            return
        if self.machine_type is None:
            if gpu is not None:
                yield Problem(
                    "machine_type", "nothing", "the machine that the GPUs go with, since gpu is set"
                )
            return
        known = machines().get(self.machine_type)
        if known is not None and not known.goes_with(gpu):
            wanted = "no GPU" if gpu is None else f"{gpu.count} GPU(s) of kind {gpu.kind}"
            taking = [one.name for one in machines().values() if one.goes_with(gpu)][:4]
            hint = f"Such as {', '.join(taking)}." if taking else "No known one does."
            yield Problem(
                "machine_type", shown(self.machine_type), f"a machine that goes with {wanted}", hint
            )


class GcpModelGarden(pulumi.ComponentResource):
    """An endpoint with one model that Google uploads and deploys."""

    endpoint: pulumi.Output[str]
    """Full name of the endpoint, projects/…/locations/…/endpoints/…."""
    url: pulumi.Output[str]
    """Address that it is called by; a private one is a name that the caller's network has to know."""

    def __init__(
        self, name: str, args: GcpModelGardenArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("modelberth:index:GcpModelGarden", name, {"model": args.model}, opts)
        with clean_errors():
            if found := [*args.problems()]:
                raise SpecError(*found)
        place = args.place
        made = vertex.AiEndpointWithModelGardenDeployment(
            f"{name}-endpoint",
            project=place.project,
            location=place.region,
            model_config=_model(args),
            endpoint_config=_endpoint(args),
            deploy_config=_deployment(args),
            **{"hugging_face_model_id" if args.is_of_hub else "publisher_model_name": args.model},
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None, depends_on=[*args.after]),
        )
        self.endpoint = pulumi.Output.concat(f"{place.parent}/endpoints/", made.endpoint)
        self.url = made.endpoint.apply(lambda number: _address(args, str(number)))
        self.register_outputs({"endpoint": self.endpoint, "url": self.url})


def _model(args: GcpModelGardenArgs) -> dict[str, Any]:
    token = {} if args.token is None else {"hugging_face_access_token": pulumi.Output.secret(args.token)}
    return {"accept_eula": args.accept_eula, "model_display_name": args.display_name, **token}


def _endpoint(args: GcpModelGardenArgs) -> dict[str, Any]:
    named = {"endpoint_display_name": args.display_name}
    if args.public:
        return {**named, "dedicated_endpoint_enabled": True}
    projects = sorted(args.projects) or [args.place.project]
    private = {"enable_private_service_connect": True, "project_allowlists": projects}
    return {**named, "private_service_connect_config": private}


def _deployment(args: GcpModelGardenArgs) -> dict[str, Any] | None:
    """Return the machines; None: Google's own choice."""
    if args.machine_type is None:
        return None
    gpu = args.gpu
    attached = (
        {}
        if gpu is None
        else {"accelerator_type": accelerators()[gpu.kind].name, "accelerator_count": gpu.count}
    )
    return {
        "dedicated_resources": {
            "machine_spec": {"machine_type": args.machine_type, **attached},
            "min_replica_count": args.min_replicas,
            "max_replica_count": args.max_replicas,
        }
    }


def _address(args: GcpModelGardenArgs, number: str) -> str:
    place = args.place
    if args.public:
        return f"https://{number}.{place.region}-{place.number}.prediction.vertexai.goog"
    return f"https://{number}-{place.region}-{place.number}.prediction.p.vertexai.goog"
