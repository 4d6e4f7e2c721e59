"""FastAPI on uvicorn, as articles write it: a pydantic model, a `def` handler, one worker."""

import os
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from onnx_session import load
from pydantic import BaseModel

app = FastAPI()
session = load()
NAME = session.get_inputs()[0].name
OUTPUTS = [output.name for output in session.get_outputs()]


class Rows(BaseModel):
    """Rows of numbers."""

    input: list[list[float]]


class Images(BaseModel):
    """Images as channels of rows of pixels."""

    input: list[list[list[list[float]]]]


def compute(values: list[Any]) -> dict[str, Any]:
    """Compute every output of the model."""
    outputs = session.run(None, {NAME: np.array(values, dtype=np.float32)})
    return {"outputs": {name: array.tolist() for name, array in zip(OUTPUTS, outputs, strict=True)}}


@app.post("/predict")
def predict(rows: Rows) -> dict[str, Any]:
    """Predict for rows."""
    return compute(rows.input)


@app.post("/predict-images")
def predict_images(images: Images) -> dict[str, Any]:
    """Predict for images."""
    return compute(images.input)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False)
