"""Every environment variable that the server reads under a name of its own."""

import ipaddress
from pathlib import Path
from typing import Final

from modelberth_server.settings.variable import Variable, between, listed, matching

__all__ = ["VARIABLES"]


def _private_host(text: str) -> str:
    if "/" in text:
        ipaddress.ip_network(text)  # ValueError, also where the address has bits beyond the mask
    return text


_WHOLE = matching(r"[0-9]{1,18}", "a whole number", int)
_NUMBER = matching(r"[0-9]{1,9}(\.[0-9]{1,9})?", "a number", float)
_SECONDS = matching(r"[0-9]{1,9}(\.[0-9]{1,9})?", "a number of seconds", float)
_MILLISECONDS = matching(r"[0-9]{1,9}(\.[0-9]{1,9})?", "a number of milliseconds", float)
_DESCRIPTOR = between(_WHOLE, 3, 1 << 20)
_PORT = between(_WHOLE, 0, 65535)
# It becomes a segment of a URL and a label in the metrics.
_NAME = matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", "1 to 128 letters, digits, '.', '_' or '-'")
_PATH = matching(r"[^\0]+", "the path of a file", Path)
_FOLDER = matching(r"[^\0]+", "the path of a folder", Path)
_SHA256 = matching(r"[0-9A-Fa-f]{64}", "64 hexadecimal digits", str.lower)
_REVISION = matching(r"[\x21-\x7e]{0,128}", "at most 128 printable ASCII characters without spaces")
_HOST = matching(r"\S{1,255}", "an address or a host name")
_LOG_LEVEL = matching("error|warning|info|debug", "error, warning, info or debug")
_MODEL_URI = matching(r"(https|s3|gs|azblob|hf|file):\S{1,2048}", "an https, s3, gs, azblob, hf or file uri")
_STORE_URI = matching(r"(file|s3|gs|azblob):\S{1,2048}", "a file, s3, gs or azblob uri")
_HTTPS = matching(r"https://\S{1,2048}", "an https address")
_PRIVATE_HOSTS = listed(
    matching(
        r"[A-Za-z0-9\[:._-][]A-Za-z0-9:._/-]{0,254}",
        "a host name, an address or a network such as 10.20.0.0/16",
        _private_host,
    )
)
_HEADER = matching(r"[A-Za-z0-9-]{1,64}", "1 to 64 letters, digits or hyphens", str.lower)
_TEXT = matching(r"[\x21-\x7e]{1,2048}", "1 to 2048 printable ASCII characters without spaces")
_FIELDS = listed(matching(r"[^\0,]{1,128}", "a name of 1 to 128 characters without a comma"))

VARIABLES: Final = (
    Variable("MODELBERTH_MODEL_PATH", None, _PATH, "ONNX file or package folder to serve"),
    Variable("MODELBERTH_MODEL_URI", None, _MODEL_URI, "where to fetch it from instead of a path"),
    Variable(
        "MODELBERTH_MODEL_SHA256",
        None,
        _SHA256,
        "its sha256 (of a package: of its `modelberth.json`); other bytes are refused unparsed",
    ),
    Variable(
        "MODELBERTH_MODELS_FILE",
        None,
        _PATH,
        "several versions with weights instead of one model; read again when it changes",
    ),
    Variable(
        "MODELBERTH_MODEL_FOLDER",
        Path("/tmp/modelberth"),  # noqa: S108 -- the one writable place in a container with a read-only root
        _FOLDER,
        "folder for fetched models",
    ),
    Variable(
        "MODELBERTH_ALLOW_PRIVATE_HOSTS",
        (),
        _PRIVATE_HOSTS,
        "hosts of one's own network that models may be fetched from; otherwise only public addresses are "
        "connected to",
    ),
    Variable(
        "MODELBERTH_MODEL_NAME",
        None,
        _NAME,
        "name in `/v2/models/NAME`; unset: the package's, or `model` for an ONNX file",
    ),
    Variable(
        "MODELBERTH_MODEL_VERSION",
        None,
        _NAME,
        "version in the model's metadata; unset: the package's, or `1` for an ONNX file",
    ),
    Variable("MODELBERTH_REVISION", "", _REVISION, "opaque id of the deployment; `/health/ready` echoes it"),
    Variable("HOST", "0.0.0.0", _HOST, "address to listen on"),  # noqa: S104 -- a container is called from outside
    Variable("PORT", 8080, _PORT, "port to listen on; 0 takes a free one and logs it"),
    Variable(
        "MODELBERTH_ADMIN_PORT",
        None,
        _PORT,
        "port of `/metrics` and the admin routes; unset: `/metrics` is on the main port and there are none",
    ),
    Variable(
        "MODELBERTH_GRPC_PORT", None, _PORT, "port of the Open Inference Protocol over gRPC; unset: none"
    ),
    Variable(
        "MODELBERTH_LISTEN_FD",
        None,
        _DESCRIPTOR,
        "inherited listening TCP socket instead of `HOST` and `PORT`; accepts only once the model is ready",
    ),
    Variable(
        "MODELBERTH_LIFELINE_FD",
        None,
        _DESCRIPTOR,
        "socket or pipe to a supervisor; its end of file means that the supervisor is gone: drain and exit. "
        "A socket is told `ready` and `draining`, a line each",
    ),
    Variable("MODELBERTH_WORKERS", 1, between(_WHOLE, 1, 64), "server processes on the one port"),
    Variable(
        "MODELBERTH_MAX_BODY_BYTES",
        1 << 20,
        between(_WHOLE, 1, 1 << 32),
        "bytes of a request body; more is answered with 413",
    ),
    Variable(
        "MODELBERTH_TIMEOUT_SECONDS",
        30.0,
        between(_SECONDS, 0.001, 3600),
        "for one request: 408 if its body has not arrived by then, 504 if its prediction is not done",
    ),
    Variable(
        "MODELBERTH_MAX_CONCURRENCY",
        64,
        between(_WHOLE, 1, 65536),
        "predictions in flight; one more is answered with 429",
    ),
    Variable(
        "MODELBERTH_MAX_CONNECTIONS",
        4096,
        between(_WHOLE, 1, 1 << 20),
        "open connections; for one more the one that is idle for longest is closed",
    ),
    Variable(
        "MODELBERTH_HEADER_TIMEOUT_SECONDS",
        10.0,
        between(_SECONDS, 0.1, 3600),
        "in which the headers of a request have to arrive, and a reader of a response has to make progress",
    ),
    Variable(
        "MODELBERTH_THREADS", 1, between(_WHOLE, 1, 256), "threads of ONNX Runtime inside one prediction"
    ),
    Variable(
        "MODELBERTH_MAX_BATCH_SIZE",
        32,
        between(_WHOLE, 1, 4096),
        "rows that are computed together where requests arrive close together; 1: each on its own",
    ),
    Variable(
        "MODELBERTH_BATCH_DELAY_MS",
        0.0,
        between(_MILLISECONDS, 0, 10_000),
        "that a request may wait for others; 0: only what is there already is batched",
    ),
    Variable(
        "MODELBERTH_DRAIN_DELAY_SECONDS",
        0.0,
        between(_SECONDS, 0, 3600),
        "after a signal in which new connections are still accepted, though it is no longer ready",
    ),
    # Docker and Cloud Run kill what has not ended after 10 s.
    Variable(
        "MODELBERTH_DRAIN_SECONDS",
        8.0,
        between(_SECONDS, 0, 3600),
        "that idle connections get for one more request before the server exits",
    ),
    Variable(
        "MODELBERTH_LOG_LEVEL",
        "info",
        _LOG_LEVEL,
        "`debug`, `info`, `warning` or `error`",
    ),
    Variable("MODELBERTH_LOG_FORMAT", "text", matching("text|json", "text or json"), "`text` or `json`"),
    Variable(
        "MODELBERTH_ACCESS_LOG",
        "errors",
        matching("off|errors|all", "off, errors or all"),
        "requests that are logged: `all`, `errors` (5xx) or `off`; never with their payload",
    ),
    Variable(
        "MODELBERTH_API_KEYS_FILE",
        None,
        _PATH,
        "callers and the sha256 of their keys: `NAME SHA256`, a line each",
    ),
    Variable("MODELBERTH_API_KEY_HEADER", "x-api-key", _HEADER, "header that carries the key"),
    Variable("MODELBERTH_JWT_ISSUER", None, _HTTPS, "issuer of the tokens that callers must send"),
    Variable("MODELBERTH_JWT_AUDIENCE", None, _TEXT, "audience that a token must name"),
    Variable(
        "MODELBERTH_JWT_JWKS",
        None,
        matching(r"(https:|/)\S{1,2048}", "an https address or an absolute path"),
        "the issuer's keys; unset: found by OpenID Connect discovery",
    ),
    Variable("MODELBERTH_JWT_LEEWAY_SECONDS", 30.0, between(_SECONDS, 0, 600), "by which clocks may differ"),
    Variable(
        "MODELBERTH_RATE_LIMIT_PER_MINUTE",
        0,
        between(_WHOLE, 0, 10_000_000),
        "predictions of one caller; one more is answered with 429. 0: no limit",
    ),
    Variable("MODELBERTH_TLS_CERT_FILE", None, _PATH, "certificate chain (PEM): serve TLS"),
    Variable("MODELBERTH_TLS_KEY_FILE", None, _PATH, "its private key (PEM)"),
    Variable(
        "MODELBERTH_TLS_CLIENT_CA_FILE",
        None,
        _PATH,
        "authorities (PEM) of which a caller must have a certificate",
    ),
    Variable(
        "MODELBERTH_TLS_MIN_VERSION", "1.2", matching(r"1\.[23]", "1.2 or 1.3"), "oldest version accepted"
    ),
    Variable(
        "MODELBERTH_CAPTURE_URI",
        None,
        _STORE_URI,
        "folder for a sample of requests and predictions, as Parquet",
    ),
    Variable(
        "MODELBERTH_CAPTURE_PERCENT", 1.0, between(_NUMBER, 0, 100), "share of the requests that is captured"
    ),
    Variable("MODELBERTH_CAPTURE_DROP_FIELDS", (), _FIELDS, "input fields that are never written"),
    Variable("MODELBERTH_CAPTURE_HASH_FIELDS", (), _FIELDS, "input fields that are written as a keyed hash"),
    Variable("MODELBERTH_CAPTURE_HASH_KEY_FILE", None, _PATH, "key of that hash, at least 16 bytes"),
    Variable("MODELBERTH_S3_OUTPUT_URI", None, _STORE_URI, "where predictions on S3 events go (AWS Lambda)"),
    Variable(
        "MODELBERTH_LAMBDA_RESPONSE_MODE",
        "buffered",
        matching("buffered|streaming", "buffered or streaming"),
        "`streaming` where the function URL's invoke mode is RESPONSE_STREAM: answers up to 200 MB "
        "(AWS Lambda)",
    ),
)
