"""Every metric of the server: names, labels, meanings, buckets.

Names follow https://prometheus.io/docs/practices/naming/ (base units, `_total`). Queue, compute and batch
are told apart by `model` and `version`, as by Triton (`nv_inference_queue_duration_us`,
`nv_inference_exec_count`).
"""

from typing import Final

from modelberth_server.telemetry.instruments import Family, Kind

__all__ = [
    "BATCH_REQUESTS",
    "BATCH_ROWS",
    "CAPTURED",
    "CAPTURE_DROPPED",
    "CAPTURE_FAILURES",
    "COMPUTE",
    "CONNECTIONS",
    "DURATION",
    "FAMILIES",
    "FEATURE_BUCKET",
    "FEATURE_PSI",
    "IN_FLIGHT",
    "MODEL_INFO",
    "PREDICTED_ROWS",
    "PREDICTIONS",
    "PREDICTION_BUCKET",
    "PREDICTION_PSI",
    "QUEUE",
    "REQUESTS",
]

_DECADES: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
# A tiny model answers in 0.1 ms; the default time limit is 30 s.
_REQUEST_SECONDS: Final = (*_DECADES, 30.0)
# One row of a tiny model computes in 20 µs.
_COMPUTE_SECONDS: Final = (0.00001, 0.000025, 0.00005, *_DECADES)
# Powers of two up to the largest batch that can be set.
_SIZES: Final = tuple(float(1 << power) for power in range(13))

_MODEL: Final = ("model", "version")

REQUESTS: Final = Family("modelberth_requests_total", Kind.COUNTER, "Requests answered", ("route", "code"))
DURATION: Final = Family(
    "modelberth_request_duration_seconds",
    Kind.HISTOGRAM,
    "Time from the headers of a request to its response",
    ("route",),
    _REQUEST_SECONDS,
)
IN_FLIGHT: Final = Family("modelberth_in_flight", Kind.GAUGE, "Predictions queued or being computed")
CONNECTIONS: Final = Family("modelberth_connections", Kind.GAUGE, "Open connections")
MODEL_INFO: Final = Family(
    "modelberth_model_info",
    Kind.GAUGE,
    "Always 1; the labels tell what is served",
    ("name", "version", "sha256", "revision"),
    across="max",
)
PREDICTIONS: Final = Family(
    "modelberth_predictions_total", Kind.COUNTER, "Requests that the model computed", _MODEL
)
PREDICTED_ROWS: Final = Family(
    "modelberth_predicted_rows_total", Kind.COUNTER, "Rows that the model computed", _MODEL
)
QUEUE: Final = Family(
    "modelberth_queue_seconds",
    Kind.HISTOGRAM,
    "Time from the headers of a request to the begin of its computation",
    _MODEL,
    _REQUEST_SECONDS,
)
COMPUTE: Final = Family(
    "modelberth_compute_seconds",
    Kind.HISTOGRAM,
    "Time to compute one batch and to write its responses",
    _MODEL,
    _COMPUTE_SECONDS,
)
BATCH_ROWS: Final = Family("modelberth_batch_rows", Kind.HISTOGRAM, "Rows computed together", _MODEL, _SIZES)
BATCH_REQUESTS: Final = Family(
    "modelberth_batch_requests", Kind.HISTOGRAM, "Requests computed together", _MODEL, _SIZES
)
FEATURE_BUCKET: Final = Family(
    "modelberth_feature_bucket_total",
    Kind.COUNTER,
    "Values of an input's column, in the buckets of the training data",
    (*_MODEL, "input", "feature", "bucket"),
)
FEATURE_PSI: Final = Family(
    "modelberth_feature_psi",
    Kind.GAUGE,
    "Population stability index of the last rows against the training data",
    (*_MODEL, "input", "feature"),
    across="max",
)
PREDICTION_BUCKET: Final = Family(
    "modelberth_prediction_bucket_total",
    Kind.COUNTER,
    "Values of an output's column: classes, or buckets of scores",
    (*_MODEL, "output", "column", "bucket"),
)
PREDICTION_PSI: Final = Family(
    "modelberth_prediction_psi",
    Kind.GAUGE,
    "Population stability index of the last predictions against those on the training data",
    (*_MODEL, "output", "column"),
    across="max",
)
CAPTURED: Final = Family("modelberth_capture_requests_total", Kind.COUNTER, "Requests written to the store")
CAPTURE_DROPPED: Final = Family(
    "modelberth_capture_dropped_total",
    Kind.COUNTER,
    "Sampled requests not written: too much to hash, queue full, rows of a batch not known, store failing",
    ("reason",),
)
CAPTURE_FAILURES: Final = Family(
    "modelberth_capture_failures_total", Kind.COUNTER, "Attempts to write to the store that failed"
)

FAMILIES: Final = {
    family.name: family
    for family in (
        REQUESTS,
        DURATION,
        IN_FLIGHT,
        CONNECTIONS,
        MODEL_INFO,
        PREDICTIONS,
        PREDICTED_ROWS,
        QUEUE,
        COMPUTE,
        BATCH_ROWS,
        BATCH_REQUESTS,
        FEATURE_BUCKET,
        FEATURE_PSI,
        PREDICTION_BUCKET,
        PREDICTION_PSI,
        CAPTURED,
        CAPTURE_DROPPED,
        CAPTURE_FAILURES,
    )
}
