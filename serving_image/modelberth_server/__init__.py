"""Modelberth's model server: one ONNX model over HTTP, configured by the environment alone."""

import os

__version__ = "0.1.0"

# ONNX Runtime of PyPI, since 1.31 on Linux too, keeps an identifier of the machine and events for its makers
# in the home folder, unless this is set before it is imported. Nobody who deploys a model asked for that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
