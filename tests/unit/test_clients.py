"""Clients of AWS are made of one session, which is no place for two threads at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from aureon.storage import clients, functions, queue, store


@pytest.mark.parametrize("connect", [store.connect, queue.connect, functions.connect.__wrapped__])
def test_no_other_thread_makes_a_client_meanwhile(connect: Callable[[], Any]) -> None:
    def client(*_: Any, **named: Any) -> bool:
        return clients._lock.locked()

    with patch.object(boto3.Session, "client", client):
        assert connect()
    assert not clients._lock.locked()
