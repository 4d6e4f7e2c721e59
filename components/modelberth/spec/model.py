"""Which model an endpoint serves: where the file lies and what pins it."""

import re
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from modelberth.errors import Problem, SpecError, shown

from .rules import Matching, Part

__all__ = ["ModelFormat", "ModelSource", "ModelUri", "Scheme"]

Scheme = Literal["file", "https", "s3", "gs", "azblob", "hf", "oci", "pvc"]
ModelFormat = Literal["onnx", "savedmodel", "safetensors", "triton", "custom"]

_SHAPES: Final = {
    "file": "file:PATH",
    "https": "https://HOST/PATH",
    "s3": "s3://BUCKET/KEY",
    "gs": "gs://BUCKET/OBJECT",
    "azblob": "azblob://ACCOUNT/CONTAINER/BLOB",
    "hf": "hf://ORGANISATION/NAME",
    "oci": "oci://REGISTRY/REPOSITORY",
    "pvc": "pvc://CLAIM/PATH",
}
_ALLOWED_URI: Final = f"a path, or one of {', '.join(_SHAPES.values())}"
# Unpickling runs code that the file brings along: refused by name, so that the message can say so.
_PICKLES: Final = {
    "pickle",
    "pkl",
    "joblib",
    "cloudpickle",
    "dill",
    "sklearn",
    "scikit-learn",
    "pt",
    "pth",
    "pytorch",
}
# A host with an optional port, a bucket, an account, an organisation or a claim.
_PLACE: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:[0-9]{1,5})?"
_MOVING: Final = {"main", "master", "head", "latest", "dev", "develop", "trunk", "stable"}


def _uri(value: str) -> str:
    """Return the normal form, `scheme:…`; a bare path is a `file:`."""

    def refusal(hint: str) -> SpecError:
        return SpecError(Problem("", shown(value), _ALLOWED_URI, hint))

    if not value or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise refusal("Spaces and control characters have to be percent-encoded.")
    scheme, colon, rest = value.partition(":")
    if not colon or "/" in scheme:
        scheme, rest = "file", value
    if scheme not in _SHAPES:
        raise refusal("Plain http can be changed on its way: use https." if scheme == "http" else "")
    if "?" in rest or "#" in rest:
        raise refusal(
            "A query may hold a token that everyone would read in the state: leave it out, the endpoint's "
            "identity reads."
        )
    if scheme == "file":
        path = rest.removeprefix("//") if rest.startswith("///") else rest
        if path.startswith("//") or path in {"", ".", "/"}:
            raise refusal(
                "A relative path counts from the Pulumi project's folder, an absolute one is file:/PATH."
            )
        return f"file:{path}"
    place, _, path = rest.removeprefix("//").partition("/")
    if "@" in rest and scheme == "hf":
        raise refusal("Name the commit in `revision`.")
    if "@" in place or ("@" in path and scheme != "oci"):
        raise refusal("No user name or password in a uri: the endpoint's identity reads the model.")
    wanted = _SHAPES[scheme].count("/") - 2
    if (
        not rest.startswith("//")
        or not re.fullmatch(_PLACE, place)
        or len([*filter(None, path.split("/"))]) < wanted
    ):
        raise refusal(f"Here {_SHAPES[scheme]} is expected.")
    return value


def _format(value: Any) -> Any:
    if isinstance(value, str) and value.lower().lstrip(".") in _PICKLES:
        hint = "A pickle runs code when it is loaded: export the model to ONNX or safetensors."
        raise SpecError(Problem("", shown(value), f"one of {', '.join(get_args(ModelFormat))}", hint))
    return value


def _revision(value: str) -> str:
    if value.lower() in _MOVING:
        hint = "This name moves: two replicas could serve different models."
        raise SpecError(
            Problem(
                "", shown(value), "a revision that never changes, such as a commit or an object version", hint
            )
        )
    return value


def _lower(value: Any) -> Any:
    return value.strip().lower().removeprefix("sha256:") if isinstance(value, str) else value


ModelUri = Annotated[str, Field(max_length=2048), AfterValidator(_uri)]


class ModelSource(Part):
    """One model, pinned: what a remote uri holds may change, so it needs `revision`, `sha256` or both."""

    uri: ModelUri = Field(
        description="Where the model lies: a path (relative to the Pulumi project) or file:, https, s3, gs, "
        "azblob, "
        "hf, oci or pvc. Without credentials: the endpoint's identity reads it.",
        examples=["models/iris.onnx", "s3://models/iris/3.onnx", "hf://org/name"],
    )
    revision: (
        Annotated[
            str,
            Matching(r"[!-~]{1,256}", "1 to 256 printable characters without spaces"),
            AfterValidator(_revision),
        ]
        | None
    ) = Field(
        None,
        description="Revision that the source itself keeps unchanged: a commit (hf), an object version (s3, "
        "azblob), a generation (gs).",
    )
    sha256: (
        Annotated[
            str,
            BeforeValidator(_lower),
            Matching(r"[0-9a-f]{64}", "64 hexadecimal digits", "`sha256sum FILE` prints them."),
        ]
        | None
    ) = Field(
        None,
        description="SHA-256 of the model file. The server loads the model only if it matches. Unset for a "
        "file: "
        "model, it is computed at every preview.",
    )
    format: Annotated[ModelFormat, BeforeValidator(_format)] = Field(
        "onnx",
        description="Format of the model file. Pickle-based formats are refused: loading one runs code from "
        "the file.",
    )
    version: Annotated[
        str,
        Matching(
            r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?",
            "1 to 63 letters, digits, dots, hyphens or underscores",
        ),
    ] = Field(
        "1", description="Label of the model's version in routes, metrics, logs and the endpoint's contract."
    )

    @property
    def scheme(self) -> Scheme:
        """The kind of store that holds the model."""
        scheme: Any = self.uri.partition(":")[0]
        return scheme  # type: ignore[no-any-return]

    @property
    def path(self) -> str:
        """The uri without its scheme; for `file:` the path in the file system."""
        return self.uri.partition(":")[2]

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        by_digest = self.scheme == "oci" and re.search(r"@sha256:[0-9a-f]{64}$", self.uri) is not None
        if self.scheme != "file" and self.revision is None and self.sha256 is None and not by_digest:
            raise SpecError(
                Problem(
                    "sha256",
                    "nothing",
                    f"64 hexadecimal digits, or `revision`, for a model from {self.scheme}",
                    "What a remote uri holds can change; a pin keeps every replica on the same model.",
                )
            )
        return self
