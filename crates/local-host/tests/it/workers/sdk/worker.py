"""A worker of PyPI's durabletask: python worker.py ADDRESS LOG

It prints "ready" when it serves, and "held" when the activity `gate` begins, which waits for a line of input. It ends
with its input. LOG gets a line for each activity that has run.
"""

import logging
import sys
import threading
from datetime import timedelta

from durabletask import task
from durabletask.entities import DurableEntity, EntityInstanceId
from durabletask.worker import ConcurrencyOptions, GrpcWorkerResiliencyOptions, TaskHubGrpcWorker

address, log = sys.argv[1:]
is_open = threading.Event()
write = threading.Lock()


def ran(name):
    with write, open(log, "a") as file:
        file.write(name + "\n")


def add_one(_, number):
    ran("add_one")
    return number + 1


def gate(_, number):
    print("held", flush=True)
    is_open.wait()
    ran("gate")
    return number * 10


failures = {"left": 2}


def flaky(_, __):
    if failures["left"] > 0:
        failures["left"] -= 1
        raise ValueError("not yet")
    ran("flaky")
    return "done"


def broken(_, __):
    raise ValueError("it broke")


def chain(context, number):
    number = yield context.call_activity(add_one, input=number)
    number = yield context.call_activity(gate, input=number)
    number = yield context.call_activity(add_one, input=number)
    return number


def fan_out(context, count):
    calls = [context.call_activity(add_one, input=number) for number in range(count)]
    results = yield task.when_all(calls)
    return sum(results)


def retry(context, _):
    policy = task.RetryPolicy(first_retry_interval=timedelta(milliseconds=50), max_number_of_attempts=6)
    return (yield context.call_activity(flaky, retry_policy=policy))


def fail(context, _):
    return (yield context.call_activity(broken))


def sleep(context, milliseconds):
    yield context.create_timer(timedelta(milliseconds=milliseconds))
    return "woken"


def wait(context, _):
    context.set_custom_status("waiting")
    return (yield context.wait_for_external_event("approval"))


def time_limit(context, milliseconds):
    event = context.wait_for_external_event("approval")
    timer = context.create_timer(timedelta(milliseconds=milliseconds))
    first = yield task.when_any([event, timer])
    return "late" if first == timer else event.get_result()


def parent(context, number):
    children = [context.call_sub_orchestrator(child, input=number + more) for more in range(2)]
    return (yield task.when_all(children))


def child(context, number):
    return (yield context.call_activity(add_one, input=number))


def countdown(context, number):
    if number == 0:
        return (yield context.wait_for_external_event("approval"))
    yield context.call_activity(add_one, input=number)
    context.continue_as_new(number - 1, save_events=True)


class Counter(DurableEntity):
    def add(self, number):
        self.set_state(self.get_state(int, 0) + number)
        return self.get_state(int, 0)

    def refuse(self, _):
        raise ValueError("not now")


def entities(context, _):
    a, b = EntityInstanceId("Counter", "a"), EntityInstanceId("Counter", "b")
    context.signal_entity(a, "add", 2)
    first = yield context.call_entity(a, "add", 3)
    try:
        yield context.call_entity(a, "refuse", None)
        refused = False
    except task.TaskFailedError:
        refused = True
    with (yield context.lock_entities([b, a])):
        yield context.call_entity(b, "add", 1)
        last = yield context.call_entity(a, "add", 10)
    return [first, refused, last]


# The SDK logs every step.
logging.disable(logging.CRITICAL)
worker = TaskHubGrpcWorker(
    host_address=address,
    concurrency_options=ConcurrencyOptions(
        maximum_concurrent_activity_work_items=20, maximum_thread_pool_workers=20
    ),
    resiliency_options=GrpcWorkerResiliencyOptions(
        reconnect_backoff_base_seconds=0.05, reconnect_backoff_cap_seconds=0.5
    ),
)
for orchestrator in (chain, fan_out, retry, fail, sleep, wait, time_limit, parent, child, countdown, entities):
    worker.add_orchestrator(orchestrator)
for activity in (add_one, gate, flaky, broken):
    worker.add_activity(activity)
worker.add_entity(Counter)
worker.use_work_item_filters()
worker.start()
print("ready", flush=True)
for _ in sys.stdin:
    is_open.set()
is_open.set()
worker.stop()
