"""What the API shows of customers, meters and balances: the shapes that the clients parse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from aureon.api.responses import details
from aureon.core import times
from aureon.core.exact import ZERO, plain
from aureon.domain.credits import CreditPosition, Drawn, Hold
from aureon.domain.customers import Customer
from aureon.domain.events import COST, LLM, event_id
from aureon.domain.lots import Lot, Rollover, grant_id
from aureon.domain.meters import Meter
from aureon.domain.pages import Actor
from aureon.domain.recurrences import Recurrence
from aureon.domain.refunds import Refunds
from aureon.domain.thresholds import Kind
from aureon.webhooks.event_types import API_VERSION

if TYPE_CHECKING:
    from aureon.access.activity import Activity
    from aureon.access.organizations import Organization
    from aureon.access.sessions import Session
    from aureon.access.tokens import Access, Restriction, TokenRecord
    from aureon.alerts.alerts import ShownAlert
    from aureon.alerts.own import ShownThresholds
    from aureon.api import response_models as models
    from aureon.credits.grants import Grant
    from aureon.credits.refunds import Refunded
    from aureon.credits.spending import Spent
    from aureon.customers.balances import CustomerMeter
    from aureon.customers.rankings import Ranked
    from aureon.ledger.dead_letters import DeadLetter, Redriven
    from aureon.ledger.ingestion import Ingested
    from aureon.meters.backfills import Progress
    from aureon.reads.breakdowns import Broken
    from aureon.reads.counts import Counts
    from aureon.reads.events import EventName, Shown
    from aureon.reads.liability import Day
    from aureon.reads.preview import Preview
    from aureon.reads.quantity_series import Quantities, UsageBreakdown
    from aureon.reads.rates import Rate
    from aureon.reads.statement import Line, Statement
    from aureon.webhooks.deliveries import ShownDelivery
    from aureon.webhooks.endpoints import Endpoint


def customer(organization_id: str, customer: Customer) -> models.Customer:
    digest = hashlib.md5(customer.email.lower().encode(), usedforsecurity=False).hexdigest()
    return {
        "id": customer.id,
        "created_at": times.to_text(customer.created_at),
        "modified_at": times.to_optional_text(customer.modified_at),
        "metadata": customer.metadata,
        "external_id": customer.external_id,
        "email": customer.email,
        "email_verified": False,
        "type": customer.type,
        "name": customer.name,
        "billing_name": None,
        "billing_address": cast("models.Address | None", customer.billing_address),
        "tax_id": None if customer.tax_id is None else [customer.tax_id, None],
        "locale": customer.locale,
        "organization_id": organization_id,
        "default_payment_method_id": None,
        "deleted_at": times.to_optional_text(customer.deleted_at),
        "first_user_event_at": None,
        "avatar_url": f"https://www.gravatar.com/avatar/{digest}?d=404",
    }


def meter(organization_id: str, meter: Meter) -> models.Meter:
    return {
        "metadata": meter.metadata or {},
        "created_at": times.to_text(meter.created_at),
        "modified_at": times.to_optional_text(meter.modified_at),
        "id": meter.id,
        "external_id": meter.external_id,
        "name": meter.name,
        "unit": meter.unit,
        "limits_spending": meter.limits_spending,
        "custom_label": meter.custom_label,
        "custom_multiplier": meter.custom_multiplier,
        "group_by": list(meter.group_by),
        "filter": cast("models.Filter", meter.filter.to_dict()),
        "aggregation": cast("models.Aggregation", meter.aggregation.to_dict()),
        "organization_id": organization_id,
        "archived_at": times.to_optional_text(meter.archived_at),
        "thresholds": [_threshold(one.kind, one.value) for one in meter.thresholds],
    }


def _threshold(kind: Kind, value: Decimal) -> models.Threshold:
    return {
        "available_credits": plain(value) if kind == "available_credits" else None,
        "percent": plain(value) if kind == "percent" else None,
    }


def thresholds(found: ShownThresholds) -> models.Thresholds:
    """The thresholds of a balance, and where they stand."""
    return {
        "customer_id": found.customer_id,
        "meter_id": found.meter_id,
        "own": found.own,
        "thresholds": [
            {
                **_threshold(one.kind, one.value),
                "state": None if level is None else level.state,
                "ordinal": 0 if level is None else level.ordinal,
                "alert_id": None if level is None else level.alert_id,
            }
            for one, level in found.thresholds
        ],
    }


def alert(organization_id: str, shown: ShownAlert) -> models.Alert:
    """An alert, with whom and what it is about."""
    found, owner, about = shown
    return {
        "id": found.id,
        "state": found.state,
        "customer_id": owner.id,
        "external_customer_id": owner.external_id,
        "customer_name": owner.name,
        "customer_email": owner.email,
        "meter_id": found.meter_id,
        "meter_name": None if about is None else about.name,
        "threshold": _threshold(found.kind, found.value),
        "threshold_units": plain(found.units),
        "ordinal": found.ordinal,
        "available_credits": plain(found.available_credits),
        "created_at": times.to_text(found.reached_at),
        "ended_at": times.to_optional_text(found.ended_at),
    }


def webhook_endpoint(organization_id: str, endpoint: Endpoint) -> models.WebhookEndpoint:
    return {
        "created_at": times.to_text(endpoint.created_at),
        "modified_at": times.to_optional_text(endpoint.modified_at),
        "id": endpoint.id,
        "url": endpoint.url,
        "name": endpoint.name,
        "format": endpoint.format,
        "secret": endpoint.secret,
        "organization_id": organization_id,
        "events": list(endpoint.events),
        "enabled": endpoint.enabled,
        "disabled_at": times.to_optional_text(endpoint.disabled_at),
        "disabled_reason": endpoint.disabled_reason,
        "api_version": API_VERSION,
        "uses_standard_webhook_signature": False,
    }


def webhook_delivery(shown: ShownDelivery) -> models.WebhookDelivery:
    """An attempt, with what was sent, as far as it is still there."""
    found, entry, progress = shown
    return {
        "created_at": times.to_text(found.created_at),
        "modified_at": None,
        "id": found.id,
        "endpoint_id": found.endpoint_id,
        "succeeded": found.succeeded,
        "http_code": found.http_code,
        "response": found.response,
        "webhook_event": {
            "created_at": times.to_text(found.created_at if entry is None else entry.created_at),
            "modified_at": None
            if progress is None
            else times.to_optional_text(progress.modified_at),
            "id": found.event_id,
            "type": "" if entry is None else entry.type,
            "payload": None if entry is None else entry.payload,
            "api_version": API_VERSION,
            "skipped": False,
            "is_archived": entry is None,
            "last_http_code": None if progress is None else progress.last_http_code,
            "succeeded": None if progress is None else progress.succeeded,
        },
    }


def backfill(progress: Progress | None, *, complete: bool) -> models.Backfill:
    """How far a meter has counted the past: so many ledgers, of customers and ghosts."""
    return {
        "complete": complete,
        "ledgers": 0 if progress is None else progress.ledgers,
        "total_ledgers": None if progress is None else progress.total,
        "events": 0 if progress is None else progress.events,
    }


def meter_with_backfill(
    organization_id: str, shown: Meter, progress: Progress | None, of_breakdowns: Progress | None
) -> models.MeterWithBackfill:
    return {
        **meter(organization_id, shown),
        "backfill": backfill(progress, complete=shown.backfilled),
        "breakdowns": (backfill(of_breakdowns, complete=shown.grouped) if shown.group_by else None),
    }


def customer_meter(organization_id: str, found: CustomerMeter) -> models.CustomerMeter:
    return {
        **_balance(found),
        "customer_id": found.customer.id,
        "customer": customer(organization_id, found.customer),
        "meter": meter(organization_id, found.meter),
    }


def overview(found: Counts) -> models.Overview:
    return {
        "events": found.events,
        "last_event_at": found.last_event_at,
        "customers": found.customers,
        "meters": found.meters,
    }


def meter_customers(
    organization_id: str, found: Ranked, rates: Sequence[Sequence[Rate]]
) -> models.MeterCustomers:
    """A part of a meter's customers in the order of what they have left, each with its rates."""
    return {
        "items": [
            {
                **customer_meter(organization_id, one),
                "rates": [
                    {
                        "days": rate.days,
                        "used_units": plain(rate.used),
                        "lasts_days": rate.lasts_days,
                    }
                    for rate in theirs
                ],
            }
            for one, theirs in zip(found.items, rates, strict=True)
        ],
        "counts": {
            "over": found.counts["over"],
            "empty": found.counts["empty"],
            "left": found.counts["left"],
        },
        "next": found.following,
    }


def customer_state(
    organization_id: str, owner: Customer, meters: list[CustomerMeter]
) -> models.CustomerState:
    return {
        **customer(organization_id, owner),
        "active_subscriptions": [],
        "granted_benefits": [],
        "active_meters": [_balance(found) for found in meters],
    }


def _balance(found: CustomerMeter) -> models.Balance:
    balance = found.balance
    value = plain(balance.value(found.meter.aggregation.func))
    standing = CreditPosition(found.meter.id, value, found.held)
    return {
        "id": found.id,
        "created_at": times.to_text(balance.created_at),
        "modified_at": times.to_text(balance.modified_at),
        "meter_id": found.meter.id,
        "consumed_units": value,
        "credited_units": 0,
        "balance": value,
        "available_credits": plain(standing.available_credits),
        "held_units": plain(found.held),
        "used_units": plain(balance.used),
        "granted_units": plain(balance.granted),
        "limits_spending": found.limits_spending,
        "expired_units": plain(balance.expired),
        "next_expiry": _next_expiry(found.next_expiry),
        "lots": None
        if found.lots is None
        else [_lot(found.customer.id, lot) for lot in found.lots.in_order()],
        "complete": balance.complete,
    }


def _next_expiry(found: tuple[datetime, Decimal] | None) -> models.Expiry | None:
    return None if found is None else {"at": times.to_text(found[0]), "units": plain(found[1])}


def _lot(customer_id: str, lot: Lot) -> models.Lot:
    """An open lot: credits with terms, of which some are left."""
    return {
        "grant_id": grant_id(customer_id, lot),
        "name": lot.name,
        "units": plain(lot.units),
        "remaining_units": plain(lot.remaining),
        "priority": lot.priority,
        "created_at": times.to_text(lot.granted_at),
        "expires_at": times.to_optional_text(lot.expires_at),
        "recurs": lot.recurrence is not None,
    }


def access(access: Access, organization: Organization) -> models.Access:
    """What a token allows, for its holder."""
    return {
        "organization_id": access.organization_id,
        "organization_name": organization.name,
        "organization_time_zone": organization.settings.time_zone,
        "scopes": sorted(access.scopes),
        "expires_at": times.to_optional_text(access.expires_at),
        "token_id": access.token_id,
        "restrict_to": _restriction(access.restrict_to),
        "requests_per_second": access.requests_per_second,
    }


def customer_session(
    session: Session, token: str, address: str, owner: Customer
) -> models.CustomerSession:
    """A session that was just made: the only time that its token is shown."""
    return {
        "created_at": times.to_text(session.created_at),
        "modified_at": None,
        "id": session.id,
        "token": token,
        "expires_at": times.to_text(session.expires_at),
        "return_url": session.return_url,
        "customer_portal_url": address,
        "customer_id": owner.id,
        "customer": customer(session.organization_id, owner),
    }


def portal_session(session: Session, found: Organization | None) -> models.PortalSession:
    """A session, for its customer: until when it is good, and whose customer they are."""
    settings = None if found is None else found.settings
    return {
        "expires_at": times.to_text(session.expires_at),
        "return_url": session.return_url,
        "organization": {
            "id": session.organization_id,
            "name": "" if found is None else found.name,
            "colour": None if settings is None else settings.colour,
            "time_zone": None if settings is None else settings.time_zone,
        },
    }


def portal_user(owner: Customer) -> models.PortalUser:
    return {
        "type": "customer",
        "name": owner.name,
        "email": owner.email,
        "customer_id": owner.id,
        "member_id": None,
        "role": None,
    }


def portal_customer(owner: Customer) -> models.PortalCustomer:
    """A customer as they see themselves: without what their seller keeps of them."""
    return {
        "created_at": times.to_text(owner.created_at),
        "modified_at": times.to_optional_text(owner.modified_at),
        "id": owner.id,
        "email": owner.email,
        "email_verified": False,
        "name": owner.name,
        "billing_name": None,
        "billing_address": cast("models.Address | None", owner.billing_address),
        "tax_id": None if owner.tax_id is None else [owner.tax_id, None],
        "oauth_accounts": {},
        "default_payment_method_id": None,
        "type": owner.type,
        "locale": owner.locale,
    }


def portal_meter(found: CustomerMeter, shows: Callable[[str], bool]) -> models.PortalMeter:
    """A balance as its customer sees it: how the meter counts stays its seller's own."""
    about = found.meter
    return {
        **_balance(found),
        "customer_id": found.customer.id,
        "meter": {
            "created_at": times.to_text(about.created_at),
            "modified_at": times.to_optional_text(about.modified_at),
            "id": about.id,
            "name": about.name,
            "unit": about.unit,
            "custom_label": about.custom_label,
            "custom_multiplier": about.custom_multiplier,
            "aggregation": {"func": about.aggregation.func},
            "group_by": [name for name in about.group_by if shows(name)],
        },
    }


def portal_event(shown: Shown, metadata_keys: Collection[str]) -> models.PortalEvent:
    """An event as its customer sees it: with the metadata that the organization lists."""
    logged = shown.found.event
    metadata = _event_metadata(logged.metadata)
    return {
        "id": event_id(shown.found.place),
        "timestamp": logged.timestamp,
        "name": logged.name,
        "label": logged.name,
        "source": logged.source,
        "external_id": logged.external_id,
        "metadata": {name: value for name, value in metadata.items() if name in metadata_keys},
    }


def portal_grant(found: Grant, metadata_keys: Collection[str]) -> models.Grant:
    """A grant as its customer sees it: without its seller's note."""
    metadata = found.metadata or {}
    kept = {name: value for name, value in metadata.items() if name in metadata_keys}
    return {**grant(found), "note": None, "metadata": kept}


def portal_statement(found: Statement) -> models.Statement:
    """A statement as its customer sees it: without its seller's reasons, notes and tokens."""
    shown = statement(found)
    for line in shown["lines"]:
        line["note"] = None
        line["call"]["reason"] = None
        line["call"]["actor"] = None
    return shown


def organization(found: Organization) -> models.Organization:
    """An organization with its settings."""
    settings = found.settings
    return {
        "id": found.id,
        "name": found.name,
        "created_at": times.to_text(found.created_at),
        "modified_at": times.to_optional_text(found.modified_at),
        "colour": settings.colour,
        "time_zone": settings.time_zone,
        "origins": list(settings.origins),
        "portal_metadata_keys": list(settings.portal_metadata_keys),
    }


def _restriction(found: Restriction | None) -> models.Restriction | None:
    if found is None:
        return None
    return {"event_names": sorted(found.event_names), "meter_ids": sorted(found.meter_ids)}


def token(record: TokenRecord) -> models.Token:
    """A token as it is listed: everything but the token."""
    return {
        "id": record.id,
        "name": record.name,
        "scopes": list(record.scopes),
        "created_at": times.to_text(record.created_at),
        "expires_at": times.to_optional_text(record.expires_at),
        "revoked_at": times.to_optional_text(record.revoked_at),
        "restrict_to": _restriction(record.restrict_to),
        "requests_per_second": record.requests_per_second,
    }


def new_token(record: TokenRecord, secret: str) -> models.NewToken:
    """A token that was just made: the only time that it is shown."""
    return {**token(record), "token": secret}


def spent(spent: Spent) -> models.Spent:
    return {
        "id": spent.event_id,
        "meters": [_standing(one) for one in spent.standings],
        "drawn": _drawn(spent.drawn),
    }


def _drawn(drawn: Sequence[Drawn] | None) -> list[models.Drawn] | None:
    """How much was taken of which grants with terms; null where that is no longer known."""
    if drawn is None:
        return None
    return [
        {"meter_id": one.meter_id, "grant_id": one.grant_id, "units": plain(one.units)}
        for one in drawn
    ]


def grant(grant: Grant) -> models.Grant:
    """A grant, and what has become of it. `meters` say where the customer stands after it."""
    life = grant.life
    lot = None if life is None else life.lot
    return {
        "id": grant.id,
        "status": grant.status,
        "customer_id": grant.customer_id,
        "meter_id": grant.meter_id,
        "external_id": grant.external_id,
        "name": grant.name,
        "metadata": None if grant.metadata is None else dict(grant.metadata),
        "note": grant.note,
        "created_at": times.to_text(grant.created_at),
        "units": plain(grant.units),
        "remaining_units": None if life is None else plain(life.remaining),
        "used_units": None if life is None else plain(life.used),
        "repaid_units": None if life is None else plain(life.repaid),
        "expired_units": None if life is None else plain(life.lapsed),
        "rolled_over_units": None if life is None else plain(life.rolled),
        "voided_units": None if life is None else plain(life.voided),
        "priority": None if lot is None else lot.priority,
        "expires_at": None if lot is None else times.to_optional_text(lot.expires_at),
        "recurrence": None if lot is None else _recurrence(lot.recurrence),
        "rollover": None if lot is None else _rollover(lot.rollover),
        "previous_id": grant.before,
        "meters": [_standing(one) for one in grant.standings],
    }


def _recurrence(recurrence: Recurrence | None) -> models.Recurrence | None:
    if recurrence is None:
        return None
    return {
        "every": recurrence.every,
        "timezone": recurrence.timezone,
        "anchor": recurrence.anchor.isoformat(),
        "left": recurrence.left,
        "units": None if recurrence.units is None else plain(recurrence.units),
    }


def _rollover(rollover: Rollover | None) -> models.Rollover | None:
    if rollover is None:
        return None
    lasting = rollover.lasting
    return {
        "max_units": plain(rollover.max_units),
        "expires_in_seconds": None if lasting is None else int(lasting.total_seconds()),
    }


def refund(found: Refunded) -> models.Refund:
    """A refund. `meters` say where the customer stands after it."""
    made = found.refund
    return {
        "id": made.id,
        "event_id": found.event_id,
        "customer_id": found.customer_id,
        "external_id": made.external_id,
        "reason": made.reason,
        "created_at": times.to_text(made.at),
        "units": [
            {
                "meter_id": meter_id,
                "event_units": plain(took),
                "refunded_units": plain(made.back.get(meter_id, ZERO)),
                "voided_units": plain(made.taken.get(meter_id, ZERO)),
                "total_refunded_units": plain(found.refunds.back(meter_id)),
            }
            for meter_id, took in found.took.items()
        ],
        "returned": None
        if found.returned is None
        else [
            {"meter_id": meter_id, "grant_id": grant_id, "units": plain(units)}
            for meter_id, grant_id, units in found.returned
        ],
        "refused": [
            {"meter_id": meter_id, "reason": reason} for meter_id, reason in found.refused.items()
        ],
        "meters": [_standing(one) for one in found.standings],
    }


def voided(event_id: str, *, refunded: Refunded | None, granted: Grant | None) -> models.Voided:
    """An event that was taken back: as a refund, or as a grant with terms."""
    return {
        "event_id": event_id,
        "refund": None if refunded is None else refund(refunded),
        "grant": None if granted is None else grant(granted),
    }


def hold(hold: Hold) -> models.Hold:
    """A hold. `meters` say where the customer stands, after something was done with it."""
    return {
        "id": hold.id,
        "status": hold.state,
        "external_id": hold.external_id,
        "customer_id": None if hold.of_ghost else hold.customer_id,
        "external_customer_id": hold.customer.id if hold.customer.by_external_id else None,
        "name": hold.name,
        "metadata": hold.metadata,
        "units": [
            {"meter_id": meter_id, "units": plain(units)} for meter_id, units in hold.units.items()
        ],
        "limit": plain(hold.limit),
        "created_at": times.to_text(hold.placed_at),
        "expires_at": times.to_text(hold.expires_at),
        "event_id": hold.event_id,
        "meters": [_standing(one) for one in hold.standings],
        "drawn": _drawn(hold.drawn),
    }


def _standing(standing: CreditPosition) -> models.CreditPosition:
    return {
        "meter_id": standing.meter_id,
        "decides": standing.decides,
        "balance": plain(standing.balance),
        "held_units": plain(standing.held),
        "available_credits": plain(standing.available_credits),
    }


def event_with_refunds(organization_id: str, shown: Shown, refunds: Refunds) -> models.Event:
    """An event, and what was given back of it, or taken back."""
    return {
        **event(organization_id, shown),
        "refunds": [
            {
                "id": refund.id,
                "created_at": times.to_text(refund.at),
                "external_id": refund.external_id,
                "reason": refund.reason,
                "void": refund.void,
                "units": [
                    {
                        "meter_id": meter_id,
                        "refunded_units": plain(refund.back.get(meter_id, ZERO)),
                        "voided_units": plain(refund.taken.get(meter_id, ZERO)),
                    }
                    for meter_id in {**refund.back, **refund.taken}
                ],
                "actor": _actor(refund.actor),
            }
            for refund in refunds.made
        ],
        "actor": _actor(shown.found.actor),
        "note": shown.found.note,
    }


def event(organization_id: str, shown: Shown) -> models.Event:
    """An event. A ghost's has no customer yet."""
    found, owner = shown
    logged = found.event
    return {
        "id": event_id(found.place),
        "timestamp": logged.timestamp,
        "organization_id": organization_id,
        "customer_id": None if owner is None else owner.id,
        "customer": None if owner is None else customer(organization_id, owner),
        "external_customer_id": found.external_customer_id,
        "external_id": logged.external_id,
        "member_id": None,
        "external_member_id": None,
        "child_count": 0,
        "parent_id": logged.parent_id,
        "label": logged.name,
        "name": logged.name,
        "source": logged.source,
        "metadata": _event_metadata(logged.metadata),
    }


def ingested(found: Ingested) -> models.Ingested:
    """What became of the events of a request."""
    answer: models.Ingested = {"inserted": found.inserted, "duplicates": found.duplicates}
    if found.conflicts:
        answer["conflicts"] = found.conflicts
    if found.warnings:
        answer["warnings"] = details(found.warnings)
    return answer


def dead_letter(letter: DeadLetter) -> models.DeadLetter:
    return {
        "id": letter.id,
        "first_received_at": times.to_text(letter.first_received_at),
        "receive_count": letter.receive_count,
        "events": letter.events,
        "counted": letter.counted,
        "succeeds_now": letter.succeeds_now,
        "reason": letter.reason,
    }


def redriven(found: Redriven) -> models.Redriven:
    """How many dead letters were sent anew, and which were left."""
    return {
        "redriven": found.redriven,
        "left": [{"id": message_id, "reason": reason} for message_id, reason in found.left.items()],
        "complete": found.complete,
    }


def preview(organization_id: str, preview: Preview) -> models.Preview:
    """What a meter would make of the latest events. A value that is not counted as a number, of
    a meter that counts different ones, is not shown: the event has it.
    """
    return {
        "items": [
            {
                "event": event(organization_id, one.shown),
                "matches": one.chosen,
                "counts": one.match is not None,
                "value": plain(one.match.value)
                if one.match and isinstance(one.match.value, Decimal)
                else None,
            }
            for one in preview.events
        ],
        "examined": len(preview.events),
        "counted": sum(one.match is not None for one in preview.events),
        "total": plain(preview.total),
    }


def event_type(organization_id: str, name: EventName) -> models.EventType:
    """The events of one name, as Polar's clients list their types. They have no ids here."""
    return {
        **event_name(name),
        "id": None,
        "created_at": None,
        "modified_at": None,
        "label_property_selector": None,
        "organization_id": organization_id,
    }


def event_name(name: EventName) -> models.EventName:
    return {
        "name": name.name,
        "label": name.name,
        "source": name.source,
        "occurrences": name.occurrences,
        "first_seen": name.first_seen,
        "last_seen": name.last_seen,
    }


def statement(found: Statement) -> models.Statement:
    """A page of a statement. Units are what they add to the balance: credits are below 0."""
    whole = found.whole
    return {
        "customer_id": found.customer_id,
        "meter_id": found.meter.id,
        "start": whole.start,
        "end": whole.end,
        "opening_balance": plain(whole.opening),
        "grant_units": plain(whole.totals["grant"]),
        "usage_units": plain(whole.totals["usage"]),
        "refund_units": plain(whole.totals["refund"]),
        "lapse_units": plain(whole.totals["lapse"]),
        "void_units": plain(whole.totals["void"]),
        "closing_balance": plain(whole.closing),
        "lines": [_line(found, line) for line in found.lines],
        "days": [
            {
                "date": day.date.isoformat(),
                "opening_balance": plain(day.opening_balance),
                "grant_units": plain(day.units["grant"]),
                "usage_units": plain(day.units["usage"]),
                "refund_units": plain(day.units["refund"]),
                "lapse_units": plain(day.units["lapse"]),
                "void_units": plain(day.units["void"]),
                "closing_balance": plain(day.closing_balance),
            }
            for day in found.days
        ],
        "next": None if found.following is None else found.following.to_text(),
    }


def _line(found: Statement, line: Line) -> models.StatementLine:
    logged = line.found.event
    call = found.calls[line.event_id]
    return {
        "timestamp": logged.timestamp,
        "kind": line.kind,
        "units": plain(line.units),
        "balance": plain(line.balance),
        "name": logged.name,
        "event_id": line.event_id,
        "external_id": logged.external_id,
        "call": {
            "kind": call.kind,
            "external_id": call.external_id,
            "hold_id": call.hold_id,
            "event_id": call.event_id,
            "grant_id": call.grant_id,
            "reason": call.reason,
            "actor": _actor(call.actor),
        },
        "note": line.found.note,
    }


def _actor(actor: Actor | None) -> models.Actor | None:
    return None if actor is None else {"token_id": actor[0], "token_name": actor[1]}


def quantities(
    organization_id: str, meter: Meter, found: Quantities, broken: Sequence[Broken] | None
) -> models.Quantities:
    """What a meter makes of intervals; not `complete` while its past is still being counted."""
    return {
        **_series(found),
        "complete": meter.backfilled and (broken is None or meter.grouped),
        "groups": (
            None if broken is None else [_group(organization_id, meter, one) for one in broken]
        ),
    }


def activity(done: Activity) -> models.Activity:
    return {
        "id": done.id,
        "timestamp": done.timestamp,
        "action": done.action,
        "subject_id": done.subject_id,
        "token_id": done.token_id or None,
        "token_name": done.token_name,
        "details": dict(done.details),
    }


def meter_credits(meter: Meter, found: Quantities, owed: Mapping[str, Day]) -> models.MeterCredits:
    """What was granted, used and lapsed each day, and what was owed where that was counted."""
    return {
        "items": [
            {
                "timestamp": times.to_text(quantity.start),
                **_moved(quantity.moved),
                "outstanding_units": None if day is None else plain(day.owed.outstanding),
                "overage_units": None if day is None else plain(day.owed.overage),
                "customers_with_credits": None if day is None else day.owed.holders,
                "customers_over": None if day is None else day.owed.over,
                "counted_at": None if day is None else day.counted_at,
            }
            for quantity in found.of_intervals()
            for day in [owed.get(quantity.start.date().isoformat())]
        ],
        **_moved(found.moved()),
        "complete": meter.backfilled,
    }


def _group(organization_id: str, meter: Meter, broken: Broken) -> models.QuantityGroup:
    kind, value = broken.value
    return {
        "kind": kind,
        "value": plain(value) if isinstance(value, Decimal) else value,
        "customer": (
            None if broken.customer is None else customer(organization_id, broken.customer)
        ),
        **_series(broken.quantities),
    }


def _series(found: Quantities) -> models.QuantitySeries:
    return {
        "quantities": [
            {
                "timestamp": times.to_text(quantity.start),
                "quantity": plain(quantity.value),
                **_moved(quantity.moved),
            }
            for quantity in found.of_intervals()
        ],
        "total": plain(found.total()),
        **_moved(found.moved()),
    }


def _moved(moved: UsageBreakdown | None) -> models.UsageBreakdown:
    return {
        "used_units": None if moved is None else plain(moved.used),
        "granted_units": None if moved is None else plain(moved.granted),
        "expired_units": None if moved is None else plain(moved.expired),
        "refunded_units": None if moved is None else plain(moved.refunded),
    }


def _event_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as it was sent; but a cost is a text, and all that a call may tell is there."""
    shown = dict(metadata)
    if COST in shown:
        shown[COST] = {**shown[COST], "amount": f"{Decimal(shown[COST]['amount']):f}"}
    if LLM in shown:
        shown[LLM] = {"prompt": None, "response": None, **shown[LLM]}
        shown[LLM]["cached_input_tokens"] = shown[LLM].get("cached_input_tokens") or 0
    return shown
