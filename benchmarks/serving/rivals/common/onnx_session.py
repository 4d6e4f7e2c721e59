"""The session that every rival's program computes with: the same settings as Modelberth's server has."""

import os

import onnxruntime as ort


def load() -> ort.InferenceSession:
    """Load the model at `$MODEL_PATH` for one thread that does not spin."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(
        os.environ["MODEL_PATH"], sess_options=options, providers=["CPUExecutionProvider"]
    )
