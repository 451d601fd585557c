"""What libraries cost, and what is in their place: ``python -m bench.dependencies 15``.

Each is added to the start of a handler, imports and client, in a fresh interpreter on the bundle
that is shipped; then its work for a request takes turns with ours. All figures are CPU time, the
medians of so many interpreters.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from typing import Final, NamedTuple

from bench.cold import BOTO3, shipped

ENVIRONMENT: Final = {
    **os.environ,
    "AUREON_STACK": "Aureon",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_METRICS_NAMESPACE": "Aureon",
}
PROGRAM: Final = """
import json, os, sys, time
handler, library, prepare, ours, theirs, before = json.load(sys.stdin)
known = {}
exec(before, known)
moments = []
for text in (f"import {handler}; from aureon.storage import store; store.connect()", library):
    moments.append(time.process_time())
    exec(text, known)
moments.append(time.process_time())
exec(prepare, known)
out, sys.stdout = sys.stdout, open(os.devnull, "w")
seconds = [0.0, 0.0]
for _ in range(20):
    for place, text in enumerate((ours, theirs)):
        request = compile(text, "request", "exec")
        started = time.process_time()
        for _ in range(100):
            exec(request, known)
        seconds[place] += time.process_time() - started
start, added = moments[1] - moments[0], moments[2] - moments[1]
print(json.dumps([start, added, *(each / 2_000 for each in seconds)]), file=out)
"""


class Library(NamedTuple):
    """A handler, what the library adds to its start, and a request's work: ours, and its.

    `before` runs before anything is measured: it keeps away what is to be added.
    """

    handler: str
    start: str
    prepare: str
    ours: str
    theirs: str
    before: str = ""


SESSION: Final = Library(
    "ingest",
    'del sys.modules["boto3"]; import boto3; boto3.Session()',
    "",
    "pass",
    "pass",
    """
import sys, types
class Session:
    def __init__(self):
        import botocore.session
        session = botocore.session.get_session()
        self.events = session.get_component("event_emitter")
        self.client = session.create_client
sys.modules["boto3"] = types.SimpleNamespace(Session=Session)
""",
)
METRICS: Final = Library(
    "ingest",
    "from aws_lambda_powertools.metrics import EphemeralMetrics",
    "import json, sys, time",
    """
figures = {"EventsIn": 3, "Duplicates": 0}
described = [{"Name": name, "Unit": "Count"} for name in figures]
line = {
    "_aws": {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {"Namespace": "Aureon", "Dimensions": [["Stack"]], "Metrics": described}
        ],
    },
    "Stack": "Aureon",
    **figures,
}
sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\\n")
""",
    """
metrics = EphemeralMetrics()
metrics.add_dimension(name="Stack", value="Aureon")
metrics.add_metric(name="EventsIn", unit="Count", value=3)
metrics.add_metric(name="Duplicates", unit="Count", value=0)
metrics.flush_metrics()
""",
)
RESOLVER: Final = Library(
    "customers",
    """
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
api = APIGatewayHttpResolver()
for route in customers.api.routes:
    path = route.path.replace("{", "<").replace("}", ">")
    api.route(path, route.method)(lambda id: Response(200, "application/json", "{}"))
""",
    """
from aureon.api.requests import path_of
from aureon.api.responses import Answer, to_event
from aureon.api.routes import RouteTable
event = {
    "version": "2.0", "routeKey": "GET /v1/customers/{id}", "rawPath": "/v1/customers/1",
    "rawQueryString": "", "headers": {"authorization": "Bearer 1"}, "isBase64Encoded": False,
    "requestContext": {"requestId": "1", "stage": "$default",
                       "http": {"method": "GET", "path": "/v1/customers/1"}},
}
table = RouteTable(customers.api.routes)
""",
    """
target = table.find(path_of(event))
route = target.route(event["requestContext"]["http"]["method"])
assert route.operation == "get_customer"
assert to_event(Answer(200, {}))["statusCode"] == 200
""",
    "assert api.resolve(event, None)['statusCode'] == 200",
)
BATCH: Final = Library(
    "consumer",
    """
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor, EventType, process_partial_response
)
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
""",
    """
records = [{"messageId": str(number), "body": "{}", "eventSource": "aws:sqs"}
           for number in range(10)]
def work(record): pass
""",
    """
failed = []
for record in records:
    try: work(record)
    except ValueError: failed.append(record["messageId"])
""",
    "process_partial_response({'Records': records}, work, processor, None)",
)
LIBRARIES: Final = {
    "boto3.Session, ingest": SESSION,
    "boto3.Session, balances": SESSION._replace(handler="balances"),
    "EphemeralMetrics": METRICS,
    "APIGatewayHttpResolver": RESOLVER,
    "batch utilities": BATCH,
}


def main(turns: int) -> None:
    """Print a line for each library."""
    print(f"{'':24} {'start':>8} {'added':>8} {'share':>7} {'ours':>7} {'library':>7}")
    print(f"{'':24} {'boto3s':>8} {'boto3s':>8} {'':>7} {'µs':>7} {'µs':>7}")
    with shipped() as bundled:
        for name, library in LIBRARIES.items():
            base = []
            found = []
            for _ in range(turns):
                base.append(float(bundled.run(["-c", BOTO3], ENVIRONMENT).stdout))
                told = bundled.run(["-c", PROGRAM], ENVIRONMENT, json.dumps(library)).stdout
                found.append(json.loads(told))
            shares = statistics.median(one[1] / one[0] for one in found)
            start, added = (
                statistics.median(one[n] / each for one, each in zip(found, base, strict=True))
                for n in (0, 1)
            )
            ours, theirs = (statistics.median(one[n] for one in found) * 1e6 for n in (2, 3))
            print(
                f"{name:24} {start:8.2f} {added:8.2f} {shares:7.1%} {ours:7.1f} {theirs:7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))
