"""Take one wheel from a Python package index without pip: Debian's python3 has none.

The index page is PEP 503's HTML, which every index and mirror serves; a wheel's name is PEP 427's, its
platform tags are PEP 600's (manylinux), PEP 656's (musllinux) and macOS's own.
"""

from __future__ import annotations

import hashlib
import platform
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from console import Progress, SetupError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = ["PackageIndex", "Platform", "index_url"]

_PUBLIC_INDEX = "https://pypi.org/simple"
_TIMEOUT_S = 20.0
_CHUNK_BYTES = 1 << 18


def index_url(environ: Mapping[str, str]) -> str:
    """Return the index that uv or pip would use by these variables; the public one when none is set."""
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    return next((environ[name] for name in names if environ.get(name)), _PUBLIC_INDEX)


@dataclass(frozen=True)
class Platform:
    """What decides which wheels run here; `release` is glibc's version on Linux, macOS's on macOS."""

    system: str
    machine: str
    libc: str = ""
    release: tuple[int, int] = (0, 0)

    @classmethod
    def here(cls) -> Platform:
        """Describe this machine."""
        libc, release = platform.libc_ver() if platform.system() == "Linux" else ("", platform.mac_ver()[0])
        numbers = [int(number) for number in re.findall(r"\d+", release)[:2]]
        return cls(platform.system(), platform.machine(), libc, (*numbers, 0, 0)[:2])  # type: ignore[arg-type]

    def runs(self, tag: str) -> bool:
        """Tell whether a wheel with the platform `tag` (`manylinux_2_17_x86_64`) runs here."""
        found = re.fullmatch(r"(manylinux|musllinux|macosx)_(\d+)_(\d+)_(\w+)", tag)
        if not found or found[4] != self.machine:
            return False
        needs = int(found[2]), int(found[3])
        match found[1]:
            case "macosx":
                return self.system == "Darwin" and needs <= self.release
            case "manylinux":
                return self.system == "Linux" and self.libc == "glibc" and needs <= self.release
            case _:
                return self.system == "Linux" and self.libc != "glibc"


class PackageIndex:
    """A package index at `url`, which may carry a user and password; they are sent to its host only."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SetupError(
                f"the package index {parts.scheme or '(no scheme)'}://… is not an http or https address"
            )
        host = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/", "", ""))
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        if parts.username:
            user, password = unquote(parts.username), unquote(parts.password or "")
            passwords.add_password(None, f"{parts.scheme}://{host}/", user, password, is_authenticated=True)
        self._opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))

    def wheel(self, project: str, version: str, pins: Container[str], target: Platform, step: str) -> bytes:
        """Download the wheel of `project` that runs on `target`; `pins` are the sha256s that it may have.

        Raises SetupError when the index does not answer, has no such wheel or serves an unpinned one.
        """
        page = f"{self.url}{project}/"
        links = _Links()
        links.feed(self._get(page, step).decode(errors="replace"))
        addresses = {_file_name(href): urljoin(page, href) for href in links.hrefs}
        name = next((name for name in addresses if _fits(name, project, version, target)), None)
        if not name:
            raise SetupError(f"{self.url} has no {project} {version} for {target.system} {target.machine}")
        content = self._get(addresses[name], step)
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 not in pins:
            raise SetupError(f"{name} from {self.url} is not a pinned file: its sha256 is {sha256}")
        return content

    def _get(self, address: str, step: str) -> bytes:
        if urlsplit(address).scheme not in {"http", "https"}:
            raise SetupError(f"the package index links to {address}, which is not an http or https address")
        progress = Progress(step, f"downloading {_file_name(address) or address}")
        content = bytearray()
        try:
            with self._opener.open(address, timeout=_TIMEOUT_S) as response:
                while chunk := response.read(_CHUNK_BYTES):
                    content += chunk
                    progress.tick(f"{len(content) / 1e6:.1f} MB")
        except (OSError, urllib.error.URLError) as error:
            raise SetupError(f"{address} cannot be downloaded: {error}") from error
        finally:
            progress.done()
        return bytes(content)


def _file_name(address: str) -> str:
    return unquote(urlsplit(address).path.rpartition("/")[2])


def _fits(name: str, project: str, version: str, target: Platform) -> bool:
    tags = name.removesuffix(".whl").rpartition("-")[2].split(".")
    return name.startswith(f"{project}-{version}-") and name.endswith(".whl") and any(map(target.runs, tags))


class _Links(HTMLParser):
    """The addresses that the anchors of a page lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs += [value for name, value in attrs if name == "href" and value]
