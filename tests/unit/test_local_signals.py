"""Ctrl-C and SIGTERM, while something is being started or ended."""

from __future__ import annotations

import os
import signal

import pytest

from local.signals import stop_requested

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", BOTH)
def test_the_first_signal_asks_and_the_second_insists(number: signal.Signals) -> None:
    with stop_requested() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(10)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in BOTH]
    with stop_requested():
        pass

    assert [signal.getsignal(number) for number in BOTH] == before
