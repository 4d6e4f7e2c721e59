"""Archives that try to write elsewhere, or too much."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

FEW_FILES = 50
"""What a test allows instead of 10,000."""


def tar(*members: tuple[tarfile.TarInfo, bytes], packed: bool = True) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz" if packed else "w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zipped(*members: tuple[str, bytes], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            archive.writestr(info, data)
    return file.getvalue()


def announcing(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar whose only header promises more than follows."""
    info = entry("model.onnx", kind)
    info.size = size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


def zeros(size: int) -> bytes:
    """A tar.gz with a file of zeros, made without holding them."""
    info = entry("model.onnx")
    info.size = size
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join(
        [packer.compress(info.tobuf()), *(packer.compress(block) for _ in range(size >> 20)), packer.flush()]
    )


def encrypted() -> bytes:
    """A zip that says so; nothing of it is ever decrypted."""
    data = bytearray(zipped(("model.onnx", b"x")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at : at + 2] = struct.pack("<H", 1)
    return bytes(data)


def lying_zip() -> bytes:
    """A zip whose member is larger than it says."""
    data = bytearray(zipped(("model.onnx", b"x" * 1000), method=zipfile.ZIP_STORED))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = struct.pack("<I", 10)
    return bytes(data)


def many(count: int) -> bytes:
    return gzip.compress(b"".join(entry(f"{n}.txt").tobuf() for n in range(count)) + bytes(1024), 1)


def hostile(outside: Path) -> dict[str, tuple[Callable[[], bytes], str]]:
    """Name → (the archive, what its refusal says); `outside` is an absolute path that it must not reach."""
    slip = "outside of the archive's own folder"
    links = "only files and folders are unpacked"
    good = (entry("model.onnx"), b"x")
    return {
        "tar: ..": (lambda: tar((entry("../evil"), b"x")), slip),
        "tar: .. in the middle": (lambda: tar((entry("a/../../evil"), b"x")), slip),
        "tar: .. uncompressed": (lambda: tar((entry("../evil"), b"x"), packed=False), slip),
        "tar: ./..": (lambda: tar((entry("./../evil"), b"x")), slip),
        "tar: absolute": (lambda: tar((entry(str(outside / "evil")), b"x")), slip),
        "tar: backslash": (lambda: tar((entry("..\\evil"), b"x")), slip),
        "tar: drive": (lambda: tar((entry("C:/evil"), b"x")), slip),
        "tar: folder outside": (lambda: tar((entry("../evil", tarfile.DIRTYPE), b"")), slip),
        "tar: link outside": (lambda: tar((entry("evil", tarfile.SYMTYPE, str(outside)), b"")), links),
        "tar: link inside": (lambda: tar(good, (entry("a.onnx", tarfile.SYMTYPE, "model.onnx"), b"")), links),
        "tar: file through a link": (
            lambda: tar((entry("a", tarfile.SYMTYPE, str(outside)), b""), (entry("a/evil"), b"x")),
            links,
        ),
        "tar: hard link": (lambda: tar((entry("evil", tarfile.LNKTYPE, "/etc/passwd"), b"")), links),
        "tar: hard link inside": (lambda: tar(good, (entry("b", tarfile.LNKTYPE, "model.onnx"), b"")), links),
        "tar: device": (lambda: tar((entry("evil", tarfile.CHRTYPE), b"")), links),
        "tar: block device": (lambda: tar((entry("evil", tarfile.BLKTYPE), b"")), links),
        "tar: pipe": (lambda: tar((entry("evil", tarfile.FIFOTYPE), b"")), links),
        "tar: twice": (lambda: tar(good, good), "it is there twice"),
        "tar: twice, by another spelling": (
            lambda: tar(good, (entry("./model.onnx"), b"y")),
            "it is there twice",
        ),
        "tar: file and folder": (lambda: tar((entry("a"), b""), (entry("a/b"), b"")), "a file and a folder"),
        "tar: folder and file": (lambda: tar((entry("a/b"), b""), (entry("a"), b"")), "a file and a folder"),
        "tar: control characters": (lambda: tar((entry("a\nb"), b"")), "control characters"),
        "tar: long name": (lambda: tar((entry("a" * 300), b"")), "too long"),
        "tar: too many": (lambda: many(FEW_FILES + 1), f"more than {FEW_FILES} members"),
        "tar: huge": (lambda: announcing(21 << 30), "more than 21474836480 bytes"),
        "tar: bomb": (lambda: zeros(128 << 20), "more than 100 times its own size"),
        "tar: sparse": (lambda: announcing(1024, tarfile.GNUTYPE_SPARSE), "refused|unpacked"),
        "tar: header of gigabytes": (lambda: announcing(8 << 30, tarfile.GNUTYPE_LONGNAME), "a header of"),
        "tar: pax header of gigabytes": (lambda: announcing(8 << 30, tarfile.XHDTYPE), "a header of"),
        "tar: cut off": (lambda: tar((entry("model.onnx"), bytes(range(256)) * 99))[:-200], "unpacked"),
        "tar: ends early": (lambda: announcing(5000), "unpacked|announces"),
        "zip: ..": (lambda: zipped(("../evil", b"x")), slip),
        "zip: .. in the middle": (lambda: zipped(("a/../../evil", b"x")), slip),
        "zip: absolute": (lambda: zipped((str(outside / "evil"), b"x")), slip),
        "zip: backslash": (lambda: zipped(("..\\evil", b"x")), slip),
        "zip: NUL": (
            lambda: zipped(("model.onnxQ", b"x")).replace(b"onnxQ", b"onnx\0"),
            "control characters",
        ),
        "zip: link": (lambda: zipped(("evil", str(outside).encode()), mode=stat.S_IFLNK | 0o777), links),
        "zip: device": (lambda: zipped(("evil", b""), mode=stat.S_IFCHR | 0o666), links),
        "zip: twice": (lambda: zipped(("model.onnx", b"x"), ("./model.onnx", b"y")), "it is there twice"),
        "zip: file and folder": (lambda: zipped(("a", b""), ("a/b", b"")), "a file and a folder"),
        "zip: bomb": (lambda: zipped(("model.onnx", bytes(80 << 20))), "more than 100 times its own size"),
        "zip: encrypted": (encrypted, "encrypted"),
        "zip: bzip2": (lambda: zipped(("model.onnx", b"x"), method=zipfile.ZIP_BZIP2), "neither stored nor"),
        "zip: larger than it says": (lying_zip, "unpacked|announces"),
        "zip: broken": (
            lambda: zipped(("model.onnx", b"x" * 100)).replace(b"PK\x01\x02", b"PK\x09\x09"),
            "unpacked",
        ),
        "no archive": (lambda: b"hello", "unpacked"),
        "gzip of no archive": (lambda: gzip.compress(b"hello" * 500), "unpacked"),
        "broken gzip": (lambda: b"\x1f\x8b" + bytes(40), "unpacked"),
    }
