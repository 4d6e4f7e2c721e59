"""The building blocks of AWS on the real engine: made, left alone, protected and taken away."""

from pathlib import Path

import pytest

from support.aws.life import AWS
from support.clouds.life import MAIN, life_of_program, of_program, out_of_order, protected

pytestmark = pytest.mark.engine

GOLDEN = Path(__file__).parent / "golden" / "blocks.json"
COMPONENTS = ("blocks", "watching")
PROTECTED = {
    f"blocks-{mode}-{role}"
    for mode in ("everything", "prod")
    for role in ("key", "registry", "store", "store-logs")
} | {"watching-prod-logs"}
PROGRAM = f"""
from support.aws.modes import MODES

for component in {COMPONENTS}:
    for mode in {MAIN}:
        MODES[f"{{component}}: {{mode}}"](f"{{component}}-{{mode}}", "eu-central-1")
"""
# A name that comes from the clock, as one that is drawn by chance would.
RESTLESS = """
import time
from modelberth.aws.encryption import AwsEncryptionKey, AwsEncryptionKeyArgs
from modelberth.aws.place import Place

place = Place("123456789012", "eu-central-1")
AwsEncryptionKey("iris", AwsEncryptionKeyArgs(place, f"iris-{time.time_ns()}"))
"""


def test_the_life_of_every_block(tmp_path: Path) -> None:
    life = life_of_program(AWS, tmp_path / "shop", PROGRAM, GOLDEN, str(Path(__file__)))
    assert {name.rpartition("-")[0] for name in protected(life.state)} >= PROTECTED


def test_a_component_that_gives_a_new_name_each_time_is_seen(tmp_path: Path) -> None:
    with of_program(AWS, tmp_path / "shop", RESTLESS) as journey:
        journey.up()
        with pytest.raises(AssertionError, match="no changes were expected"):
            journey.again()


def test_an_order_that_is_wrong_is_seen() -> None:
    state = {"key": {"urn": "k"}, "bucket": {"urn": "b", "dependencies": ["k"]}}
    assert out_of_order(["bucket", "key"], state) == []
    assert out_of_order(["key", "bucket"], state) == [("key", "bucket")]
