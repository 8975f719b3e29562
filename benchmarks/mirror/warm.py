"""The mirror in a warm process, as a Lambda's second invocation finds it: a line "URL KEY" in, one of JSON out."""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from clipferry.__main__ import storage_from
from clipferry.transfer.bottleneck import owned_cpus
from clipferry.transfer.interface import TransferConfig

storage = storage_from(os.environ, allow_loopback=True, config=TransferConfig(cpus=owned_cpus(os.environ)))


def used() -> float:
    """Seconds of CPU."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


for line in sys.stdin:
    url, key = line.split()
    begun, cpu = time.monotonic_ns(), used()
    done = storage.transfer(source_url=url, key=key)
    wall, cpu = time.monotonic_ns() - begun, used() - cpu
    storage.close()  # new connections every time: after a Lambda's pause the old ones aren't trusted
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"begun": begun, "wall": wall, "cpu": cpu, "peak": peak, "workers": done.workers}), flush=True)
