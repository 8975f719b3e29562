"""HTTP/1.1 over sockets of our own: connection, pool, client, and the guarded GET of an untrusted URL."""
