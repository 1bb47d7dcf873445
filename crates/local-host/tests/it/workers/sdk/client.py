"""The client of PyPI's durabletask: python client.py ADDRESS

Each line of input is a JSON list, the name of a command and its arguments; each has a line of JSON as answer. A call
that fails because nobody listens is made again.
"""

import json
import logging
import sys
import time
from datetime import datetime, timedelta, timezone

import grpc
from durabletask import client, entities

# The SDK logs every call.
logging.disable(logging.CRITICAL)
LIMIT = 90
hub = client.TaskHubGrpcClient(host_address=sys.argv[1])


def shown(state):
    if state is None:
        return None
    failure = state.failure_details
    return {
        "id": state.instance_id,
        "name": state.name,
        "status": state.runtime_status.name,
        "input": state.serialized_input,
        "output": state.serialized_output,
        "custom": state.serialized_custom_status,
        "failure": None if failure is None else [failure.error_type, failure.message],
    }


def until(instance, field, value):
    while True:
        state = shown(hub.get_orchestration_state(instance))
        if state is not None and state[field] == value:
            return state
        time.sleep(0.01)


def entity(name, key):
    found = hub.get_entity(entities.EntityInstanceId(name, key))
    return None if found is None else found.get_state()


def start_later(name, argument, milliseconds):
    start_at = datetime.now(timezone.utc) + timedelta(milliseconds=milliseconds)
    return hub.schedule_new_orchestration(name, input=argument, start_at=start_at)


def query(statuses, page):
    statuses = [client.OrchestrationStatus[status] for status in statuses] or None
    asked = client.OrchestrationQuery(
        runtime_status=statuses, max_instance_count=page, fetch_inputs_and_outputs=True
    )
    return [shown(state) for state in hub.get_all_orchestration_states(asked)]


def query_entities(prefix):
    asked = client.EntityQuery(instance_id_starts_with=prefix, include_state=True, page_size=1)
    return [[str(found.id), found.get_state()] for found in hub.get_all_entities(asked)]


def purge(instance):
    done = hub.purge_orchestration(instance)
    return done.deleted_instance_count


def purge_by(statuses):
    statuses = [client.OrchestrationStatus[status] for status in statuses] or None
    done = hub.purge_orchestrations_by(runtime_status=statuses)
    return [done.deleted_instance_count, done.is_complete]


def clean():
    done = hub.clean_entity_storage()
    return [done.empty_entities_removed, done.orphaned_locks_released]


def history(instance):
    return [type(event).__name__ for event in hub.get_orchestration_history(instance)]


COMMANDS = {
    "start": lambda name, argument: hub.schedule_new_orchestration(name, input=argument),
    "start_as": lambda name, argument, instance: hub.schedule_new_orchestration(
        name, input=argument, instance_id=instance
    ),
    "start_later": start_later,
    "state": lambda instance: shown(hub.get_orchestration_state(instance)),
    "until": until,
    "wait": lambda instance: shown(hub.wait_for_orchestration_completion(instance, timeout=LIMIT)),
    "raise": lambda instance, name, data: hub.raise_orchestration_event(instance, name, data=data),
    "suspend": lambda instance: hub.suspend_orchestration(instance),
    "resume": lambda instance: hub.resume_orchestration(instance),
    "terminate": lambda instance, output: hub.terminate_orchestration(instance, output=output),
    "rewind": lambda instance: hub.rewind_orchestration(instance),
    "restart": lambda instance, new: hub.restart_orchestration(instance, restart_with_new_instance_id=new),
    "signal": lambda name, key, operation, data: hub.signal_entity(
        entities.EntityInstanceId(name, key), operation, data
    ),
    "entity": entity,
    "query": query,
    "query_entities": query_entities,
    "list": lambda: list(hub.list_instance_ids().items),
    "purge": purge,
    "purge_by": purge_by,
    "clean": clean,
    "history": history,
}


def answer(command, arguments):
    while True:
        try:
            return {"ok": COMMANDS[command](*arguments)}
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                return {"error": [error.code().name, error.details()]}
            time.sleep(0.05)


for line in sys.stdin:
    command, *arguments = json.loads(line)
    print(json.dumps(answer(command, arguments)), flush=True)
