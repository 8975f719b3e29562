"""Ctrl-C, SIGTERM and a closed terminal, while something is being started or ended."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from local.signals import ENDING, stop_requested

BOTH = (signal.SIGINT, signal.SIGTERM)
BEGUN = """
import os, signal
from local.signals import stop_requested
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have begun with nohup
with stop_requested() as stop:
"""


@pytest.mark.parametrize("number", BOTH)
def test_the_first_signal_asks_and_the_second_insists(number: signal.Signals) -> None:
    with stop_requested() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(10)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    "coming",
    [
        "with stop._cond: signal.raise_signal(signal.SIGTERM)",
        "threading.Thread(target=send_when_somebody_waits, args=(stop,)).start()",
    ],
    ids=["while the main thread holds the event's lock", "while the main thread can't be interrupted"],
)
def test_a_signal_ends_the_wait_whenever_it_comes(coming: str) -> None:
    """In a process of its own, which could hang."""
    program = f"""
import threading
def send_when_somebody_waits(stop):
    while not stop._cond._waiters: pass
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
{BEGUN}
    {coming}
    stop.wait()
os._exit(7)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 7


def test_a_closed_terminal_asks_and_what_is_written_afterwards_goes_nowhere() -> None:
    """In a process of its own: its output is a pipe whose reader has gone with the terminal."""
    program = f"""{BEGUN}
    input()
    for _ in range(2): os.kill(os.getpid(), signal.SIGHUP)
    assert stop.wait(10)
    for _ in range(9): print('nobody reads this', flush=True)
os._exit(7)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    assert process.wait() == 7


def test_a_terminal_that_closes_without_a_signal_is_noticed() -> None:
    """As under `ssh -t HOST make dev`: the signal goes to make, which doesn't pass it on."""
    program = f"""{BEGUN}
    print('ready', flush=True)
    stop.wait()
os._exit(7)
"""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=subprocess.PIPE) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        os.close(ours)
        assert process.wait() == 7


def test_nohup_is_obeyed() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_requested() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_shells_background_job_is_still_stopped_by_an_interrupt() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_requested() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.wait(10)
    finally:
        signal.signal(signal.SIGINT, before)


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    with stop_requested():
        pass

    assert [signal.getsignal(number) for number in ENDING] == before
