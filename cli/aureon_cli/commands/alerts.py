"""``aureon alerts``: who runs low, and who did."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.table import Table

from aureon.alerts import alerts
from aureon.alerts.alerts import ShownAlert
from aureon.core.exact import plain
from aureon.customers import profiles
from aureon_cli import connections, terminal
from aureon_cli.options import Organization

MAX_ALERTS: Final = 1_000


class State(StrEnum):
    """What has become of an alert."""

    reached = "reached"
    recovered = "recovered"
    closed = "closed"


def command(
    context: typer.Context,
    organization: Organization = None,
    customer: Annotated[
        list[str] | None,
        typer.Option(help="Only of this customer, by its external id; may be repeated."),
    ] = None,
    customer_id: Annotated[
        list[str] | None, typer.Option(help="The same, by Aureon's id; may be repeated.")
    ] = None,
    meter: Annotated[
        list[str] | None, typer.Option(help="Only of this meter, by its id; may be repeated.")
    ] = None,
    state: Annotated[
        list[State] | None, typer.Option(help="Only in this state; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_ALERTS, help="At most this many.")] = 100,
) -> None:
    """List alerts, newest first: of all customers, unless some are named."""
    listing = Table(
        "customer", "meter", "threshold", "left", "state", "crossing", "reached", "ended", box=None
    )
    with connections.organization(context, organization) as store:
        ids = [*(customer_id or ()), *(profiles.find_id(store, one) for one in customer or ())]
        found, count = alerts.find(
            store,
            customer_ids=ids,
            named=bool(ids),
            meter_ids=meter or (),
            states=[one.value for one in state or ()],
            part=slice(0, limit),
        )
    for one in found:
        listing.add_row(*_row(one))
    terminal.show(listing)
    if count > limit:
        typer.echo(f"There are {count - limit} more; --limit shows up to {MAX_ALERTS}.", err=True)


def _row(shown: ShownAlert) -> tuple[str, ...]:
    alert, customer, meter = shown
    threshold = f"{plain(alert.value)}{' %' if alert.kind == 'percent' else ''}"
    return (
        customer.external_id or customer.id,
        alert.meter_id if meter is None else meter.name,
        threshold,
        str(plain(alert.available_credits)),
        alert.state,
        str(alert.ordinal),
        f"{alert.reached_at:%Y-%m-%d %H:%M:%S}",
        "" if alert.ended_at is None else f"{alert.ended_at:%Y-%m-%d %H:%M:%S}",
    )
