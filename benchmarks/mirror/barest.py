"""The barest loop that Python can do: receive, hash, send. Arguments: SOURCE_PORT SINK_PORT BYTES KEY CERTIFICATES.

No retries, no resuming, nothing verified and nothing signed: what the mirror takes more is what it costs to do so.
Up to 100 MB in one PUT; above, in parts of 16 MiB over three connections in turn, whose answers aren't waited for.
"""

import hashlib
import socket
import ssl
import sys

STEP = 256 * 1024
PART = 16 * 1024 * 1024
SINGLE = 100_000_000
CONNECTIONS = 3

source_port, sink_port, size = (int(word) for word in sys.argv[1:4])
key, authorities = sys.argv[4:]
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
tls.load_verify_locations(authorities)


def dial(port: int) -> ssl.SSLSocket:
    connected = socket.create_connection(("127.0.0.1", port))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(connected, server_hostname="localhost")


def answer(connection: ssl.SSLSocket) -> bytes:
    """Returns what came with the head: it is short, but for the film's."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(16384)
    return received.partition(b"\r\n\r\n")[2]


def begin(connection: ssl.SSLSocket, method: str, query: str, length: int) -> None:
    connection.sendall(
        f"{method} /films/{key}{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()
    )


digest, memory = hashlib.sha256(), memoryview(bytearray(STEP))
source = dial(source_port)
source.sendall(f"GET /{size}.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
ready = answer(source)


def move(connection: ssl.SSLSocket, length: int) -> None:
    """Moves the film's next bytes; `ready` are those that came with the head."""
    global ready
    receive, moved = source.recv_into, 0
    if ready:
        digest.update(ready)
        connection.sendall(ready)
        moved, ready = len(ready), b""
    while moved < length:
        wanted, got = min(STEP, length - moved), 0
        while got < wanted:
            got += receive(memory[got:wanted])
        digest.update(memory[:wanted])
        connection.sendall(memory[:wanted])
        moved += wanted


if size <= SINGLE:
    sink = dial(sink_port)
    begin(sink, "PUT", "", size)
    move(sink, size)
    answer(sink)
else:
    sinks = [dial(sink_port)]
    begin(sinks[0], "POST", "?uploads", 0)
    answer(sinks[0])
    waiting: list[bool] = [False]
    for number, start in enumerate(range(0, size, PART)):
        place = number % CONNECTIONS
        if place == len(sinks):
            sinks.append(dial(sink_port))
            waiting.append(False)
        if waiting[place]:
            answer(sinks[place])
        length = min(PART, size - start)
        begin(sinks[place], "PUT", f"?partNumber={number + 1}&uploadId=upload", length)
        move(sinks[place], length)
        waiting[place] = True
    for sink, is_waiting in zip(sinks, waiting, strict=True):
        if is_waiting:
            answer(sink)
    begin(sinks[0], "POST", "?uploadId=upload", 0)
    answer(sinks[0])
print(size, digest.hexdigest())
