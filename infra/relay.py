"""A way from a container to what listens on this machine's own address only.

On Linux a container does not see the loopback address of its host, where `make dev` listens. It
sees the gateway of Docker's network, which is an address of the host: what comes there is passed
on, and nothing is opened to other machines.
"""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

CHUNK_BYTES: Final = 65_536


@contextmanager
def relayed(address: str, target: tuple[str, int]) -> Iterator[int]:
    """Pass on to `target` whatever connects to a port of `address`, and say which port that is.

    Raises OSError where `address` is none of this machine.
    """

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection(target) as there:
                _pass_on(self.request, there)

    with socketserver.ThreadingTCPServer((address, 0), Connection) as server:
        server.daemon_threads = True
        # Whoever keeps a connection open is not waited for.
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    """Both ways, until one side has said all."""
    others = {here: there, there: here}
    while True:
        ready, _, _ = select.select(list(others), [], [])
        for one in ready:
            read = one.recv(CHUNK_BYTES)
            if not read:
                return
            others[one].sendall(read)
