"""What clients of AWS's services are made of: one session, and bounded timeouts and attempts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

import boto3
from botocore.config import Config

from aureon.storage import wire

CONNECT_TIMEOUT_SECONDS: Final = 1.0
READ_TIMEOUT_SECONDS: Final = 4.0
ATTEMPTS: Final = 2
# Two attempts that time out, and botocore's pause of at most a second between them.
LONGEST_CALL_SECONDS: Final = ATTEMPTS * (CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS) + 1.0

CONFIG: Final = Config(
    connect_timeout=CONNECT_TIMEOUT_SECONDS,
    read_timeout=READ_TIMEOUT_SECONDS,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    max_pool_connections=64,
    parameter_validation=False,
    tcp_keepalive=True,
)


_lock: Final = threading.Lock()


@contextmanager
def session() -> Iterator[boto3.Session]:
    """The session of all clients, for one thread at a time: botocore reads its files once for it.

    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
    """
    with _lock:
        yield _session()


@cache
def _session() -> boto3.Session:
    made = boto3.Session()
    made.events.register("creating-client-class.dynamodb", wire.install_fast_path)
    return made
