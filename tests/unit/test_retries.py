"""The pauses before another try: what counts, how long they are, and that they end with the time there is."""

from __future__ import annotations

import threading

import pytest

from clipferry.errors import SourceError, StorageError
from clipferry.net.deadline import Deadline
from clipferry.net.retry_after import retry_after
from clipferry.s3.retry import FAILURES, LONGEST_WAIT_SECONDS, TRIES, Retries, TransferInterruptedError

SUNDAY = 784_111_777.0
"""Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110."""


class Pauses(threading.Event):
    """Records the pauses instead of making them."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0)
        return False


def retries(pauses: Pauses, *, deadline: float = 1000) -> Retries:
    return Retries(deadline=Deadline(deadline), stop=pauses)


def test_failures_after_some_progress_are_not_counted() -> None:
    counting, error = retries(Pauses()), SourceError("reset")
    for _ in range(10 * FAILURES):
        counting.pause(1, error)
    for _ in range(FAILURES):
        counting.pause(2, error)
    with pytest.raises(SourceError, match="reset"):
        counting.pause(2, error)


def test_failures_in_a_row_are_counted_and_their_pauses_grow() -> None:
    pauses = Pauses()
    growing = retries(pauses)
    for failed in range(1, TRIES):
        growing.pause(failed, SourceError("reset"))
    with pytest.raises(SourceError, match="reset"):
        growing.pause(TRIES, SourceError("reset"))
    assert 0.2 <= pauses.seconds[0] <= 0.3
    assert all(later > earlier for earlier, later in zip(pauses.seconds[::2], pauses.seconds[2::2], strict=False))


@pytest.mark.parametrize("kind", [SourceError, StorageError])
def test_a_server_that_asks_for_a_pause_gets_it(kind: type[SourceError | StorageError]) -> None:
    pauses = Pauses()
    retries(pauses).pause(1, kind("429", wait_seconds=LONGEST_WAIT_SECONDS))
    assert pauses.seconds == [LONGEST_WAIT_SECONDS]


def test_a_pause_that_is_too_long_is_left_to_the_next_delivery() -> None:
    pauses, error = Pauses(), SourceError("429", wait_seconds=LONGEST_WAIT_SECONDS + 1)
    with pytest.raises(SourceError) as raised:
        retries(pauses).pause(1, error)
    assert (raised.value, pauses.seconds) == (error, [])


@pytest.mark.parametrize(("kind", "blames_source"), [(SourceError, True), (StorageError, False)])
def test_a_pause_beyond_the_time_there_is_ends_the_transfer_at_once(
    kind: type[SourceError | StorageError], blames_source: bool
) -> None:
    pauses = Pauses()
    with pytest.raises(TransferInterruptedError, match="out of time after: 503") as raised:
        retries(pauses, deadline=20).pause(1, kind("503", wait_seconds=30))
    assert (raised.value.wait_seconds, raised.value.blames_source, pauses.seconds) == (30, blames_source, [])


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
        ("Sun, 06 Nov 1994 08:48:37 GMT", 0),
        ("Sun, 31 Feb 1994 08:48:37 GMT", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, now=SUNDAY) == seconds
