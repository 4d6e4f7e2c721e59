"""MLServer: a runtime for ONNX in its own process, without worker processes."""

from typing import Any

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from onnx_session import load


class Benchmark(MLModel):
    """The model behind the Open Inference Protocol."""

    async def load(self) -> bool:
        """Load the model."""
        self.session = load()
        self.output_names = [output.name for output in self.session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Compute every output of the model."""
        tensors = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        outputs = self.session.run(
            None, {name: np.asarray(tensor, dtype=np.float32) for name, tensor in tensors.items()}
        )
        return InferenceResponse(
            model_name=self.name,
            outputs=[_encoded(name, array) for name, array in zip(self.output_names, outputs, strict=True)],
        )


def _encoded(name: str, array: Any) -> ResponseOutput:
    output = NumpyCodec.encode_output(name, array)
    # The codec gives a vector a second dimension.
    return output.model_copy(update={"shape": list(array.shape)})
