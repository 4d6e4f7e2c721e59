"""The building blocks of Google Cloud on the real engine: made, left alone, protected and taken away."""

from pathlib import Path

import pytest

from support.clouds.life import MAIN, life_of_program, of_program, protected
from support.gcp.life import GCP

pytestmark = pytest.mark.engine

HERE = Path(__file__)
GOLDEN = HERE.parent / "golden" / "blocks.json"
PROTECTED = {
    f"blocks-{mode}-{role}"
    for mode in ("everything", "prod")
    for role in ("key-key", "key-ring", "registry-repository", "store-bucket", "store-logs-bucket")
}
PROGRAM = f"""
from support.gcp.modes import MODES

for mode in {MAIN}:
    MODES[f"blocks: {{mode}}"](f"blocks-{{mode}}")
"""
# A name that comes from the clock, as one that is drawn by chance would.
RESTLESS = """
import time
from modelberth.gcp.encryption import GcpEncryptionKey, GcpEncryptionKeyArgs
from modelberth.gcp.place import Place

place = Place("shop-prod", "123456789012", "europe-west4")
GcpEncryptionKey("iris", GcpEncryptionKeyArgs(place, "shop", f"iris-{time.time_ns()}"))
"""


def test_the_life_of_every_block(tmp_path: Path) -> None:
    life = life_of_program(GCP, tmp_path / "shop", PROGRAM, GOLDEN, str(HERE))
    assert protected(life.state) >= PROTECTED
    # Whoever encrypts may use the key as long as there is something that is encrypted with it.
    for mode in MAIN:
        went = [
            life.deleted.index(f"blocks-{mode}-{role}")
            for role in ("store-bucket", "key-storage-grant", "key-key")
        ]
        assert went == sorted(went)


def test_a_component_that_gives_a_new_name_each_time_is_seen(tmp_path: Path) -> None:
    with of_program(GCP, tmp_path / "shop", RESTLESS) as journey:
        journey.up()
        with pytest.raises(AssertionError, match="no changes were expected"):
            journey.again()
