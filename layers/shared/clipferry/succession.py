"""Which collaborators a call works with: those of the newest settings when it began, until it ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from clipferry.collaborators import Collaborators
from clipferry.errors import ConfigurationError
from clipferry.observability import count, logger


class Succession:
    """`read` gives the secret's values, the same object while nothing has changed; `make` what works with them.

    Thread-safe. Collaborators that were replaced are closed when the last call that uses them ends: at once in a
    Lambda, which has one call at a time.
    """

    def __init__(
        self, *, read: Callable[[], Mapping[str, str]], make: Callable[[Mapping[str, str]], Collaborators]
    ) -> None:
        self._read = read
        self._make = make
        self._lock = threading.Lock()
        self._secret: Mapping[str, str] | None = None
        self._newest: Collaborators | None = None
        self._users: Counter[Collaborators] = Counter()
        self._of_thread = threading.local()

    @contextmanager
    def call(self) -> Iterator[None]:
        """From its first `current` on, this thread has the same collaborators until the block ends."""
        self._of_thread.is_calling, self._of_thread.current = True, None
        try:
            yield
        finally:
            used, self._of_thread.is_calling, self._of_thread.current = self._of_thread.current, False, None
            if used is not None:
                self._let_go(used)

    def current(self) -> Collaborators:
        """Raises ConfigurationError when there are no settings that work."""
        if not getattr(self._of_thread, "is_calling", False):
            return self._take()
        if self._of_thread.current is None:
            self._of_thread.current = self._take(is_used=True)
        return self._of_thread.current

    def close(self) -> None:
        """Closes and forgets the newest; whoever asks next gets others."""
        with self._lock:
            ended, self._newest, self._secret = self._newest, None, None
        if ended is not None:
            ended.close()

    def _take(self, *, is_used: bool = False) -> Collaborators:
        secret = self._read()
        with self._lock:
            if self._newest is None or secret is not self._secret:
                self._replace(secret)
            assert self._newest is not None
            if is_used:
                self._users[self._newest] += 1
            return self._newest

    def _replace(self, secret: Mapping[str, str]) -> None:
        """Settings that make no sense are refused while there are others; they are looked at again when they change."""
        try:
            made = self._make(secret)
        except ConfigurationError as error:
            if self._newest is None:
                raise
            logger.error("the changed secret is not used", detail=str(error))
            count("SecretReadErrors")
        else:
            before, self._newest = self._newest, made
            if before is not None:
                logger.info("the secret has changed")
                self._close_unless_used(before)
        self._secret = secret

    def _let_go(self, used: Collaborators) -> None:
        with self._lock:
            self._users[used] -= 1
            if not self._users[used]:
                del self._users[used]
            if used is not self._newest:
                self._close_unless_used(used)

    def _close_unless_used(self, replaced: Collaborators) -> None:
        if replaced not in self._users:
            replaced.close()
