"""The in-memory sidecar of durabletask. It prints its port, then a line for each stream that has ended.

It ends with its input.
"""

import sys

import grpc
from durabletask.testing import create_test_backend
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend

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


# Work that is given to a stream which the worker has closed is lost: the backend has no leases. So a test
# must know when the backend has noticed.
real_work_items = InMemoryOrchestrationBackend.GetWorkItems


def work_items(self, request, context):
    context.add_callback(lambda: print("closed", flush=True))
    return real_work_items(self, request, context)


InMemoryOrchestrationBackend.GetWorkItems = work_items

# The backend neither listens on a free port nor tells which one it has.
grpc.server = loopback_server
backend = create_test_backend(port=0)
sys.stdin.read()
backend.stop()
