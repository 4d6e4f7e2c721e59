"""The addresses of models and of folders in object stores, in the forms that an endpoint's spec has."""

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote, urlsplit

__all__ = ["HUB", "Uri"]

HUB: Final = "https://huggingface.co"
# A single file's address ends in one of these; everything else is the folder of a package.
FILES: Final = (".onnx", ".tar", ".tar.gz", ".tgz", ".zip")

# Bucket: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html and
# https://cloud.google.com/storage/docs/buckets#naming. Account and container:
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftstorage.
# They end up in the name of a host: nothing else may.
_BUCKET: Final = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_PLACES: Final = {
    "s3": _BUCKET,
    "gs": _BUCKET,
    "azblob": r"[a-z0-9]{3,24}/[a-z0-9$][a-z0-9-]{1,61}[a-z0-9]",
    "hf": r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}",
    "https": r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?",
}
_SHAPES: Final = {
    "file": "file:/PATH",
    "https": "https://HOST/PATH",
    "s3": "s3://BUCKET/KEY[@VERSION]",
    "gs": "gs://BUCKET/OBJECT[@GENERATION]",
    "azblob": "azblob://ACCOUNT/CONTAINER/BLOB[@VERSION]",
    "hf": "hf://ORGANISATION/NAME@REVISION[/FILE]",
}


@dataclass(frozen=True)
class Uri:
    """An address, taken apart; `str` gives it back without its query, which may hold a signature."""

    scheme: str
    place: str
    """Host with port, bucket, `ACCOUNT/CONTAINER` or `ORGANISATION/NAME`; empty for a file."""
    path: str
    """Decoded; without a leading slash, except that a file's is absolute."""
    revision: str | None = None
    query: str = ""

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Read an address.

        Raises:
            ValueError: it has none of the known forms.

        """
        scheme, _, rest = text.partition(":")
        if scheme not in _SHAPES:
            raise ValueError(f"{_bare(text)}: expected {', '.join(_SHAPES.values())}")
        wrong = ValueError(f"{_bare(text)}: expected {_SHAPES[scheme]}")
        if scheme == "file":
            path = unquote(rest.removeprefix("//"))
            if not path.startswith("/") or path.startswith("//") or "\0" in path:
                raise wrong
            return cls(scheme, "", path)
        query = ""
        if scheme == "https":
            query = urlsplit(text).query
            rest = rest.partition("#")[0].partition("?")[0]
        if "?" in rest or "#" in rest or not rest.startswith("//"):
            raise wrong
        revision: str | None = None
        if scheme == "hf":
            if (parts := re.fullmatch(r"//([^/@]+/[^/@]+)@([^/@]+)(?:/(.*))?", rest)) is None:
                raise wrong
            place, revision, path = parts[1], unquote(parts[2]), parts[3] or ""
        else:
            segments = rest[2:].split("/", 2 if scheme == "azblob" else 1)
            place, path = "/".join(segments[:-1]), segments[-1]
            if scheme != "https" and "@" in path:
                path, _, revision = path.rpartition("@")
        path = unquote(path)
        if (
            re.fullmatch(_PLACES[scheme], place) is None
            or any(part in {".", ".."} for part in path.split("/"))
            or re.search(r"[\0-\x1f\x7f]", path + (revision or ""))
            or (scheme != "hf" and not path)
            or revision == ""
        ):
            raise wrong
        return cls(scheme, place, path, revision, query)

    def __str__(self) -> str:
        if self.scheme == "file":
            return f"file:{quote(self.path)}"
        pinned = f"@{quote(self.revision, safe='')}" if self.revision is not None else ""
        if self.scheme == "hf":
            return f"hf://{self.place}{pinned}" + (f"/{quote(self.path)}" if self.path else "")
        return f"{self.scheme}://{self.place}/{quote(self.path)}{pinned}"

    @property
    def is_folder(self) -> bool:
        """Whether a package's files lie below it; by its name, so that nothing has to be asked."""
        return not self.path.lower().endswith(FILES)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def url(self) -> str:
        """What to ask an https server for; a model hub's files have a form of their own."""
        if self.scheme == "hf":
            return f"{HUB}/{self.place}/resolve/{quote(self.revision or '', safe='')}/{quote(self.path)}"
        return f"https://{self.place}/{quote(self.path)}" + (f"?{self.query}" if self.query else "")

    def child(self, name: str) -> "Uri":
        """The address of a file in this folder; `name` may hold slashes."""
        path = self.path.rstrip("/")
        return replace(self, path=f"{path}/{name}" if path or self.scheme == "file" else name)


def _bare(text: str) -> str:
    """Cut off what may be secret: a query, and a login before the host."""
    return re.sub(r"//[^/@]*@(?=[^/]*(/|$))", "//***@", text.partition("?")[0])[:300]
