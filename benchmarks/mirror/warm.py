"""The mirror in a warm process, as in a Lambda's second invocation, with its reading of the film's metadata.

Reads lines "URL KEY", and prints a line of JSON for each.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from clipferry.__main__ import mirror_from
from clipferry.media.mp4_scanner import MediaScanner
from clipferry.transfer.bottleneck import owned_cpus
from clipferry.transfer.interface import TransferConfig

mirror = mirror_from(os.environ, allow_loopback=True, config=TransferConfig(cpus=owned_cpus(os.environ)))


def used() -> float:
    """The seconds of CPU used so far."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


for line in sys.stdin:
    url, key = line.split()
    begun, cpu = time.monotonic_ns(), used()
    done = mirror.transfer(source_url=url, key=key, on_chunk=MediaScanner().feed)
    wall, cpu = time.monotonic_ns() - begun, used() - cpu
    mirror.close()  # new connections every time, because old ones may be dead after a Lambda's pause
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"begun": begun, "wall": wall, "cpu": cpu, "peak": peak, "workers": done.workers}), flush=True)
