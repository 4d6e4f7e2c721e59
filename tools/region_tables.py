"""Write the table of what each region of AWS has, as far as an endpoint depends on it.

    .venv/bin/python tools/region_tables.py            the installed cfn-lint
    .venv/bin/python tools/region_tables.py --check    exit code 1 where the table is stale

cfn-lint, from PyPI, carries which resource types CloudFormation knows in each region, and which instance
types SageMaker's hosting and EC2 have there, from AWS' own price lists. Who reads the table needs none of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
TABLE: Final = ROOT / "components/modelberth/aws/regions.toml"
INSTANCES: Final = ROOT / "components/modelberth/aws/sagemaker/instances.toml"
# What is made by the Cloud Control API, which knows what CloudFormation does.
_TYPES: Final = ("AWS::SageMaker::Endpoint", "AWS::SageMaker::InferenceComponent")
_FAMILIES: Final = (
    "c7i", "m7i", "r7i", "c5", "m5", "r5",
    "g4dn", "g5", "g6", "gr6", "g6e", "g7e", "p3", "p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200",
)  # fmt: skip
_HEAD: Final = """\
# Written by tools/region_tables.py from cfn-lint {version}, whose schemas are of {day}. A region that is
# not listed is not judged: the table may be older than it.
#
#   absent    type of resource → regions in which AWS' Cloud Control API does not have it
#   hosting   family of instances → regions in which SageMaker's hosting has a size of it
#   ec2       the same of EC2
#   lacking   size of instances → regions in which SageMaker's hosting has the family and not that size
captured = {day}
source = "https://pypi.org/project/cfn-lint/{version}/"
"""


def written() -> str:
    """Return the table as its file has it."""
    schemas = _schemas()
    day = json.loads((schemas / "version.json").read_text(encoding="utf-8"))["schema_date"][:10]
    known = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((schemas / "providers").glob("*-*.json"))
    }
    lines = [_HEAD.format(version=version("cfn-lint"), day=day), *_entry("regions", [*known]), "", "[absent]"]
    for kind in _TYPES:
        lines += _entry(f'"{kind}"', [region for region, types in known.items() if kind not in types])
    for section, folder in (("hosting", "aws_sagemaker_hosting"), ("ec2", "aws_ec2_instance")):
        kinds = json.loads((schemas / "extensions" / folder / "instancetype_enum.json").read_text("utf-8"))
        lines += ["", f"[{section}]"]
        for family in _FAMILIES:
            found = [region for region in known if family in _families(kinds.get(region, {}))]
            lines += _entry(family, found)
    return "\n".join([*lines, "", "[lacking]", *_lacking(schemas, known)]) + "\n"


def _lacking(schemas: Path, regions: Iterable[str]) -> Iterator[str]:
    """Of each size that is chosen for a person, the regions without it, where those have the family."""
    file = schemas / "extensions" / "aws_sagemaker_hosting" / "instancetype_enum.json"
    kinds = json.loads(file.read_text("utf-8"))
    families = tomllib.loads(INSTANCES.read_text(encoding="utf-8"))["families"]
    for family in (one for one in _FAMILIES if one in families):
        for size in families[family]["sizes"]:
            name = f"ml.{family}.{size}"
            having = [region for region in regions if family in _families(kinds.get(region, {}))]
            found = [region for region in having if name not in kinds[region]["enum"]]
            if found:
                yield from _entry(f'"{name}"', found)


def _families(entry: Mapping[str, Any]) -> set[str]:
    return {kind.removeprefix("ml.").split(".")[0] for kind in entry.get("enum", ())}


def _entry(name: str, regions: list[str]) -> Iterator[str]:
    if not regions:
        yield f"{name} = []"
        return
    line = "   "
    yield f"{name} = ["
    for region in regions:
        if len(line) + len(region) > 110:
            yield line
            line = "   "
        line += f' "{region}",'
    yield line
    yield "]"


def _schemas() -> Path:
    found = find_spec("cfnlint")
    if found is None or found.origin is None:
        raise SystemExit("cfn-lint is not installed: run make setup")
    return Path(found.origin).parent / "data" / "schemas"


def main() -> int:
    """Write the table, or compare it."""
    parser = argparse.ArgumentParser(description="what each region of AWS has")
    parser.add_argument("--check", action="store_true", help="only say whether the table is current")
    text = written()
    if parser.parse_args().check:
        is_current = TABLE.exists() and TABLE.read_text(encoding="utf-8") == text
        print(f"{TABLE.name} is {'current' if is_current else 'stale: run tools/region_tables.py'}")
        return 0 if is_current else 1
    TABLE.write_text(text, encoding="utf-8")
    print(f"wrote {TABLE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
