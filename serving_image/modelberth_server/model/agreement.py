"""Whether versions can stand beside each other: any of them may get any request."""

import logging

from modelberth_server.errors import SettingsError
from modelberth_server.model.signature import Signature
from modelberth_server.tensors import TensorSpec

__all__ = ["require_same_inputs"]

logger = logging.getLogger(__name__)


def require_same_inputs(origin: str, version: Signature, primary: Signature) -> None:
    """Require the inputs of the primary version, in its order: rows fill them one after the other.

    Other outputs are only warned of: whoever takes them sees them.

    Args:
        origin: the place in the file that names the version, for the error
        version: served beside the primary, as a shadow or with a weight
        primary: gets the greatest share of requests

    Raises:
        SettingsError: an input has another name, datatype or shape.

    """
    if version.inputs != primary.inputs:
        raise SettingsError(
            f"{origin}: version {version.version!r} {_difference(version, primary)}; versions that share "
            "requests have to take the same inputs"
        )
    if version.outputs != primary.outputs:
        logger.warning(
            "version %s gives %s, and version %s gives %s: what callers get depends on the version",
            *(version.version, _listed(version.outputs)),
            *(primary.version, _listed(primary.outputs)),
        )


def _difference(version: Signature, primary: Signature) -> str:
    theirs = {spec.name: spec for spec in primary.inputs}
    for spec in version.inputs:
        other = theirs.pop(spec.name, None)
        if other is None:
            return (
                f"takes an input {_form(spec)}, version {primary.version!r} takes {_listed(primary.inputs)}"
            )
        if other != spec:
            return f"takes the input {_form(spec)}, version {primary.version!r} takes {_form(other)}"
    for spec in theirs.values():
        return f"takes no input {spec.name!r}, version {primary.version!r} takes {_listed(primary.inputs)}"
    ours = ", ".join(spec.name for spec in version.inputs)
    return (
        f"takes its inputs in the order {ours}, version {primary.version!r} takes {_listed(primary.inputs)}"
    )


def _listed(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(map(_form, specs)) or "nothing"


def _form(spec: TensorSpec) -> str:
    return f"{spec.name!r} {spec.datatype.name} {'of ' * spec.unknown_rank}{spec.form}"
