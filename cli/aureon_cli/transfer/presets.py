"""``--from``: what other systems write, and what becomes of it here.

docs/import.md shows the maps. What a system says of an event beside them is left out by name; what
nobody has named is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from aureon.core import times
from aureon.core.errors import AureonError
from aureon.domain.recurrences import Every, Recurrence
from aureon_cli.transfer.field_map import SEPARATOR, FieldMap
from aureon_cli.transfer.forms import WRAPPERS, Value
from aureon_cli.transfer.kinds import EventSource, Timestamps

METER_CREDITED: Final = "meter.credited"
METER_RESET: Final = "meter.reset"


class System(StrEnum):
    """What a file of events was written by."""

    OPENMETER = "openmeter"
    LITELLM = "litellm"
    STRIPE = "stripe"
    LAGO = "lago"
    OPENAI = "openai"
    POLAR = "polar"


class GrantError(AureonError):
    """A meter of Polar's that cannot be told, and why."""


def event_source(system: System | None, grants: Iterable[str] = ()) -> EventSource:
    """How a system's events are read. `grants` say which meters of Polar's are which here."""
    if system is None:
        return EventSource()
    if system is System.POLAR:
        return replace(PRESETS[system], prepare=_Polar(_meters(grants)).prepare)
    return PRESETS[system]


def _cloud_event(value: Value) -> Value:
    """An event as it was ingested, or within what OpenMeter's list tells of it."""
    if value.get("validationError"):
        raise ValueError(f"OpenMeter did not count it: {value['validationError']}")
    event = value.get("event")
    return event if isinstance(event, dict) else value


def _with_payload(value: Value) -> Value:
    """A table has a column for each member of the payload."""
    payload = {
        name.removeprefix("payload_"): held
        for name, held in value.items()
        if name.startswith("payload_")
    }
    others = {name: held for name, held in value.items() if not name.startswith("payload_")}
    return {**others, "payload": payload} if payload else others


def _in_event(value: Value) -> Value:
    event = value.get("event")
    return event if isinstance(event, dict) else value


def _of_buckets(value: Any) -> Iterable[Any]:
    """The results of a bucket, each with the bucket's times."""
    if not isinstance(value, dict) or not isinstance(value.get("results"), list):
        return [value]
    times = {name: value[name] for name in ("start_time", "end_time") if name in value}
    return [
        {**times, **result} if isinstance(result, dict) else result for result in value["results"]
    ]


def _with_id(value: Value) -> Value:
    """Nothing but the bucket and what it is grouped by tells one result from another."""
    parts = [str(value.get(name) or "") for name in _GROUPS]
    return {**value, "id": SEPARATOR.join(part.replace(SEPARATOR, "%3A") for part in parts)}


_GROUPS: Final = (
    *("object", "start_time", "end_time", "project_id", "user_id", "api_key_id"),
    *("model", "batch", "service_tier", "size", "source"),
)


class _Polar:
    """Polar's own events: credits are granted as negative units, a reset is none of events."""

    def __init__(self, meters: Mapping[str, tuple[str, str]]) -> None:
        self._meters = meters

    def prepare(self, value: Value) -> Value:
        if value.get("source") != "system":
            return value
        name, metadata = value.get("name"), value.get("metadata")
        if name == METER_RESET:
            raise ValueError(
                "A reset of a meter is not an event: import the balances of today, or grant units."
            )
        if name != METER_CREDITED:
            return value
        metadata = metadata if isinstance(metadata, dict) else {}
        meter_id, units = str(metadata.get("meter_id")), metadata.get("units")
        if meter_id not in self._meters:
            raise ValueError(
                f"Say which meter is credited: --grants {meter_id}=NAME:PROPERTY, "
                "the events' name and what is added up."
            )
        if isinstance(units, bool) or not isinstance(units, int | Decimal):
            raise ValueError("metadata.units: This is not a number.")
        name, property_ = self._meters[meter_id]
        return {**value, "name": name, "metadata": {property_: -units, "credited": True}}


def polar_grants(grants: Iterable[str], cycle: Every | None) -> Callable[[Value], Value]:
    """How Polar's `meter.credited` is read as a grant: what does not roll over lives a cycle.

    https://polar.sh/docs/features/usage-based-billing/credits
    """
    return _PolarGrants(_meters(grants), cycle).prepare


class _PolarGrants:
    def __init__(self, meters: Mapping[str, tuple[str, str]], cycle: Every | None) -> None:
        self._polar = _Polar(meters)
        self._cycle: Every | None = cycle

    def prepare(self, value: Value) -> Value:
        if value.get("source") != "system" or value.get("name") != METER_CREDITED:
            raise ValueError("Of Polar's events only meter.credited grants credits.")
        event = self._polar.prepare(value)
        ((property_, units), _) = event["metadata"].items()
        grant = {name: value[name] for name in _OF_POLAR if value.get(name) is not None}
        grant |= {"name": event["name"], "metadata": {property_: -units}}
        if value["metadata"].get("rollover") is not True:
            grant["expires_at"] = times.to_text(self._end(value.get("timestamp")))
        return grant

    def _end(self, timestamp: Any) -> datetime:
        """When what was credited then expires. Raises ValueError where that is past."""
        if self._cycle is None:
            raise ValueError("Say how long credits live that do not roll over: --cycle month.")
        begun = times.from_text(str(timestamp))
        local = begun.replace(tzinfo=None)
        end = Recurrence(self._cycle, "UTC", local).after(begun)
        if end is None or end <= times.now():
            raise ValueError("Its period has ended: what was left of it is gone.")
        return end


_OF_POLAR: Final = ("id", "customer_id", "external_customer_id", "customer")


def _meters(grants: Iterable[str]) -> dict[str, tuple[str, str]]:
    meters = {}
    for grant in grants:
        meter_id, _, event = grant.partition("=")
        name, _, property_ = event.rpartition(":")
        if not meter_id or not name or not property_:
            raise GrantError(f"--grants: {grant} is not METER_ID=NAME:PROPERTY.")
        meters[meter_id] = (name, property_)
    return meters


PRESETS: Final[Mapping[System, EventSource]] = {
    # https://openmeter.io/docs/metering/events/usage-events
    # An id is unique among those of one source.
    System.OPENMETER: EventSource(
        FieldMap.parse(
            "name=type,external_customer_id=subject,external_id=source+id,timestamp=time,"
            "metadata=data"
        ),
        dropped=(
            *("specversion", "datacontenttype", "dataschema"),
            *("customerId", "ingestedAt", "storedAt"),
        ),
        prepare=_cloud_event,
    ),
    # https://docs.litellm.ai/docs/proxy/db_info: a table of Postgres, whose times are UTC.
    System.LITELLM: EventSource(
        FieldMap.parse(
            "name='llm',external_customer_id=end_user,external_id=request_id,timestamp=startTime,"
            "call_type=call_type,model=model,provider=custom_llm_provider,spend=spend,"
            "prompt_tokens=prompt_tokens,completion_tokens=completion_tokens,"
            "total_tokens=total_tokens,cache_hit=cache_hit,status=status,user=user,team_id=team_id"
        ),
        timestamps=Timestamps.UTC,
        dropped=(
            *("api_key", "endTime", "completionStartTime", "model_id", "model_group", "api_base"),
            *("metadata", "cache_key", "request_tags", "requester_ip_address", "messages"),
            *("response", "session_id", "mcp_namespaced_tool_name", "organization_id", "agent_id"),
            *("proxy_server_request", "request_duration_ms"),
        ),
        wrappers=(*WRAPPERS, "data"),
    ),
    # https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-in-bulk-dashboard
    System.STRIPE: EventSource(
        FieldMap.parse(
            "name=event_name,external_customer_id=payload.stripe_customer_id,"
            "external_id=identifier,timestamp=timestamp,metadata=payload"
        ),
        timestamps=Timestamps.SECONDS,
        numbers=("value",),
        dropped=("object", "created", "livemode"),
        prepare=_with_payload,
        wrappers=(*WRAPPERS, "data"),
    ),
    # https://getlago.com/docs/api-reference/events/event-object
    # A transaction's id is unique among those of one subscription.
    System.LAGO: EventSource(
        FieldMap.parse(
            "name=code,external_customer_id=external_customer_id|external_subscription_id,"
            "external_id=external_subscription_id+transaction_id|transaction_id,"
            "timestamp=timestamp,metadata=properties"
        ),
        timestamps=Timestamps.SECONDS,
        dropped=(
            *("lago_id", "lago_customer_id", "lago_subscription_id", "created_at"),
            "precise_total_amount_cents",
        ),
        prepare=_in_event,
    ),
    # https://platform.openai.com/docs/api-reference/usage
    System.OPENAI: EventSource(
        FieldMap.parse(
            "name='openai',external_customer_id=project_id,external_id=id,timestamp=start_time,"
            "metadata=*"
        ),
        timestamps=Timestamps.SECONDS,
        dropped=("object", "end_time", "start_time_iso", "end_time_iso"),
        prepare=_with_id,
        expand=_of_buckets,
        wrappers=(*WRAPPERS, "data"),
    ),
    # https://polar.sh/docs/api-reference/events/list
    System.POLAR: EventSource(),
}
