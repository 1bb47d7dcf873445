"""A worker and a client of durabletask for local-host.

`worker ADDRESS` serves functions until its input ends. `client ADDRESS` reads one call a line (a JSON array) and
answers each with a line of JSON.
"""

import json
import logging
import sys
from datetime import timedelta

from durabletask import client, entities, task, worker

ADDRESS = sys.argv[2]
logging.disable(logging.WARNING)


def increment(_, number):
    return number + 1


attempts = {}


def flaky(_, argument):
    key, failures = argument
    attempts[key] = attempts.get(key, 0) + 1
    if attempts[key] <= failures:
        raise ValueError(f"attempt {attempts[key]}")
    return attempts[key]


def broken(_, __):
    raise ValueError("it broke")


def chain(ctx, number):
    for _ in range(3):
        number = yield ctx.call_activity(increment, input=number)
    return number


def fan_out(ctx, count):
    calls = [ctx.call_activity(increment, input=number) for number in range(count)]
    results = yield task.when_all(calls)
    return sum(results)


def retry(ctx, failures):
    policy = task.RetryPolicy(first_retry_interval=timedelta(milliseconds=10), max_number_of_attempts=5)
    result = yield ctx.call_activity(flaky, input=[ctx.instance_id, failures], retry_policy=policy)
    return result


def fail(ctx, _):
    yield ctx.call_activity(broken)


def sleep(ctx, millis):
    yield ctx.create_timer(timedelta(milliseconds=millis))
    return "woken"


def wait(ctx, _):
    ctx.set_custom_status("waiting")
    result = yield ctx.wait_for_external_event("approval")
    return result


def limited(ctx, millis):
    event = ctx.wait_for_external_event("approval")
    timer = ctx.create_timer(timedelta(milliseconds=millis))
    winner = yield task.when_any([event, timer])
    return event.get_result() if winner is event else "too late"


def parent(ctx, number):
    result = yield ctx.call_sub_orchestrator(chain, input=number)
    return result + 100


def countdown(ctx, number):
    if number == 0:
        event = yield ctx.wait_for_external_event("approval")
        return event
    yield ctx.call_activity(increment, input=number)
    ctx.continue_as_new(number - 1, save_events=True)


def counter(ctx, amount):
    state = ctx.get_state(int, 0)
    if ctx.operation == "add":
        state += amount
        ctx.set_state(state)
    return state


def count(ctx, _):
    ids = [entities.EntityInstanceId("counter", key) for key in ("a", "b")]
    ctx.signal_entity(ids[0], "add", 2)
    first = yield ctx.call_entity(ids[0], "add", 3)
    with (yield ctx.lock_entities(ids)):
        last = yield ctx.call_entity(ids[1], "add", 10)
        again = yield ctx.call_entity(ids[0], "get")
    return [first, last, again]


def serve():
    serving = worker.TaskHubGrpcWorker(host_address=ADDRESS)
    for orchestrator in (chain, fan_out, retry, fail, sleep, wait, limited, parent, countdown, count):
        serving.add_orchestrator(orchestrator)
    for activity in (increment, flaky, broken):
        serving.add_activity(activity)
    serving.add_entity(counter)
    serving.start()
    print("started", flush=True)
    sys.stdin.read()
    serving.stop()


def shown(state):
    if state is None:
        return None
    failure = state.failure_details
    return {
        "status": state.runtime_status.name,
        "output": state.serialized_output,
        "custom": state.serialized_custom_status,
        "failure": failure and [failure.error_type, failure.message],
    }


def answer(durable, name, *arguments):
    match name:
        case "start":
            orchestrator, argument, instance = arguments
            return durable.schedule_new_orchestration(orchestrator, input=argument, instance_id=instance)
        case "wait":
            return shown(durable.wait_for_orchestration_completion(arguments[0], timeout=60))
        case "status":
            return shown(durable.get_orchestration_state(arguments[0]))
        case "raise":
            durable.raise_orchestration_event(arguments[0], arguments[1], data=arguments[2])
        case "suspend":
            durable.suspend_orchestration(arguments[0])
        case "resume":
            durable.resume_orchestration(arguments[0])
        case "terminate":
            durable.terminate_orchestration(arguments[0], output=arguments[1])
        case "restart":
            return durable.restart_orchestration(arguments[0], restart_with_new_instance_id=arguments[1])
        case "purge":
            return durable.purge_orchestration(arguments[0]).deleted_instance_count
        case "history":
            return [type(event).__name__ for event in durable.get_orchestration_history(arguments[0])]
        case "ids":
            states = durable.get_all_orchestration_states(client.OrchestrationQuery(max_instance_count=2))
            return [state.instance_id for state in states]
        case "signal":
            entity = entities.EntityInstanceId("counter", arguments[0])
            durable.signal_entity(entity, "add", arguments[1])
        case "entity":
            found = durable.get_entity(entities.EntityInstanceId("counter", arguments[0]))
            return found and found.get_state(int)
        case "entities":
            return [str(found.id) for found in durable.get_all_entities()]
        case _:
            raise ValueError(name)


def talk():
    durable = client.TaskHubGrpcClient(host_address=ADDRESS)
    for line in sys.stdin:
        print(json.dumps(answer(durable, *json.loads(line))), flush=True)


{"worker": serve, "client": talk}[sys.argv[1]]()
