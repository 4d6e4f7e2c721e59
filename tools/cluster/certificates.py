"""The cluster's certificates, by one authority; the API server's proxy has one of its own."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Authority", "Identity", "make_key"]

_DAYS = "30"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority that lies in `folder` under `name`."""

    folder: Path
    name: str
    environ: Mapping[str, str]

    @property
    def certificate(self) -> Path:
        """Its own certificate."""
        return self.folder / f"{self.name}.crt"

    @property
    def key(self) -> Path:
        """Its key."""
        return self.folder / f"{self.name}.key"

    def make(self) -> None:
        """Make its key and certificate."""
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")
        files = ("-keyout", self.key, "-out", self.certificate)
        subject = ("-subj", f"/CN=modelberth test {self.name}")
        _openssl(self.environ, "req", "-x509", *_KEY, "-days", _DAYS, *subject, *usage, *files)

    def issue(self, file: str, user: str, group: str = "", addresses: Iterable[str] = ()) -> Identity:
        """Make a certificate for `user` in `group`; with `addresses` (names, IPs) it serves there as well."""
        made = Identity(self.folder / f"{file}.crt", self.folder / f"{file}.key")
        request, extensions = self.folder / f"{file}.csr", self.folder / f"{file}.ext"
        subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
        _openssl(self.environ, "req", *_KEY, "-subj", subject, "-keyout", made.key, "-out", request)
        names = ",".join(f"IP:{name}" if name[:1].isdigit() else f"DNS:{name}" for name in addresses)
        usage = "clientAuth, serverAuth" if names else "clientAuth"
        lines = ["basicConstraints=CA:FALSE", f"extendedKeyUsage={usage}"]
        extensions.write_text("\n".join([*lines, *([f"subjectAltName={names}"] if names else [])]))
        signer: tuple[str | Path, ...] = ("-CA", self.certificate, "-CAkey", self.key, "-days", _DAYS)
        serial = ("-set_serial", f"0x{secrets.token_hex(8)}")
        files = ("-in", request, "-extfile", extensions, "-out", made.certificate)
        _openssl(self.environ, "x509", "-req", *signer, *serial, *files)
        request.unlink()
        extensions.unlink()
        return made

    def encoded(self) -> str:
        """Return its certificate as the API takes one."""
        return _encoded(self.certificate)

    def kubeconfig(self, path: Path, server: str, identity: Identity) -> Path:
        """Write a kubeconfig that holds everything it needs, for its owner's eyes only."""
        cluster = {"server": server, "certificate-authority-data": self.encoded()}
        user = {
            "client-certificate-data": _encoded(identity.certificate),
            "client-key-data": _encoded(identity.key),
        }
        name = "modelberth-test"
        document: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(document, indent=1))
        return path


def make_key(path: Path, environ: Mapping[str, str]) -> Path:
    """Make a key that signs the tokens of service accounts."""
    # Not `genpkey`: the API server reads a key on a curve in SEC 1's form only.
    _openssl(environ, "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", path)
    return path


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _openssl(environ: Mapping[str, str], *arguments: str | Path) -> None:
    command: Sequence[str | Path] = ["openssl", *arguments]
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"`openssl {arguments[0]}` ended with code {done.returncode}:\n{done.stderr}")
