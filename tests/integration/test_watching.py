"""What the handlers tell of themselves: metrics, and logs that name nobody."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from aureon.core import metrics
from tests.support.deliveries import deliver, message
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.projected import project_all

PERSONAL = ("jane", "user_123", "call-1", "secret plan")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Sums the metrics that were told since the last call."""
    monkeypatch.setenv(metrics.STACK, "Test")

    def sums() -> Counter[str]:
        told: Counter[str] = Counter()
        for text in capsys.readouterr().out.splitlines():
            line = json.loads(text)
            (described,) = line["_aws"]["CloudWatchMetrics"]
            for metric in described["Metrics"]:
                told[metric["Name"]] += sum(line[metric["Name"]])
        return told

    yield sums


def test_events_are_measured_however_they_come(api: Api, measured: Any) -> None:
    api.meter()
    api.ingest(usage(1, external_id="call-1"), usage(2))
    assert measured() == {"EventsIn": 2, "Duplicates": 0, "Conflicts": 0}

    api.ingest(usage(1, external_id="call-1"))
    assert measured() == {"EventsIn": 1, "Duplicates": 1, "Conflicts": 0}

    other = message(api.organization_id, usage(7, external_id="call-1"), usage(3))
    assert deliver(other) == set()
    assert measured() == {"EventsIn": 2, "Duplicates": 1, "Conflicts": 1}


def test_a_string_where_a_number_is_meant_is_measured_however_it_comes(
    api: Api, measured: Any
) -> None:
    api.meter()
    wrong: Any = "7"
    api.ingest(usage(1), usage(wrong), usage(wrong))
    assert measured()["Warnings"] == 2

    assert deliver(message(api.organization_id, usage(wrong))) == set()
    assert measured()["Warnings"] == 1


def test_a_refused_request_is_no_event(api: Api, measured: Any) -> None:
    assert api.ingest({"name": "api_usage", "customer_id": "nobody"}).status == 422
    refused = message(api.organization_id, {"name": "api_usage", "customer_id": "nobody"})
    assert deliver(refused) == {refused.id}

    assert not measured().total()


def test_a_spend_that_is_refused_is_measured(api: Api, measured: Any) -> None:
    api.meter()
    api.customer("jane@example.com", external_id="user_123")
    measured()

    assert api.post("/v1/credits/spend", usage(1)).status == 402
    assert measured() == {"RefusedSpends": 1}

    api.ingest(usage(-1))
    measured()
    assert api.post("/v1/credits/spend", usage(1)).status == 200
    assert not measured()["RefusedSpends"]


def test_the_projector_tells_how_far_it_is_behind(api: Api, measured: Any) -> None:
    api.ingest(usage(1))
    measured()

    project_all(api.store)

    assert measured()["ProjectorLag"] >= 0


def test_no_log_names_a_customer_or_holds_a_token(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="aureon")
    api.meter()
    api.customer("jane@example.com", external_id="user_123", name="Jane Doe")
    taken = {"email": "other@example.com", "external_id": "user_123"}
    assert api.post("/v1/customers/", taken).status == 422
    api.ingest(usage(1, external_id="call-1", metadata={"units": 1, "note": "secret plan"}))
    api.ingest(usage(1, external_id="call-1", metadata={"units": "secret plan"}))
    api.get("/v1/customers/", query="jane")
    api.get("/v1/customers/external/user_123/state")
    api.get("/v1/events/", external_customer_id="user_123")
    api.post("/v1/credits/spend", usage(5))
    bad = message(api.organization_id, {"name": "secret plan", "customer_id": "user_123"})
    assert deliver(bad) == {bad.id}
    project_all(api.store)

    own = [vars(record) for record in caplog.records if record.name == "aureon"]
    assert {line["message"] for line in own} >= {"request", "message failed"}
    for line in own:
        written = json.dumps(line, default=str).lower()
        assert not [text for text in (*PERSONAL, str(api.token)) if text in written], line
    for line in own:
        if line["message"] == "request":
            assert line["organization_id"] == api.organization_id
            assert line["request_id"]
