"""How the name of a batch begins: it says where the events of the batch's pages come from."""

from __future__ import annotations

from typing import Final

# Requests to count events: each by an id of its own, or by its key.
REQUEST: Final = "r-"
KEYED_REQUEST: Final = "k-"
SPEND: Final = "s-"
HOLD: Final = "h-"
GRANT: Final = "g-"
# What a lot's boundary counts: it comes, expires, rolls over.
BOUNDARY: Final = "x-"
VOID: Final = "v-"
REFUND: Final = "u-"
# Messages of the queue: each by its own id, by the id that its sender gave the batch, or by the key
# of the request that the gateway made it of.
MESSAGE: Final = "m-"
SENDERS: Final = "b-"
REQUESTS: Final = "q-"
