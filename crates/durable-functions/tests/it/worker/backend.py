"""The in-memory sidecar of durabletask. It prints its port, and ends with its input."""

import sys

import grpc
from durabletask.testing import create_test_backend

real_server = grpc.server


def loopback_server(*args, **kwargs):
    server = real_server(*args, **kwargs)
    add_port = server.add_insecure_port

    def add_free_port(_address):
        port = add_port("127.0.0.1:0")
        print(port, flush=True)
        return port

    server.add_insecure_port = add_free_port
    return server


# The backend neither listens on a free port nor tells which one it has.
grpc.server = loopback_server
backend = create_test_backend(port=0)
sys.stdin.read()
backend.stop()
