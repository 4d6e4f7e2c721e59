"""The Open Inference Protocol v2 over gRPC; imported only where `MODELBERTH_GRPC_PORT` is set."""

import os

# gRPC reads it as it is imported. It would write lines of its own for each handshake that a stranger breaks.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
