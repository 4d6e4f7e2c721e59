"""The Open Inference Protocol v2 over gRPC; imported only where `MODELBERTH_GRPC_PORT` is set."""
