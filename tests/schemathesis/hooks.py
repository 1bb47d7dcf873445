"""What the OpenAPI document says in words, because no schema can."""

import base64
import re
from datetime import date

import schemathesis
from schemathesis.generation import GenerationMode

KEY = "Idempotency-Key"
ID = "Operation-Id"
# What the service itself could have written: a time and the id of a job.
AFTER = base64.urlsafe_b64encode(b"1700000000000 0").decode().rstrip("=")


@schemathesis.hook
def before_call(context, case, kwargs):
    days(case)
    keys(case)
    page(case)


def days(case):
    """The last day is not before the first, and the days are not too many."""
    for place, start, end in ((case.query, "s", "e"), (case.body, "start", "end")):
        if not isinstance(place, dict):
            continue
        try:
            days = date.fromisoformat(place[end]) - date.fromisoformat(place[start])
        except (KeyError, TypeError, ValueError):
            continue  # Not valid on purpose.
        if not 0 <= days.days < 366:
            place[end] = place[start]


def keys(case):
    """One key for a request; and each range has keys of its own, for the same key means the same range."""
    if case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    headers = case.headers
    if KEY in headers and ID in headers:
        del headers[KEY]
    fields = case.body if isinstance(case.body, dict) else case.query
    text = re.sub("[^A-Za-z0-9]", "", repr(sorted(fields.items())))[:60] if isinstance(fields, dict) else ""
    if KEY in headers:
        key = headers[KEY]
        headers[KEY] = key[:-1][:190] + text + '"' if key.startswith('"') else key[:190] + text
    if ID in headers:
        headers[ID] = headers[ID][:40] + text


def page(case):
    """`after` is what an earlier answer had in `nextLink`."""
    if case.meta.generation.mode is GenerationMode.POSITIVE and isinstance(case.query, dict) and "after" in case.query:
        case.query["after"] = AFTER
