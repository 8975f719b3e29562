"""What stands between a client and PostgreSQL, listens, and cuts their connection."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from typing import Final, Literal

_RESET_ON_CLOSE: Final = b"\1\0\0\0\0\0\0\0"
"""SO_LINGER: switched on, with zero seconds."""
PATIENCE = 30.0
"""Seconds after which a test gives up on something that should happen much sooner."""


class Proxy:
    """Counts how often the client spoke after the server had, keeps what it said, and drops connections half-way."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._closing = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self.said = bytearray()
        """What clients have said."""
        self.loses: list[tuple[bytes, Literal["question", "answer"]]] = []
        """What is lost, with its connection, at the first message that has these words in it: each once."""
        self.refuses = 0
        """How many of the next connections are closed at once."""
        self.refuses_after_loss = 0
        """How many are when something of `loses` was lost."""
        self._loses_answer: set[socket.socket] = set()
        self._frozen: dict[socket.socket, str] = {}
        self.cut_after: dict[str, int] = {}
        """How many more bytes of the "client" or the "server" are carried before the connection is dropped."""

    def messages(self) -> str:
        """The types of what a client has said since the last call, a letter for each message."""
        return "".join(letter for letter, _ in self.contents())

    def contents(self) -> list[tuple[str, bytes]]:
        """What a client has said since the last call: each message's letter and what it holds."""
        found, place = [], 0
        while place < len(self.said):
            end = place + 1 + int.from_bytes(self.said[place + 1 : place + 5], "big")
            found.append((chr(self.said[place]), bytes(self.said[place + 5 : end])))
            place = end
        self.said.clear()
        return found

    def drop(self) -> None:
        """Ends every connection without a word, as a NAT or a pooler that restarts does."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):  # the other end was first
                    end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(PATIENCE)

    def forget(self, how: Literal["silently", "with a reset"]) -> None:
        """What a NAT does with a connection that was idle for too long: whatever is said on it from now on is dropped.

        Nothing comes back, or a reset.
        """
        self._frozen.update((client, how) for client, _ in self._pairs)

    def close(self) -> None:
        self._closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()  # wakes the listener
        self._threads[0].join(PATIENCE)
        self._listener.close()
        self.drop()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._closing:
                client.close()
                return
            if self.refuses:
                self.refuses -= 1
                client.close()
                continue
            server = socket.create_connection(self._server)
            for end in (client, server):
                for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):  # else the system lets them grow by megabytes
                    end.setsockopt(socket.SOL_SOCKET, buffer, 1 << 16)
            self._pairs.append((client, server))
            self._threads.append(threading.Thread(target=self._carry, args=(client, server)))
            self._threads[-1].start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        last: socket.socket | None = None
        with suppress(OSError), client, server, selectors.DefaultSelector() as ready:
            for end in other:
                ready.register(end, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    self.round_trips += end is client and last is not client
                    last = end
                    fate = self._fate(client, data if end is client else None)
                    if fate == "break":
                        return
                    if fate == "swallow":
                        continue
                    carried = self._until_cut("client" if end is client else "server", data)
                    other[end].sendall(carried)
                    if len(carried) < len(data):
                        return

    def _fate(self, client: socket.socket, said: bytes | None) -> Literal["carry", "swallow", "break"]:
        """What becomes of the data of a client, or of its server where it has `said` nothing."""
        if how := self._frozen.get(client):
            if how == "with a reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            return "swallow" if how == "silently" else "break"
        if said is None:
            return "break" if client in self._loses_answer else "carry"
        self.said += said
        lost = next((place for place, (words, _) in enumerate(self.loses) if words in said), None)
        if lost is None:
            return "carry"
        self.refuses = self.refuses_after_loss
        if self.loses.pop(lost)[1] == "question":
            return "break"
        self._loses_answer.add(client)
        return "carry"

    def _until_cut(self, end: str, data: bytes) -> bytes:
        left = self.cut_after.get(end, len(data))
        if left < len(data):
            del self.cut_after[end]  # the next connection lives
        elif end in self.cut_after:
            self.cut_after[end] -= len(data)
        return data[:left]
