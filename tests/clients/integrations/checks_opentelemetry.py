"""Spans of calls to models become events: once each, with their parents."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import format_span_id, format_trace_id

from aureon_client import Client
from aureon_client.opentelemetry import AureonSpanExporter
from tests.clients.shop import Shop

GENERATION: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 4,
}


def test_spans_become_events_once(shop: Shop) -> None:
    exported: list[ReadableSpan] = []

    class Kept(AureonSpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            exported.extend(spans)
            return super().export(spans)

    exporter = Kept(shop.client, shop.tokens)
    provider = TracerProvider(resource=Resource({"user.id": shop.user}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("agent") as parent:
        for _ in range(3):
            with tracer.start_as_current_span("chat", attributes=GENERATION):
                pass
    provider.shutdown()
    assert exporter.export(exported) is SpanExportResult.SUCCESS

    assert shop.used == 45
    listed = shop.client.events.list(external_customer_id=shop.user, name=shop.tokens)["items"]
    events = [event for event in listed if event["metadata"]["units"] > 0]
    assert len(events) == 3
    context = parent.get_span_context()
    for event in events:
        assert (
            event["metadata"].items()
            >= {
                "units": 15,
                "model": "gpt-4o-mini",
                "provider": "openai",
                "operation": "chat",
                "input_tokens": 11,
                "output_tokens": 4,
                "trace_id": format_trace_id(context.trace_id),
                "parent_span_id": format_span_id(context.span_id),
            }.items()
        )
        assert event["external_id"] == (
            f"otel/{event['metadata']['trace_id']}/{event['metadata']['span_id']}"
        )


def spans(*attributes: dict[str, Any]) -> list[ReadableSpan]:
    tracer = TracerProvider().get_tracer("tests")
    made: list[Any] = []
    for each in attributes:
        span = tracer.start_span("chat", attributes={**GENERATION, **each})
        span.end()
        made.append(span)
    return made


def test_a_span_that_is_refused_takes_no_other_with_it(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    exporter = AureonSpanExporter(shop.client, shop.tokens)
    good, bad = {"user.id": shop.user}, {"user.id": "x" * 300}
    assert exporter.export(spans(good, bad, {}, good)) is SpanExportResult.FAILURE
    assert shop.used == 30
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


def test_a_service_that_is_away_is_a_failure(shop: Shop) -> None:
    with Client("aureon_oat_any", "http://127.0.0.1:9", deadline_seconds=0.1) as away:
        exporter = AureonSpanExporter(away, shop.tokens)
        assert exporter.export(spans({"user.id": shop.user})) is SpanExportResult.FAILURE
