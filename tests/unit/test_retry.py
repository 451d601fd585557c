"""Pauses between tries: longer each time, within their bounds, and hardly ever the same."""

from __future__ import annotations

import pytest

from aureon.core.retry import Backoff


@pytest.mark.parametrize(
    ("tries", "longest"), [(1, 0.1), (2, 0.2), (3, 0.4), (5, 1.6), (6, 2.0), (500, 2.0)]
)
@pytest.mark.parametrize("random_share", [0.0, 0.5, 1.0])
def test_a_pause_may_be_twice_as_long_each_time(
    tries: int, longest: float, random_share: float
) -> None:
    backoff = Backoff(0.1, longest_seconds=2.0, random_share=random_share)

    pauses = [backoff.seconds(tries) for _ in range(200)]

    assert max(pauses) == pytest.approx(longest, rel=0.1)
    assert max(pauses) <= longest * 1.000001
    assert min(pauses) >= (1 - random_share) * longest
    assert len(set(pauses)) > 100 or not random_share
