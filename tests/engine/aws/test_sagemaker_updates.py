"""Updates of queues and of inference components in SageMaker on the real engine, in their order."""

from pathlib import Path

import pytest

from support.aws.life import AWS
from support.aws_sagemaker import MODES
from support.clouds.change import merged
from support.clouds.life import endpoints, out_of_order

pytestmark = pytest.mark.engine

NEXT = {"uri": "s3://models/iris/4.onnx", "sha256": "c" * 64, "version": "4"}


def test_another_model_is_there_before_the_old_one_goes(tmp_path: Path) -> None:
    """Nothing that an endpoint or a component still names is deleted, and neither of these ever is."""
    with endpoints(AWS, tmp_path / "project") as (journey, project):
        modes = {"queue": "async, to zero", "copies": "components, to zero"}
        configs = [merged(MODES[mode].config, {"name": name}) for name, mode in modes.items()]
        project.configure(*configs)
        assert {operation for operation, _ in journey.up()} == {"create"}
        assert journey.again() == []

        project.configure(*(merged(one, {"model": NEXT}) for one in configs))
        steps = journey.up()
        wanted = [
            ("create", "queue-sagemaker-model-model"),
            ("create", "queue-sagemaker-config"),
            ("update", "queue-sagemaker-endpoint"),
            ("delete", "queue-sagemaker-config"),
            ("delete", "queue-sagemaker-model-model"),
        ]
        assert [step for step in steps if step in wanted] == wanted
        # The instances stay, only what they run is another.
        wanted = [
            ("create", "copies-sagemaker-model-model"),
            ("update", "copies-sagemaker-component"),
            ("delete", "copies-sagemaker-model-model"),
        ]
        assert [step for step in steps if step in wanted] == wanted
        kept = {"copies-sagemaker-config", "copies-sagemaker-endpoint", "queue-sagemaker-async-success"}
        assert kept.isdisjoint(name for _, name in steps)

        deleted, before = journey.destroyed()
        assert {"queue-sagemaker-endpoint", "copies-sagemaker-component"} <= set(deleted)
        assert out_of_order(deleted, before) == []
