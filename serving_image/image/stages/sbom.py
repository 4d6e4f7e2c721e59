"""What is in the image, as CycloneDX 1.6 in JSON (ECMA-424), the same bytes for the same contents."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message

    from debian import Package

__all__ = ["Component", "bill_of_materials", "debian_component", "python_component"]

_LONGEST_NAME = 120  # a `License` field may hold the whole text of a licence


@dataclass(frozen=True, order=True)
class Component:
    """One thing in the image, known by its package URL."""

    purl: str
    name: str
    version: str
    licences: tuple[str, ...] = ()
    expression: str = ""
    sha256: str = ""
    kind: str = "library"

    def as_json(self) -> dict[str, Any]:
        """Return it as an entry of `components`."""
        entry: dict[str, Any] = {
            "type": self.kind,
            "bom-ref": self.purl,
            "name": self.name,
            "version": self.version,
            "purl": self.purl,
        }
        if self.sha256:
            entry["hashes"] = [{"alg": "SHA-256", "content": self.sha256}]
        if self.expression:
            entry["licenses"] = [{"expression": self.expression}]
        elif self.licences:
            entry["licenses"] = [{"license": {"name": name}} for name in self.licences]
        return entry


def debian_component(package: Package, release: str) -> Component:
    """Describe a Debian package; `release` is that of the distribution, `13`."""
    version = quote(package.version, safe="~.-")
    return Component(
        f"pkg:deb/debian/{package.name}@{version}?arch={package.architecture}&distro=debian-{release}",
        package.name,
        package.version,
        package.licences,
    )


def python_component(metadata: Message, sha256: str = "") -> Component:
    """Describe an installed Python distribution by its core metadata and the sha256 of its wheel."""
    name, version = str(metadata["Name"]), str(metadata["Version"])
    classifiers = [
        str(line).rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier", [])
        if str(line).startswith("License ::")
    ]
    stated = str(metadata.get("License") or "").strip()
    named = [stated] if stated and "\n" not in stated and len(stated) <= _LONGEST_NAME else classifiers
    return Component(
        f"pkg:pypi/{name.lower().replace('_', '-').replace('.', '-')}@{quote(version, safe='.-')}",
        name,
        version,
        tuple(sorted(set(named))),
        str(metadata.get("License-Expression") or ""),
        sha256,
    )


def bill_of_materials(components: Iterable[Component], subject: Component) -> str:
    """Return the document; its serial number follows from its contents, and it has no time of making."""
    entries = [component.as_json() for component in sorted(components)]
    contents = json.dumps([subject.as_json(), entries], sort_keys=True)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, contents)}",
        "version": 1,
        "metadata": {"component": subject.as_json()},
        "components": entries,
    }
    return json.dumps(document, indent=1) + "\n"
