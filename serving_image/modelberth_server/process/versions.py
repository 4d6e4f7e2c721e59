"""The versions that the settings ask for: loaded, and compared with each other."""

import logging
from collections.abc import Mapping, Sequence

from modelberth_server.errors import ModelError, StartError
from modelberth_server.execution.rehearsal import rehearse
from modelberth_server.model.agreement import require_same_inputs
from modelberth_server.model.loading import load
from modelberth_server.model.reference import ModelReference, check, references
from modelberth_server.model.session import Model
from modelberth_server.model.versions import Served, Versions
from modelberth_server.settings import Settings

__all__ = ["load_versions"]

logger = logging.getLogger(__name__)


def load_versions(
    settings: Settings, environ: Mapping[str, str], there: Sequence[Served] = ()
) -> tuple[Served, ...]:
    """Load the versions that are not there yet.

    Args:
        settings: name the versions
        environ: where platforms say where they have put a model
        there: loaded before; one of the same version and sha256 is taken as it is

    Raises:
        StartError: one is refused, or does not take the inputs of the others.

    """
    loaded: dict[tuple[str | None, str | None], Model] = {
        (one.model.signature.version, one.model.signature.sha256): one.model for one in there
    }
    asked = references(settings, environ)
    served = []
    for reference in asked:
        model = loaded.get((reference.version, reference.sha256))
        if model is None:
            model = _load(reference, settings, environ)
        else:
            # The next start has to find it again.
            check(reference, settings)
        served.append(Served(model, reference.weight, reference.shadow))
    primary = Versions(*served).primary
    for reference, one in zip(asked, served, strict=True):
        if primary is not None and one.model is not primary:
            require_same_inputs(reference.origin, one.model.signature, primary.signature)
    return tuple(served)


def _load(reference: ModelReference, settings: Settings, environ: Mapping[str, str]) -> Model:
    try:
        model = load(reference, settings, environ)
        rehearse(model)
    except StartError:
        raise
    except Exception as error:
        logger.exception("unexpected error while loading the model")
        raise ModelError(f"{reference.origin}: the model cannot be loaded: {error!r}") from None
    return model
