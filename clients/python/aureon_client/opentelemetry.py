"""Spans of calls to language models, as events.

    provider = TracerProvider()
    exporter = AureonSpanExporter(Client(), "tokens", customer="user.id")
    provider.add_span_processor(BatchSpanProcessor(exporter))

A span with ``gen_ai.usage.input_tokens`` or ``gen_ai.usage.output_tokens`` of OpenTelemetry's
semantic conventions for generative AI becomes one event. Its id is made of the span's, so that it
counts once, however often it is exported.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import format_span_id, format_trace_id

from . import AureonError, Client, Invalid, event, types

MOST_EVENTS: Final = 1_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Attributes of a span, and the keys of metadata that have them.
COPIED: Final = {
    "gen_ai.request.model": "model",
    "gen_ai.response.model": "response_model",
    "gen_ai.operation.name": "operation",
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
}
logger = logging.getLogger("aureon_client")


class AureonSpanExporter(SpanExporter):
    """Exports spans of calls to models as events; other spans are passed over.

    `customer` names the attribute that says who pays, of the span or of its resource; a span
    without it is passed over, and logged. The units are the tokens, in and out. The span's parent,
    and its trace, are in the event's metadata.
    """

    def __init__(self, client: Client, name: str, *, customer: str = "user.id") -> None:
        self._client = client
        self._name = name
        self._customer = customer

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        events = [made for made in map(self._event, spans) if made is not None]
        result = SpanExportResult.SUCCESS
        for start in range(0, len(events), MOST_EVENTS):
            if not self._send(events[start : start + MOST_EVENTS]):
                result = SpanExportResult.FAILURE
        return result

    def _send(self, events: list[types.EventBody]) -> bool:
        try:
            self._client.ingest(events)
        except Invalid as refused:
            # One that is bad must not take the others with it.
            if len(events) > 1:
                sent = [self._send([one]) for one in events]
                return all(sent)
            logger.error("A span was refused: %s. %s", events[0], refused)
            return False
        except AureonError as failure:
            logger.error("%s spans were not exported: %s", len(events), failure)
            return False
        return True

    def _event(self, span: ReadableSpan) -> types.EventBody | None:
        attributes: dict[str, Any] = {**span.resource.attributes, **(span.attributes or {})}
        tokens = [attributes.get(f"gen_ai.usage.{way}_tokens") for way in ("input", "output")]
        if tokens == [None, None] or span.context is None:
            return None
        payer = attributes.get(self._customer)
        if payer is None:
            logger.warning(
                "A span of %s has no %s.", attributes.get("gen_ai.request.model"), self._customer
            )
            return None
        metadata: dict[str, Any] = {
            key: attributes[name] for name, key in COPIED.items() if name in attributes
        }
        provider = attributes.get("gen_ai.provider.name", attributes.get("gen_ai.system"))
        if provider is not None:
            metadata["provider"] = provider
        metadata["trace_id"] = format_trace_id(span.context.trace_id)
        metadata["span_id"] = format_span_id(span.context.span_id)
        if span.parent is not None:
            metadata["parent_span_id"] = format_span_id(span.parent.span_id)
        return event(
            str(payer),
            self._name,
            units=sum(int(count) for count in tokens if count is not None),
            id=f"otel/{metadata['trace_id']}/{metadata['span_id']}",
            metadata=metadata,
            timestamp=EPOCH + timedelta(microseconds=(span.end_time or 0) // 1_000),
        )

    def shutdown(self) -> None:
        """The client is its owner's, who closes it."""
