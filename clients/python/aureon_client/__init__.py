"""Sell a model's tokens: hold credits, stream, and capture what was used, exactly once.

    with Client() as client:
        with client.hold("ann", "tokens", units=500) as hold:
            for chunk in model(prompt):
                hold.use(chunk.tokens)

`Client` and `AsyncClient` have the same methods. `aureon_client.types` are the requests and
answers, `aureon_client.errors` what can go wrong.
"""

from . import types
from ._async.batches import AsyncBatch
from ._async.client import AsyncClient
from ._async.holds import AsyncHold
from ._charges import CustomerId, event
from ._sync.batches import Batch
from ._sync.client import Client
from ._sync.holds import Hold
from .errors import (
    AureonError,
    Conflict,
    Forbidden,
    HoldEnded,
    InsufficientCredits,
    Invalid,
    NotFound,
    NotSent,
    Refused,
    RefusedEvent,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
    UnsentRequest,
)

__all__ = [
    "AsyncBatch",
    "AsyncClient",
    "AsyncHold",
    "AureonError",
    "Batch",
    "Client",
    "Conflict",
    "CustomerId",
    "Forbidden",
    "Hold",
    "HoldEnded",
    "InsufficientCredits",
    "Invalid",
    "NotFound",
    "NotSent",
    "Refused",
    "RefusedEvent",
    "TooLarge",
    "TooMany",
    "Unauthorized",
    "Unavailable",
    "UnsentRequest",
    "event",
    "types",
]
