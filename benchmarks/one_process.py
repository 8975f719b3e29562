"""One instance of a function, as Lambda starts it: a new interpreter imports the handler and calls it with events.

Run by Lambda's Python with the layer on its path; it needs nothing else. It reads an order as JSON from its standard
input and writes what it measured to the file that the order names. CPU time includes all threads and child processes.
"""

import json
import os
import resource
import signal
import sys
import time

LAYERS = (  # a sample counts for the innermost of these; the standard library's time is its caller's
    ("/psycopg", "database"),
    ("/clipferry/db/connection.py", "database"),
    ("/clipferry/db/transaction.py", "database"),
    ("/clipferry/db/rows.py", "database"),
    ("/pydantic", "validation"),
    ("/aws_lambda_powertools/logging", "log and metrics"),
    ("/aws_lambda_powertools/metrics", "log and metrics"),
    ("/clipferry/observability/", "log and metrics"),
    ("/aws_lambda_powertools/", "router"),
    ("/clipferry/net/", "HTTP to the provider"),
    ("/clipferry/", "Clipferry's own"),
    ("/app.py", "Clipferry's own"),
)
SAMPLE_SECONDS = 0.001


class Context:
    """What a handler gets as its second argument."""

    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:measured"
    memory_limit_in_mb = 512
    log_group_name = "/aws/lambda/measured"
    log_stream_name = "measured"

    def __init__(self, name, number):
        self.function_name = name
        self.aws_request_id = f"00000000-0000-4000-8000-{number:012}"

    def get_remaining_time_in_millis(self):
        return 29_000


class Clock:
    """Measures milliseconds of CPU, of the child processes' share of it, and of wall time since it was made."""

    def __init__(self):
        self._began = self._now()

    @staticmethod
    def _now():
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        of_children = children.ru_utime + children.ru_stime
        return time.process_time() + of_children, of_children, time.perf_counter()

    def read(self):
        cpu, children, wall = (1e3 * (now - began) for began, now in zip(self._began, self._now(), strict=True))
        return {"cpu": cpu, "children": children, "wall": wall}


class OpenedFiles:
    """Counts the files that the interpreter opens; used only where nothing is timed, because counting takes time."""

    def __init__(self):
        self.count = 0
        sys.addaudithook(self._on_event)

    def _on_event(self, event, arguments):
        opened = event == "open" and isinstance(arguments[0], str | bytes)
        self.count += opened or (event == "import" and arguments[1] is not None)


def sample(shares):
    """Samples the running layer a thousand times a second of CPU time, and counts it in `shares`."""

    def take_sample(_number, frame):
        while frame is not None:
            name = frame.f_code.co_filename
            layer = next((layer for part, layer in LAYERS if part in name), None)
            if layer is not None:
                shares[layer] = shares.get(layer, 0) + 1
                return
            frame = frame.f_back

    signal.signal(signal.SIGPROF, take_sample)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)


def peak_megabytes():
    with open("/proc/self/status") as status:  # noqa: PTH123 - no pathlib in what is measured. ru_maxrss is the parent's
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1000


def run(order):
    files = OpenedFiles() if order["count_files"] else None
    found = {"modules_before": len(sys.modules), "requests": []}
    clock = Clock()
    handler = __import__(order["module"]).lambda_handler
    found["import"] = clock.read()
    found["modules"] = len(sys.modules)
    found["files"] = [files.count] if files else []
    shares = {}
    for number, event in enumerate(order["events"]):
        if number == order["skip"] and order["profile"]:
            sample(shares)
        context, clock = Context(order["module"], number), Clock()
        answer = handler(event, context)
        found["requests"].append(clock.read())
        expected = order["expected"]
        if answer.get("statusCode", expected) != expected or answer.get("batchItemFailures"):
            raise SystemExit(f"{order['module']} answered {answer}")
        if files and number == 0:
            found["files"].append(files.count)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return found | {"peak": peak_megabytes(), "shares": shares}


if __name__ == "__main__":
    orders = json.load(sys.stdin)
    if orders["cpu"] is not None:
        os.sched_setaffinity(0, {orders["cpu"]})
    done = run(orders)
    with open(orders["output"], "w") as output:  # noqa: PTH123
        json.dump(done, output)
