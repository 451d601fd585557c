"""Rollouts: every balance of a meter is looked at once its thresholds were changed.

A rollout is an item that the table's stream tells of: `aureon.alerts.rollout` looks at some
balances for each record, and notes how far it has come, which makes the next record. Once it is
through, it waits until no handler can know the thresholds before, and goes through the balances
again: a handler that counted with an older version of the meters has not marked what it wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

import uuid_utils
from msgspec import Struct
from msgspec.structs import replace

from aureon.core import times
from aureon.domain.meters import Meter
from aureon.meters import backfills
from aureon.storage import keys
from aureon.storage.expressions import equals
from aureon.storage.keys import Keys
from aureon.storage.store import Write, delete, put, put_over
from aureon.storage.table import ROLLOUT_MARK

# What one record of the stream lets be looked at: other records of its shard wait meanwhile.
CHUNK: Final = 25


class Rollout(Struct, frozen=True):
    """How far the balances of a meter's generation have been looked at.

    `slice` and `after` are the place in the directory of the meter's holders. `step` is another one
    for each record that the stream is to have. It is the `last` round, or another comes after it.
    """

    meter_id: str
    generation: int
    step: str
    slice: int = 0
    after: Mapping[str, Any] | None = None
    last: bool = False

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            meter_id=item["meter_id"],
            generation=int(item["generation"]),
            step=item["step"],
            slice=int(item["slice"]),
            after=item["after"],
            last=item["last_round"],
        )

    def to_item(self) -> dict[str, Any]:
        return {
            "meter_id": self.meter_id,
            "generation": self.generation,
            "step": self.step,
            "slice": self.slice,
            "after": None if self.after is None else dict(self.after),
            "last_round": self.last,
        }

    def moved(self, slice_: int, after: Mapping[str, Any] | None) -> Rollout:
        return replace(self, slice=slice_, after=after, step=_step())

    @property
    def done(self) -> bool:
        return self.slice >= keys.DIRECTORY_SLICES


def begin(org_keys: Keys, meter: Meter) -> Write:
    """Look at all balances of a meter: in the transaction that changes its thresholds."""
    rollout = Rollout(meter.id, meter.generation, _step())
    return put_over(org_keys.rollout(meter.id), _read_from_the_stream(rollout))


def keep(org_keys: Keys, before: Rollout, after: Rollout, now: datetime) -> Write:
    """Note how far a rollout has come, if nobody else has: it is done, waits, or goes on."""
    key = org_keys.rollout(before.meter_id)
    unmoved = equals("step", before.step)
    if not after.done:
        return put(key, _read_from_the_stream(after), unmoved)
    if after.last:
        return delete(key, unmoved)
    again = replace(after, slice=0, after=None, last=True)
    # The longest that a handler may still go by the meters as they were, and a moment.
    due = now + backfills.grace_period() + timedelta(seconds=1)
    listed = {
        keys.DIRECTORY_PARTITION: keys.rollouts(),
        keys.DIRECTORY_SORT: f"{times.to_text(due)}#{org_keys.organization_id}#{after.meter_id}",
    }
    return put(key, again.to_item() | listed, unmoved)


def resume(org_keys: Keys, waiting: Rollout) -> Write:
    """Begin the last round, of a rollout that has waited for long enough."""
    key = org_keys.rollout(waiting.meter_id)
    return put(key, _read_from_the_stream(waiting.moved(0, None)), equals("step", waiting.step))


def _read_from_the_stream(rollout: Rollout) -> dict[str, Any]:
    return rollout.to_item() | {ROLLOUT_MARK: rollout.step}


def _step() -> str:
    return str(uuid_utils.uuid7())
