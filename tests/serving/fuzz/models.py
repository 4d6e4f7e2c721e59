"""Models whose inputs are of many types, so that every way to read a value is tried."""

from onnx import ModelProto, TensorProto

from serving.models import identity_model


def many_types() -> ModelProto:
    return identity_model(
        ("number", TensorProto.FLOAT, ["n", 2]),
        ("whole", TensorProto.INT64, ["n"]),
        ("text", TensorProto.STRING, ["n", 1]),
        ("flag", TensorProto.BOOL, ["n"]),
    )
