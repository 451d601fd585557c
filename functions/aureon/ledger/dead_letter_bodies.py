"""The body of a redrive."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from aureon.core.bodies import Model
from aureon.ledger.dead_letters import MAX_FOUND


class RedriveBody(Model):
    """Which dead letters to send anew; without ids, all that the organization has."""

    ids: Annotated[list[str], Field(max_length=MAX_FOUND)] | None = None
