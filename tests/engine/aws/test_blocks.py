"""The building blocks of AWS on the real engine: made, left alone, protected and taken away."""

from pathlib import Path

import pytest

from support.aws.golden import inventory, same_as
from support.aws.life import MAIN, of_program, out_of_order, protected

pytestmark = pytest.mark.engine

GOLDEN = Path(__file__).parent / "golden"
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
    with of_program(tmp_path / "shop", PROGRAM) as journey:
        planned = journey.preview()
        made = journey.up()
        assert {operation for operation, _ in made} == {"create"}
        state = journey.stack.resources()
        assert planned == {name: "create" for name in state if not name.startswith("default_")}
        assert journey.again() == []

        same_as(GOLDEN / "blocks.json", inventory(state.values()), "tests/engine/aws/test_blocks.py")

        assert {name.rpartition("-")[0] for name in protected(state)} >= PROTECTED
        assert "cannot be deleted because it is protected" in journey.refused()
        journey.stack.run("state", "unprotect", "--all", "--yes")

        deleted, before = journey.destroyed()
        assert len(deleted) == len(made)
        assert out_of_order(deleted, before) == []
        assert journey.stack.resources() == {}


def test_a_component_that_gives_a_new_name_each_time_is_seen(tmp_path: Path) -> None:
    with of_program(tmp_path / "shop", RESTLESS) as journey:
        journey.up()
        with pytest.raises(AssertionError, match="no changes were expected"):
            journey.again()


def test_an_order_that_is_wrong_is_seen() -> None:
    state = {"key": {"urn": "k"}, "bucket": {"urn": "b", "dependencies": ["k"]}}
    assert out_of_order(["bucket", "key"], state) == []
    assert out_of_order(["key", "bucket"], state) == [("key", "bucket")]
