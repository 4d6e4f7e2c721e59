"""The ports of a server beside its main one, as it tells them in its log."""

from serving.processes import ServerProcess

Address = tuple[str, int]


def grpc_address(server: ServerProcess) -> Address:
    """Where it takes gRPC calls."""
    told = "gRPC on port "
    server.wait_for_log(told)
    return server.address[0], int(server.log.partition(told)[2].split()[0])
