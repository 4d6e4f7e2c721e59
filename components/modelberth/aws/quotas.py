"""What endpoints need of an account's quotas, so that nobody waits for a GPU that the account may not have.

Pure: it names quotas and numbers. `modelberth quota` reads what the account has.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from modelberth.aws.place import Place
from modelberth.spec import EndpointDeployment
from modelberth.spec.aws import LambdaTarget
from modelberth.spec.eks import EksTarget, KarpenterPool
from modelberth.spec.rollout import BlueGreen, Canary
from modelberth.spec.sagemaker import SageMakerTarget

__all__ = ["TABLE", "Need", "needs"]

TABLE: Final = Path(__file__).with_name("quotas.toml")


@dataclass(frozen=True, slots=True)
class Need:
    """How much of one quota the endpoints of a stack need together.

    Attributes:
        place: account and region
        service: as Service Quotas has it, such as sagemaker
        name: of the quota
        code: of the quota; None: it is found by its name
        value: least that suffices
        why: what needs it, an endpoint each

    """

    place: Place
    service: str
    name: str
    code: str | None
    value: int
    why: tuple[str, ...]


def needs(endpoints: Iterable[EndpointDeployment]) -> tuple[Need, ...]:
    """Add up what the endpoints need, by place and quota; other clouds' endpoints need none of it."""
    found: dict[tuple[Place, str, str], Need] = {}
    for endpoint in endpoints:
        for need in _of(endpoint):
            key = (need.place, need.service, need.name)
            before = found.get(key)
            found[key] = (
                need
                if before is None
                else Need(
                    need.place,
                    need.service,
                    need.name,
                    need.code,
                    before.value + need.value,
                    (*before.why, *need.why),
                )
            )
    unreserved = _table()["functions"]["unreserved"]
    return tuple(
        Need(one.place, one.service, one.name, one.code, one.value + unreserved, one.why)
        if one.service == "lambda"
        else one
        for one in found.values()
    )


def _of(endpoint: EndpointDeployment) -> Iterator[Need]:
    match endpoint.target:
        case LambdaTarget():
            yield from _functions(endpoint, endpoint.target)
        case SageMakerTarget():
            yield from _instances(endpoint, endpoint.target)
        case EksTarget():
            yield from _processors(endpoint, endpoint.target)


def _functions(endpoint: EndpointDeployment, target: LambdaTarget) -> Iterator[Need]:
    row, count = _table()["functions"], endpoint.spec.scaling.max
    why = f"{endpoint.name} reserves {count}"
    yield Need(_place(target), row["service"], row["name"], row["code"], count, (why,))


def _instances(endpoint: EndpointDeployment, target: SageMakerTarget) -> Iterator[Need]:
    from modelberth.aws.sagemaker.instances import instance_type  # noqa: PLC0415 - it needs the SDK's extra

    spec, row = endpoint.spec, _table()["instances"]
    kind = instance_type(spec, target)
    if kind is None:
        return
    count = max(spec.scaling.max, 1)
    # The new fleet stands beside the old one until it has taken over.
    doubled = isinstance(spec.rollout, BlueGreen | Canary)
    times = ", twice while a deployment goes on" if doubled else ""
    why = f"{endpoint.name} has {count} of {kind} at most{times}"
    value = count * (2 if doubled else 1)
    yield Need(_place(target), row["service"], row["name"].format(instance=kind), None, value, (why,))


def _processors(endpoint: EndpointDeployment, target: EksTarget) -> Iterator[Need]:
    gpu, pool = endpoint.spec.resources.gpu, target.gpu_pool
    if gpu is None or pool is None:
        return
    for row in _table()["processors"].values():
        if gpu.kind in row["gpus"]:
            count = gpu.count * max(endpoint.spec.scaling.max, 1)
            steady = pool.on_demand_gpus if isinstance(pool, KarpenterPool) and pool.spot else count
            shares = {"on_demand": steady if pool.spot else count, "spot": count - steady if pool.spot else 0}
            for market, gpus in shares.items():
                if gpus > 0:
                    quota = row[market]
                    each = f"{row['per_gpu']} processors each or more"
                    why = f"{endpoint.name} has {gpus} of kind {gpu.kind} at most, {each}"
                    yield Need(
                        _place(target),
                        row["service"],
                        quota["name"],
                        quota["code"],
                        gpus * row["per_gpu"],
                        (why,),
                    )


def _place(target: LambdaTarget | SageMakerTarget | EksTarget) -> Place:
    return Place(target.account, target.region)


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
