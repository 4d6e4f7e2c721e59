"""What the preview sees of a change of an endpoint in a cluster: its own objects, before and after."""

from collections.abc import Mapping
from dataclasses import replace

from modelberth.kubernetes.authentication import generates_key, key_secret
from modelberth.kubernetes.plan import Manifest, Plan
from modelberth.kubernetes.stages import stages
from modelberth.preview import plan as preview
from modelberth.preview.effects import Effect, explain
from modelberth.preview.standins.imitation import replacements
from support import plans

API_KEY = "modelberth:kubernetes:ApiKey"


def manifests(made: Plan) -> dict[str, Manifest]:
    """Every object of an endpoint by its role."""
    of = stages(made)
    rooms = (of.space, of.around, of.pods, of.reach, of.routes, of.watching)
    return {role: manifest for room in rooms for role, manifest in room.items()}


def token(manifest: Manifest) -> str:
    """The type of the resource that a manifest becomes."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    return f"kubernetes:{group or 'core'}/{version}:{manifest['kind']}"


def change(before: Plan | None, after: Plan | None) -> tuple[preview.Plan, preview.Step]:
    """The plan of an update from one endpoint to another, and its component."""
    owner = plans.endpoint(
        name="iris",
        op=preview.Op.CREATE if before is None else preview.Op.DELETE if after is None else preview.Op.SAME,
    )
    old, new = _resources(before), _resources(after)
    steps = [
        _replaced(plans.step(kind, old.get((kind, role)), new.get((kind, role)), name=role))
        for kind, role in dict.fromkeys([*old, *new])
    ]
    return plans.plan(owner, *plans.under(owner, *steps)), owner


def told(before: Plan | None, after: Plan | None) -> tuple[Effect, ...]:
    """What a reviewer is told of the change, offline."""
    planned, owner = change(before, after)
    return explain(planned, owner, planned.groups()[owner], offline=True)


def _resources(made: Plan | None) -> dict[tuple[str, str], Mapping[str, object]]:
    if made is None:
        return {}
    found = {(token(one), role): one for role, one in manifests(made).items()}
    if generates_key(made):
        found[API_KEY, "api-key"] = {
            "name": key_secret(made),
            "namespace": made.namespace,
            "endpoint": made.name,
            "labels": made.labels(),
        }
    return found


def _replaced(step: preview.Step) -> preview.Step:
    """With what replaces an object of its kind; one with the same name goes first."""
    row = replacements.of(step.type) if step.package == "kubernetes" else None
    if row is None or step.op is not preview.Op.UPDATE:
        return step
    found = tuple(replace(one, replaces=row.replaces(one.path)) for one in step.differences)
    if not any(one.replaces for one in found):
        return step
    same_name = not any(one.path == "metadata.name" for one in found)
    return replace(step, op=preview.Op.REPLACE, differences=found, delete_first=same_name)
