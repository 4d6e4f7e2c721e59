"""Modelberth's model server: one ONNX model over HTTP, configured by the environment alone."""

__version__ = "0.1.0"
