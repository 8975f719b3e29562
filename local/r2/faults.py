"""The faults of the fake R2."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from local.http.messages import Response
from local.r2.signatures import RefusedError

FaultKind = Literal["500", "503", "429", "reset", "stall", "slow", "lost", "damaged", "answered", "refused"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """Applies to the next `times` requests of an operation (`UploadPart`, … or `*`), after `skip` good ones.

    `reset`: the connection is reset after `after` bytes of the body. `stall`: nothing more is read from there.
    `slow`: `seconds` before the answer. `damaged`: the body's first byte is another. `lost`: all is done as asked, and
    the connection closes without an answer. `answered`: all is done as asked, and answered with what `answer` makes of
    the response. `refused`: nothing is done, and `answer` is given an empty response; with `after` it comes, and the
    connection ends, after so many bytes of the body.
    """

    operation: str
    kind: FaultKind
    times: int = 1
    skip: int = 0
    after: int = 0
    seconds: float = 0.2
    answer: Callable[[Response], Response] = lambda response: response

    def breaks_off(self, received: int) -> bool:
        """Returns whether the connection ends, or stalls, after so many bytes of the body."""
        if self.kind == "refused":
            return 0 < self.after <= received
        return self.kind in ("reset", "stall") and received >= self.after

    def answer_badly(self) -> None:
        """Sleeps, or raises RefusedError, where that is the fault."""
        match self.kind:
            case "slow":
                time.sleep(self.seconds)
            case "500":
                raise RefusedError(500, "InternalError", "We encountered an internal error. Please try again. (10001)")
            case "503":
                raise RefusedError(503, "SlowDown", "Reduce your request rate.")
            case "429":
                raise RefusedError(429, "TooManyRequests", "(10058)")


def next_fault(faults: list[Fault], operation: str) -> Fault | None:
    """The fault of this request, which is counted with it."""
    for fault in faults:
        if fault.operation in (operation, "*") and fault.times > 0:
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.times -= 1
            return fault
    return None
