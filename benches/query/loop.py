"""The loop of the original activity: one query over the whole range, a list of all values, and the size of its set.

Counts once for each line that it is sent, and answers with what it found and what that took.
"""

import json
import resource
import sys
import time

from azure.data.tables import TableClient

connection, start, end = sys.argv[1:4]
client = TableClient.from_connection_string(connection, table_name="audit")
query = f"PartitionKey ge '{start}' and PartitionKey le '{end}' and CertNumber ne ''"
print("ready", flush=True)
for _ in sys.stdin:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    began = time.monotonic()
    numbers = []
    for entity in client.query_entities(query, select=["identificationNumber"]):
        numbers.append(entity["identificationNumber"])
    values = len(set(numbers))
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    run = {
        "values": values,
        "rows": len(numbers),
        "wall": wall,
        "user": after.ru_utime - before,
        "peak_kb": after.ru_maxrss,
    }
    print(json.dumps(run), flush=True)
