"""Runs turns of random programs with the executor of durabletask, for tests/oracle.

Reads one JSON object per line, {"program": ..., "request": <base64 OrchestratorRequest>}, and
answers each with one line: {"response": <base64 OrchestratorResponse>} or {"error": <text>}.
The language of the programs is that of program.rs; this is the other interpreter.
"""

import base64
import json
import logging
import sys
import traceback
from datetime import datetime, timedelta

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask import task
from durabletask.internal import helpers
from durabletask.serialization import JsonDataConverter
from durabletask.worker import _OrchestrationExecutor, _Registry

GENERATIONS = 2


class Stopped(Exception):
    """What the step `fail` raises."""


class Leaf:
    """A call, a child, a timer or an event."""

    def __init__(self, durable, event=False, timer=False):
        self.durable, self.event, self.timer = durable, event, timer

    def outcome(self, result):
        return "fired" if self.timer else result

    def arm(self, ctx):
        pass

    def settled(self):
        return self.durable.is_complete

    def value(self):
        return self.outcome(self.durable.get_result())

    def open_tasks(self):
        return [] if self.durable.is_complete else [self.durable]

    def drop(self):
        # A forgotten timer still fires; a forgotten waiter must not take the next event.
        if self.event:
            self.durable.cancel()


class All:
    def __init__(self, children):
        self.children, self.known, self.failure = children, set(), None

    def arm(self, ctx):
        for child in self.children:
            child.arm(ctx)

    def settled(self):
        for index, child in enumerate(self.children):
            if index not in self.known and child.settled():
                self.known.add(index)
                try:
                    child.value()
                except task.TaskFailedError as error:
                    self.failure = self.failure or error
        return len(self.known) == len(self.children)

    def value(self):
        if self.failure:
            raise self.failure
        return [child.value() for child in self.children]

    def open_tasks(self):
        return [t for i, c in enumerate(self.children) if i not in self.known for t in c.open_tasks()]

    def drop(self):
        for child in self.children:
            child.drop()


class Race:
    def __init__(self, children):
        self.children, self.winner = children, None

    def arm(self, ctx):
        for child in self.children:
            child.arm(ctx)
            if child.settled():
                break

    def settled(self):
        if self.winner is None:
            for index, child in enumerate(self.children):
                if child.settled():
                    self.won(index)
                    break
        return self.winner is not None

    def won(self, winner):
        self.winner = winner
        for index, child in enumerate(self.children):
            if index != winner:
                child.drop()

    def value(self):
        return [self.winner, self.children[self.winner].value()]

    def open_tasks(self):
        return [] if self.winner is not None else [t for c in self.children for t in c.open_tasks()]

    def drop(self):
        for child in self.children:
            child.drop()


class Limited:
    def __init__(self, child, seconds):
        self.child, self.seconds, self.timer, self.elapsed = child, seconds, None, False

    def arm(self, ctx):
        self.child.arm(ctx)
        if not self.child.settled():
            self.timer = ctx.create_timer(timedelta(seconds=self.seconds))

    def settled(self):
        if self.elapsed or self.child.settled():
            return True
        if self.timer is not None and self.timer.is_complete:
            self.elapsed = True
            self.child.drop()
        return self.elapsed

    def value(self):
        return "elapsed" if self.elapsed else ["in time", self.child.value()]

    def open_tasks(self):
        if self.elapsed or self.timer is None:
            return []
        return self.child.open_tasks() + ([] if self.timer.is_complete else [self.timer])

    def drop(self):
        self.child.drop()


def policy(retry):
    if retry is None:
        return None
    longest = retry["max_interval"]
    return task.RetryPolicy(
        first_retry_interval=timedelta(seconds=retry["first_interval"]),
        max_number_of_attempts=retry["attempts"],
        backoff_coefficient=retry["backoff"],
        max_retry_interval=None if longest is None else timedelta(seconds=longest),
    )


def start(ctx, op):
    kind = op["op"]
    if kind == "call":
        return Leaf(ctx.call_activity(
            op["name"], input=op["input"], retry_policy=policy(op["retry"])))
    if kind == "child":
        return Leaf(ctx.call_sub_orchestrator(
            op["name"], input=op["input"], instance_id=op["id"], retry_policy=policy(op["retry"])))
    if kind == "timer":
        return Leaf(ctx.create_timer(timedelta(seconds=op["seconds"])), timer=True)
    if kind == "event":
        return Leaf(ctx.wait_for_external_event(op["name"]), event=True)
    if kind == "all":
        return All([start(ctx, child) for child in op["of"]])
    if kind == "race":
        return Race([start(ctx, child) for child in op["of"]])
    if kind == "limited":
        return Limited(start(ctx, op["of"]), op["seconds"])
    raise ValueError(kind)


def wait(ctx, node):
    node.arm(ctx)
    flat = isinstance(node, (All, Race)) and all(isinstance(c, Leaf) for c in node.children)
    if isinstance(node, Leaf):
        return node.outcome((yield node.durable))
    if flat and isinstance(node, All):
        results = yield task.when_all([child.durable for child in node.children])
        return [child.outcome(result) for child, result in zip(node.children, results)]
    if flat:
        tasks = [child.durable for child in node.children]
        winner = yield task.when_any(tasks)
        node.won(next(index for index, t in enumerate(tasks) if t is winner))
        return node.value()
    # when_all and when_any do not nest: a finished one does not tell its parent.
    while not node.settled():
        yield task.when_any(node.open_tasks())
    return node.value()


def number(outcome):
    if isinstance(outcome, bool):
        return 0
    if isinstance(outcome, int):
        return outcome
    if isinstance(outcome, list):
        return sum(map(number, outcome))
    return 1 if isinstance(outcome, dict) else 0


def run_steps(ctx, generation, steps, log, started):
    for step in steps:
        kind = step["step"]
        if kind == "await":
            log.append((yield from wait(ctx, start(ctx, step["op"]))))
        elif kind == "try":
            try:
                log.append((yield from wait(ctx, start(ctx, step["op"]))))
            except task.TaskFailedError as error:
                log.append({"failed": f"{error.details.error_type}: {error.details.message}"})
        elif kind == "start":
            started.append(start(ctx, step["op"]))
        elif kind == "join":
            if started:
                log.append((yield from wait(ctx, started.pop(0))))
        elif kind == "status":
            ctx.set_custom_status(step["value"])
        elif kind == "send":
            ctx.send_event(step["target"], step["event"], data=step["payload"])
        elif kind == "now":
            log.append(int((ctx.current_utc_datetime - EPOCH).total_seconds()))
        elif kind == "if":
            odd = bool(log) and number(log[-1]) % 2 != 0
            yield from run_steps(ctx, generation, step["odd" if odd else "even"], log, started)
        elif kind == "repeat":
            for _ in range(step["times"]):
                yield from run_steps(ctx, generation, step["body"], log, started)
        elif kind == "fail":
            raise Stopped(f"stopped with {step['code']}")
        elif kind == "continue_as_new":
            if generation < GENERATIONS:
                ctx.continue_as_new(generation + 1, save_events=step["keep_events"])
                # Parked, as `continue_as_new(..).await` is. A program that returns here after a
                # failed await loses events: the next result makes the executor throw that failure
                # into the finished generator and give up the rest of the turn.
                yield task.CompletableTask()
        else:
            raise ValueError(kind)


EPOCH = datetime(1970, 1, 1)
current = None


def program(ctx, generation):
    log = []
    yield from run_steps(ctx, generation, current["steps"], log, [])
    return log


def main():
    global current
    logger = logging.getLogger("oracle")
    logger.setLevel(logging.CRITICAL)
    registry = _Registry()
    registry.add_named_orchestrator("program", program)
    for line in sys.stdin:
        try:
            turn = json.loads(line)
            current = turn["program"]
            request = pb.OrchestratorRequest.FromString(base64.b64decode(turn["request"]))
            executor = _OrchestrationExecutor(registry, logger, JsonDataConverter())
            result = executor.execute(request.instanceId, request.pastEvents, request.newEvents)
            response = pb.OrchestratorResponse(
                instanceId=request.instanceId,
                actions=result.actions,
                customStatus=helpers.get_string_value(result.encoded_custom_status),
            )
            answer = {"response": base64.b64encode(response.SerializeToString()).decode()}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


main()
