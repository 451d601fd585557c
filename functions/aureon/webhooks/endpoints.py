"""Endpoints: where webhooks go, which types each of them wants, and how it has been doing."""

from __future__ import annotations

import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import uuid_utils
from msgspec import Struct
from msgspec.structs import replace

from aureon.access import activity
from aureon.core import times
from aureon.core.errors import Invalid, NotFound, Unavailable
from aureon.core.identifiers import is_id
from aureon.storage.expressions import equals, present
from aureon.storage.store import (
    Item,
    OrganizationStore,
    TransactionCancelled,
    Write,
    delete,
    put,
    put_new,
    put_over,
)
from aureon.storage.table import DELETE_AFTER

if TYPE_CHECKING:
    from aureon.webhooks.bodies import EndpointBody, EndpointUpdateBody

Format = Literal["raw"]
# Why an endpoint gets nothing any more: nobody has to tell, it failed for too long, it is gone.
Reason = Literal["failing", "gone"]
MAX_ENDPOINTS: Final = 20
MAX_NAME_CHARACTERS: Final = 256
MAX_URL_CHARACTERS: Final = 2_048
MAX_ATTEMPTS: Final = 20
SECRET_PREFIX: Final = "whsec_"  # noqa: S105
SECRET_BYTES: Final = 24
# What of an endpoint the audit trail names when it was changed.
SHOWN: Final = ("url", "name", "events", "enabled")
# An endpoint that has failed for so long, without a success in between, is disabled.
DISABLED_AFTER: Final = timedelta(days=3)
# In place of a URL: nothing is sent anywhere, and who listens reads the deliveries. So it reaches
# a machine that has no public address.
LISTENER: Final = "aureon:listen"
# Nobody listens for longer; one that was left behind goes away.
LISTENS_FOR: Final = timedelta(days=1)
# The variable of the environment that lets webhooks go to this machine, over HTTP: `make dev`.
LOCAL: Final = "AUREON_WEBHOOKS_LOCAL"


def is_local() -> bool:
    return bool(os.environ.get(LOCAL))


class Endpoint(Struct, frozen=True):
    """Where webhooks of these types go. `secret` signs them; `rev` rises with every change."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str
    created_at: datetime
    name: str | None = None
    format: Format = "raw"
    enabled: bool = True
    modified_at: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: Reason | None = None
    rev: int = 1

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            id=item["id"],
            url=item["url"],
            events=tuple(item["events"]),
            secret=item["secret"],
            created_at=times.from_text(item["created_at"]),
            name=item["name"],
            format=item["format"],
            enabled=item["enabled"],
            modified_at=times.from_optional_text(item["modified_at"]),
            disabled_at=times.from_optional_text(item["disabled_at"]),
            disabled_reason=item["disabled_reason"],
            rev=int(item["rev"]),
        )

    @property
    def is_listener(self) -> bool:
        return self.url == LISTENER

    def to_item(self) -> Item:
        ends_at = int((self.created_at + LISTENS_FOR).timestamp())
        return {
            **({DELETE_AFTER: ends_at} if self.is_listener else {}),
            "id": self.id,
            "url": self.url,
            "events": list(self.events),
            "secret": self.secret,
            "created_at": times.to_text(self.created_at),
            "name": self.name,
            "format": self.format,
            "enabled": self.enabled,
            "modified_at": times.to_optional_text(self.modified_at),
            "disabled_at": times.to_optional_text(self.disabled_at),
            "disabled_reason": self.disabled_reason,
            "rev": self.rev,
        }

    def wants(self, type_: str) -> bool:
        return self.enabled and type_ in self.events


class Health(Struct, frozen=True):
    """How an endpoint has done since its last success: nothing is sent before `resting_until`."""

    failures: int = 0
    failing_since: datetime | None = None
    resting_until: datetime | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> Self:
        if item is None:
            return cls()
        return cls(
            failures=int(item["failures"]),
            failing_since=times.from_optional_text(item["failing_since"]),
            resting_until=times.from_optional_text(item["resting_until"]),
        )

    def to_item(self) -> Item:
        return {
            "failures": self.failures,
            "failing_since": times.to_optional_text(self.failing_since),
            "resting_until": times.to_optional_text(self.resting_until),
        }


def read_all(store: OrganizationStore) -> Iterator[Endpoint]:
    """All endpoints, as they are now, in the order in which they were made."""
    for item in store.query(store.keys.endpoints()):
        yield Endpoint.from_item(item)


def wanted_types(store: OrganizationStore) -> frozenset[str]:
    """The types that some endpoint wants."""
    return frozenset(
        type_ for endpoint in read_all(store) if endpoint.enabled for type_ in endpoint.events
    )


def get(store: OrganizationStore, endpoint_id: str) -> Endpoint:
    """Read an endpoint. Raises `NotFound`."""
    item = store.get(store.keys.endpoint(endpoint_id)) if is_id(endpoint_id) else None
    if item is None:
        raise NotFound(f"There is no endpoint {endpoint_id}.")
    return Endpoint.from_item(item)


def health(store: OrganizationStore, endpoint_id: str) -> Health:
    return Health.from_item(store.get(store.keys.endpoint_health(endpoint_id)))


def create(store: OrganizationStore, body: EndpointBody) -> Endpoint:
    """Make an endpoint, with a new secret. Raises `Invalid` where there are too many."""
    if len(list(read_all(store))) >= MAX_ENDPOINTS:
        message = f"An organization has at most {MAX_ENDPOINTS} endpoints."
        raise Invalid.at(("body", "url"), message)
    endpoint = Endpoint(
        id=str(uuid_utils.uuid7()),
        url=body.url,
        events=tuple(dict.fromkeys(body.events)),
        secret=_new_secret(),
        created_at=times.now(),
        name=body.name,
    )
    note = _noted(store, "webhook_endpoint.created", endpoint)
    store.commit([put_new(store.keys.endpoint(endpoint.id), endpoint.to_item()), note])
    return endpoint


def change(store: OrganizationStore, endpoint_id: str, body: EndpointUpdateBody) -> Endpoint:
    """Change an endpoint; one that is enabled begins anew. Raises `NotFound`."""

    def changed(before: Endpoint) -> Endpoint:
        after = replace(
            before,
            url=body.url or before.url,
            events=before.events if body.events is None else tuple(dict.fromkeys(body.events)),
            name=body.name if "name" in body.model_fields_set else before.name,
            enabled=before.enabled if body.enabled is None else body.enabled,
        )
        if after.enabled:
            after = replace(after, disabled_at=None, disabled_reason=None)
        return after

    after = _change(store, endpoint_id, changed, "webhook_endpoint.changed")
    if body.enabled or body.url is not None:
        store.write(put_over(store.keys.endpoint_health(endpoint_id), Health().to_item()))
    return after


def reset_secret(store: OrganizationStore, endpoint_id: str) -> Endpoint:
    """Give an endpoint a new secret: what is sent from now on is signed with it."""
    return _change(
        store,
        endpoint_id,
        lambda before: replace(before, secret=_new_secret()),
        "webhook_endpoint.secret_reset",
    )


def disable(store: OrganizationStore, endpoint_id: str, reason: Reason) -> None:
    """Send an endpoint nothing any more, if it is still there."""

    def changed(before: Endpoint) -> Endpoint:
        if not before.enabled:
            return before
        return replace(before, enabled=False, disabled_at=times.now(), disabled_reason=reason)

    with suppress(NotFound):
        _change(store, endpoint_id, changed)


def remove(store: OrganizationStore, endpoint_id: str) -> None:
    """Delete an endpoint. Raises `NotFound`."""
    endpoint = get(store, endpoint_id)
    note = _noted(store, "webhook_endpoint.deleted", endpoint)
    try:
        store.commit([delete(store.keys.endpoint(endpoint_id), present()), note])
    except TransactionCancelled:
        raise NotFound(f"There is no endpoint {endpoint_id}.") from None


def _change(
    store: OrganizationStore,
    endpoint_id: str,
    changed: Callable[[Endpoint], Endpoint],
    action: activity.Action | None = None,
) -> Endpoint:
    """Change an endpoint, and tell the audit trail of the action, where somebody has done it."""
    for _ in range(MAX_ATTEMPTS):
        before = get(store, endpoint_id)
        after = changed(before)
        if after == before:
            return before
        names = [name for name in SHOWN if getattr(before, name) != getattr(after, name)]
        after = replace(after, modified_at=times.now(), rev=before.rev + 1)
        key = store.keys.endpoint(endpoint_id)
        writes = [put(key, after.to_item(), equals("rev", before.rev))]
        if action is not None:
            writes.append(_noted(store, action, after, changed=names))
        try:
            store.commit(writes)
        except TransactionCancelled:
            continue
        return after
    raise Unavailable("Other calls are changing the endpoint.")


def _noted(
    store: OrganizationStore,
    action: activity.Action,
    endpoint: Endpoint,
    *,
    changed: Sequence[str] | None = None,
) -> Write:
    """What the audit trail says: never the address, which may hold a secret of the receiver."""
    return activity.noted(store, action, endpoint.id, name=endpoint.name, changed=changed or None)


def _new_secret() -> str:
    return SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
