"""LitServe: one worker on the CPU, no batching (for tiny models its batching is slower)."""

import os
from typing import Any

import litserve
import numpy as np
from onnx_session import load


class Benchmark(litserve.LitAPI):
    """The model behind `POST /predict`: `{"input": rows}` → `{"outputs": {…}}`."""

    def setup(self, device: str) -> None:  # noqa: ARG002 -- the framework's signature
        """Load the model in the worker's process."""
        self.session = load()
        self.name = self.session.get_inputs()[0].name
        self.outputs = [output.name for output in self.session.get_outputs()]

    def decode_request(self, request: dict[str, Any]) -> Any:
        """Make an array of the rows."""
        return np.array(request["input"], dtype=np.float32)

    def predict(self, x: Any) -> Any:
        """Compute every output of the model."""
        return self.session.run(None, {self.name: x})

    def encode_response(self, output: Any) -> dict[str, Any]:
        """Name the outputs."""
        return {"outputs": {name: array.tolist() for name, array in zip(self.outputs, output, strict=True)}}


if __name__ == "__main__":
    server = litserve.LitServer(Benchmark(), accelerator="cpu", devices=1, workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )
