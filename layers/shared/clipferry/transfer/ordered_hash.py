"""sha256 over parts that arrive in any order: each is hashed when its turn comes, by the worker that holds it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

Observe = Callable[[bytes], None]

PIECE = 256 * 1024
"""Bytes that are hashed and observed at a time."""


class Part:
    """A part of the file. `kept` says whether `memory` holds all of it, or only the step that is moved now.

    Sizes and offsets in bytes; `number` is S3's part number, from 1.
    """

    def __init__(self, number: int, *, start: int, length: int, memory: memoryview, kept: bool) -> None:
        self.number = number
        self.start = start
        self.length = length
        self.kept = kept
        self.filled = 0
        """Bytes read; back to 0 when a part that isn't kept has to be read again."""
        self.hashed = 0
        self.memory = memory

    def step(self, size: int) -> memoryview:
        """Returns the memory for the next bytes, at most `size` of them."""
        wanted = min(size, self.length - self.filled)
        offset = self.filled if self.kept else 0
        return self.memory[offset : offset + wanted]

    def unhashed(self, step: int) -> memoryview:
        """Returns what was read and not hashed yet, when the last step had `step` bytes."""
        if self.kept:
            return self.memory[self.hashed : self.filled]
        return self.memory[max(self.hashed - (self.filled - step), 0) : step]


class OrderedDigest:
    """The file's sha256. `observe` gets every byte once, in order. One part at a time has the turn."""

    def __init__(self, observe: Observe | None, first: int = 1) -> None:
        self._digest = hashlib.sha256()
        self._observe = observe
        self._turn = first
        self._changed = threading.Condition()

    def add(self, view: memoryview) -> None:
        """Hashes `view` in pieces: `observe` gets a copy, and one of a whole part would cost its memory once more."""
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            self._digest.update(piece)
            if self._observe is not None:
                self._observe(bytes(piece))

    def advance(self, part: Part, step: int) -> None:
        """Hashes what was read of `part`, if it has the turn; its last byte gives the turn to the next part."""
        if part.number != self._turn or part.hashed >= part.filled:
            return
        self.add(part.unhashed(step))
        part.hashed = part.filled
        if part.hashed == part.length:
            with self._changed:
                self._turn += 1
                self._changed.notify_all()

    def wait_for(self, part: Part, is_stopped: Callable[[], bool]) -> bool:
        """Waits until `part` has the turn; returns False once `is_stopped` is true (`wake` has it checked)."""
        with self._changed:
            self._changed.wait_for(lambda: self._turn >= part.number or is_stopped())
        return not is_stopped()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
