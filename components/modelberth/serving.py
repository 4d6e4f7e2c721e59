"""The serving image's settings: the environment variables that every target hands to the server."""

from modelberth.spec import EndpointSpec


def serving_environment(spec: EndpointSpec) -> dict[str, str]:
    """Settings of the server by variable name; `serving_image/README.md` describes each.

    Where the model lies and which digest it has is the target's to say: it delivers the file.
    """
    environment = {
        "MODELBERTH_MODEL_NAME": spec.name,
        "MODELBERTH_MODEL_VERSION": spec.model.version,
        "MODELBERTH_MAX_BODY_BYTES": str(int(spec.limits.max_body)),
        "MODELBERTH_TIMEOUT_SECONDS": f"{spec.limits.timeout.seconds:g}",
        "MODELBERTH_MAX_CONCURRENCY": str(spec.limits.concurrency),
        "MODELBERTH_THREADS": str(spec.threads),
    }
    if (batching := spec.runtime.batching) is not None:
        environment["MODELBERTH_MAX_BATCH_SIZE"] = str(batching.max_size)
        environment["MODELBERTH_BATCH_DELAY_MS"] = f"{batching.max_delay.seconds * 1000:g}"
    return environment
