"""The in-memory sidecar of durabletask. It prints its port, then a line for each stream that has ended: how much work was not.

It ends with its input. Two things are different from the backend as it is:

- Work of a worker that is lost is delivered again, and its end is taken once, as by a sidecar with leases.
  The backend alone would wait for such work without end.
- A timer of an hour or more fires at once, and the clock of the backend jumps to its time.
"""

import sys
import threading
import time
import types
from datetime import datetime, timedelta

import grpc
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.testing import in_memory_backend
from durabletask.testing.in_memory_backend import (
    ActivityWorkItem,
    InMemoryOrchestrationBackend,
)

HOUR = timedelta(hours=1).total_seconds()
jump = timedelta()


class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + jump


def sleep(seconds):
    global jump
    if seconds >= HOUR:
        jump += timedelta(seconds=seconds)
    else:
        time.sleep(seconds)


in_memory_backend.datetime = Clock
in_memory_backend.time = types.SimpleNamespace(sleep=sleep, time=time.time)

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


def key_of(item):
    if item.HasField("activityRequest"):
        activity = item.activityRequest
        return (activity.orchestrationInstance.instanceId, activity.taskId)
    return item.completionToken


class Backend(InMemoryOrchestrationBackend):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # What was delivered and has not ended, with the stream that it was delivered to.
        self.open_items = {}
        self.open_lock = threading.Lock()

    def GetWorkItems(self, request, context):
        stream = object()

        def ended():
            # One write: two streams can end at once.
            sys.stdout.write(f"closed {self.give_back(stream)}\n")
            sys.stdout.flush()

        if not context.add_callback(ended):
            return
        for item in super().GetWorkItems(request, context):
            with self.open_lock:
                self.open_items[key_of(item)] = (stream, item)
            if not context.is_active():
                self.give_back(stream)
                return
            yield item

    def give_back(self, stream):
        """Delivers again what the stream has not ended; how much that is."""
        with self.open_lock:
            items = [item for (of, item) in self.open_items.values() if of is stream]
            for item in items:
                if not item.HasField("activityRequest"):
                    self.open_items.pop(key_of(item), None)
        for item in items:
            token = item.completionToken
            if item.HasField("orchestratorRequest"):
                request = pb.AbandonOrchestrationTaskRequest(completionToken=token)
                self.AbandonTaskOrchestratorWorkItem(request, None)
                self.renew(self._instances.get(item.orchestratorRequest.instanceId), token)
            elif item.HasField("entityRequestV2"):
                request = pb.AbandonEntityTaskRequest(completionToken=token)
                self.AbandonTaskEntityWorkItem(request, None)
                self.renew(self._entities.get(item.entityRequestV2.instanceId), token)
            else:
                activity = item.activityRequest
                with self._lock:
                    self._activity_queue.append(
                        ActivityWorkItem(
                            instance_id=activity.orchestrationInstance.instanceId,
                            name=activity.name,
                            task_id=activity.taskId,
                            input=activity.input.value if activity.HasField("input") else None,
                            completion_token=int(token),
                        )
                    )
                    self._work_available.set()
        return len(items)

    def renew(self, owner, token):
        """The lost worker can no longer end the item."""
        with self._lock:
            if owner is not None and str(owner.completion_token) == token:
                owner.completion_token = self._next_completion_token
                self._next_completion_token += 1

    def take(self, key):
        """Whether this is the first end of the item."""
        with self.open_lock:
            return self.open_items.pop(key, None) is not None

    def CompleteOrchestratorTask(self, request, context):
        self.take(request.completionToken)
        return super().CompleteOrchestratorTask(request, context)

    def CompleteEntityTask(self, request, context):
        self.take(request.completionToken)
        return super().CompleteEntityTask(request, context)

    def CompleteActivityTask(self, request, context):
        key = (request.instanceId, request.taskId)
        if not self.take(key):
            return pb.CompleteTaskResponse()
        with self._lock:
            # The lost worker has ended it after all, before another one got it.
            again = [it for it in self._activity_queue if (it.instance_id, it.task_id) == key]
            for item in again:
                self._activity_queue.remove(item)
        return super().CompleteActivityTask(request, context)


backend = Backend(port=0)
backend.start()
sys.stdin.read()
backend.stop()
