"""Ray Serve: one replica behind one proxy, a cluster of one CPU, no dashboard, no usage report."""

import os
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
import ray
from onnx_session import load
from ray import serve
from ray.serve.config import HTTPOptions
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=64, logging_config={"enable_access_log": False})
class Benchmark:
    """The model behind `POST /predict`: `{"input": rows}` → `{"outputs": {…}}`."""

    def __init__(self) -> None:
        self.session = load()
        self.name = self.session.get_inputs()[0].name
        self.outputs = [output.name for output in self.session.get_outputs()]

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Compute every output of the model."""
        rows = np.array((await request.json())["input"], dtype=np.float32)
        arrays = self.session.run(None, {self.name: rows})
        return {"outputs": {name: array.tolist() for name, array in zip(self.outputs, arrays, strict=True)}}


if __name__ == "__main__":
    ray.init(
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=256 << 20,
        _temp_dir=os.environ["SCRATCH"],
    )
    serve.start(
        http_options=HTTPOptions(host="127.0.0.1", port=int(os.environ["PORT"])),
        logging_config={"enable_access_log": False},
    )
    serve.run(Benchmark.bind(), route_prefix="/predict", blocking=True)
