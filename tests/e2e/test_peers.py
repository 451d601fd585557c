"""`bench.peers` on servers that run: here one stands for both."""

from __future__ import annotations

import re

from bench import peers, tables
from tests.support.local_service import Service

RATIO = re.compile(r"[\d.]+ \([\d.]+ to [\d.]+\)")


def test_two_servers_are_compared_in_all_that_is_asked_of_them(service: Service) -> None:
    server = peers.Server.fill("the same", service.url, service.token)

    result = peers.compare(server, server, rounds=2, share=0.0, rest=lambda: None)

    (table,) = tables.of({"part": "peers", "result": result})
    assert len(table.rows) == 2 * len(peers.SHAPES) + len(peers.READERS) + 1
    assert "the same" in table.title
    *rows, fresh = table.rows
    for row in rows:
        assert all(RATIO.fullmatch(row[column]) for column in (1, 3, 4)), row
        assert row[2][-1] in "✓✗", row
    assert RATIO.fullmatch(fresh[3])
