from __future__ import annotations

import base64
import hashlib

import pytest

from console import SetupError
from package_index import PackageIndex, Platform, index_url

DEBIAN = Platform("Linux", "x86_64", "glibc", (2, 36))
ALPINE = Platform("Linux", "aarch64", "", (0, 0))
MAC = Platform("Darwin", "arm64", "", (14, 5))
WHEELS = {
    f"uv-0.13.9-py3-none-{tags}.whl": tags.encode()
    for tags in (
        "linux_armv6l",
        "macosx_10_12_x86_64",
        "macosx_11_0_arm64",
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        "manylinux_2_17_i686.manylinux2014_i686",
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "musllinux_1_1_x86_64",
        "win_amd64",
    )
}
PINS = frozenset(hashlib.sha256(content).hexdigest() for content in WHEELS.values())


OTHER_FILES = ["uv-0.13.9.tar.gz", "uv-0.13.91-py3-none-manylinux_2_17_x86_64.whl"]


def pages() -> dict[str, bytes]:
    links = "".join(f'<a href="../../files/{name}#sha256=0">{name}</a>' for name in [*OTHER_FILES, *WHEELS])
    page = f'<!DOCTYPE html><html><body><a name="no-href">uv</a>{links}</body></html>'
    files = {f"/files/{name}": content for name, content in WHEELS.items()}
    return {"/simple/uv/": page.encode(), **files}


@pytest.mark.parametrize(
    ("target", "tag"),
    [
        (DEBIAN, b"manylinux_2_17_x86_64.manylinux2014_x86_64"),
        (ALPINE, b"manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64"),
        (MAC, b"macosx_11_0_arm64"),
        (Platform("Darwin", "x86_64", "", (10, 15)), b"macosx_10_12_x86_64"),
        (Platform("Linux", "x86_64", "", (0, 0)), b"musllinux_1_1_x86_64"),
    ],
)
def test_the_wheel_for_the_machine_is_taken(serve, target: Platform, tag: bytes) -> None:
    site = serve(pages())
    assert PackageIndex(f"{site.url}/simple").wheel("uv", "0.13.9", PINS, target, "uv") == tag
    assert len(site.requests) == 2


@pytest.mark.parametrize(
    "target",
    [
        Platform("Linux", "x86_64", "glibc", (2, 12)),
        Platform("Linux", "sparc64", "glibc", (2, 36)),
        Platform("Darwin", "x86_64", "", (10, 9)),
        Platform("FreeBSD", "x86_64", "", (0, 0)),
    ],
)
def test_a_machine_without_a_wheel_is_told_so(serve, target: Platform) -> None:
    site = serve(pages())
    with pytest.raises(SetupError, match=f"has no uv 0.13.9 for {target.system} {target.machine}"):
        PackageIndex(f"{site.url}/simple").wheel("uv", "0.13.9", PINS, target, "uv")


def test_a_file_that_is_not_pinned_is_refused(serve) -> None:
    changed = {path: content + b"!" if "files" in path else content for path, content in pages().items()}
    site = serve(changed)
    with pytest.raises(SetupError, match="is not a pinned file: its sha256 is"):
        PackageIndex(f"{site.url}/simple").wheel("uv", "0.13.9", PINS, DEBIAN, "uv")


@pytest.mark.parametrize("removed", ["/simple/uv/", "files"])
def test_an_index_that_lacks_a_page_is_told_with_its_address(serve, removed: str) -> None:
    site = serve({path: content for path, content in pages().items() if removed not in path})
    with pytest.raises(SetupError, match=rf"{site.url}/.* cannot be downloaded: HTTP Error 404"):
        PackageIndex(f"{site.url}/simple").wheel("uv", "0.13.9", PINS, DEBIAN, "uv")


def test_nobody_at_the_address_is_told(serve) -> None:
    # Port 9 (discard) on the loopback interface has no listener.
    with pytest.raises(SetupError, match=r"http://127.0.0.1:9/simple/uv/ cannot be downloaded"):
        PackageIndex("http://127.0.0.1:9/simple").wheel("uv", "0.13.9", PINS, DEBIAN, "uv")


def test_credentials_go_to_the_index_and_nowhere_else(serve) -> None:
    files = serve({path: content for path, content in pages().items() if "files" in path})
    page = pages()["/simple/uv/"].replace(b'"../../files', f'"{files.url}/files'.encode())
    index = serve({"/simple/uv/": page})
    private = index.url.replace("http://", "http://me:s%40cret@")
    PackageIndex(f"{private}/simple/").wheel("uv", "0.13.9", PINS, DEBIAN, "uv")
    expected = "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert index.requests == [("/simple/uv/", expected)]
    assert [authorization for _, authorization in files.requests] == [None]


def test_no_error_shows_the_credentials() -> None:
    with pytest.raises(SetupError) as refused:
        PackageIndex("http://me:secret@127.0.0.1:9/simple").wheel("uv", "0.13.9", PINS, DEBIAN, "uv")
    with pytest.raises(SetupError) as malformed:
        PackageIndex("ftp://me:secret@127.0.0.1/simple")
    assert "secret" not in f"{refused.value} {malformed.value}"


def test_an_index_may_not_lead_to_local_files(serve) -> None:
    site = serve({"/simple/uv/": b'<a href="file:///etc/uv-0.13.9-py3-none-manylinux_2_17_x86_64.whl">x</a>'})
    with pytest.raises(SetupError, match="not an http or https address"):
        PackageIndex(f"{site.url}/simple").wheel("uv", "0.13.9", PINS, DEBIAN, "uv")


def test_the_persons_own_index_is_used() -> None:
    both = {"UV_DEFAULT_INDEX": "https://a.example/simple", "PIP_INDEX_URL": "https://b.example/simple"}
    assert index_url(both) == "https://a.example/simple"
    assert index_url({**both, "UV_DEFAULT_INDEX": ""}) == "https://b.example/simple"
    assert index_url({}) == "https://pypi.org/simple"


def test_this_machine_is_described() -> None:
    here = Platform.here()
    assert here.system in {"Linux", "Darwin"}
    assert len(here.release) == 2
    assert not here.runs("win_amd64")
    assert not here.runs("manylinux_99_0_" + here.machine)
