"""KServe's Python server: one worker, no gRPC. v1 for JSON, which is its fastest, v2 for binary."""

import os
from typing import Any
from uuid import uuid4

import kserve
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse
from kserve.utils.numpy_codec import from_np_dtype
from onnx_session import load


class Benchmark(kserve.Model):
    """The model behind both contracts."""

    def __init__(self) -> None:
        super().__init__("model")
        self.session = load()
        self.input_name = self.session.get_inputs()[0].name
        self.output_names = [output.name for output in self.session.get_outputs()]
        self.ready = True

    def predict(
        self,
        payload: Any,
        headers: Any = None,  # noqa: ARG002 -- the framework's signature
        response_headers: Any = None,  # noqa: ARG002
    ) -> Any:
        """Compute every output of the model."""
        if isinstance(payload, InferRequest):
            arrays = self._run(payload.inputs[0].as_numpy())
            outputs = []
            for name, array in zip(self.output_names, arrays, strict=True):
                output = InferOutput(name, list(array.shape), from_np_dtype(array.dtype))
                output.set_data_from_numpy(array, binary_data=payload.use_binary_outputs)
                outputs.append(output)
            # It fails where a request has no id, though the protocol makes it optional.
            return InferResponse(
                payload.id or str(uuid4()),
                self.name,
                outputs,
                use_binary_outputs=payload.use_binary_outputs,
            )
        arrays = self._run(np.array(payload["instances"], dtype=np.float32))
        return {
            "outputs": {name: array.tolist() for name, array in zip(self.output_names, arrays, strict=True)}
        }

    def _run(self, array: Any) -> Any:
        return self.session.run(None, {self.input_name: array})


if __name__ == "__main__":
    kserve.ModelServer(
        http_port=int(os.environ["PORT"]), workers=1, enable_grpc=False, enable_latency_logging=False
    ).start([Benchmark()])
