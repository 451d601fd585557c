"""The stream's mappings: what they deliver, and what becomes of a delivery that fails."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from aureon.storage.table import STREAM_FILTER, WATCH_FILTERS, is_inserted_page, is_watched
from tests.support.template import Synthesized

READERS = {"projector": (STREAM_FILTER,), "evaluator": WATCH_FILTERS}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_is_woken_by_what_it_is_for_alone(synthesized: Synthesized, reader: str) -> None:
    mapping = synthesized.mapping(reader)
    patterns = [json.loads(found["Pattern"]) for found in mapping["FilterCriteria"]["Filters"]]
    (table,) = synthesized.of_type("AWS::DynamoDB::Table")

    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [table, "StreamArn"]}
    assert patterns == list(READERS[reader])


def matches(pattern: Any, found: Any) -> bool:
    """Whether Lambda lets pass what it finds, by a pattern or a part of one."""
    if isinstance(pattern, Mapping):
        return isinstance(found, Mapping) and all(
            matches(part, found.get(name)) for name, part in pattern.items()
        )
    return any(
        (found is not None) == rule["exists"] if isinstance(rule, Mapping) else found == rule
        for rule in pattern
    )


IMAGES: Sequence[dict[str, Any]] = (
    {"sk": {"S": "CUSTOMER"}, "created_at": {"S": "2026-01-01"}},
    {"sk": {"S": "CUSTOMER"}, "spread": {"BOOL": True}},
    {"sk": {"S": "METER#a#1#0"}, "created_at": {"S": "2026-01-01"}},
    {"sk": {"S": "METER#a#1#0"}, "watched": {"BOOL": True}},
    {"sk": {"S": "METER#a#1#0"}, "watched": {"BOOL": False}},
    {"sk": {"S": "EVENT"}, "outbox": {"BOOL": True}},
    {"sk": {"S": "METER#a"}, "rollout": {"S": "step"}},
    {"sk": {"S": "page"}, "last": {"N": "3"}},
)


@pytest.mark.parametrize("name", ["INSERT", "MODIFY"])
@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_the_filters_and_what_stands_for_them_here_agree(name: str, image: dict[str, Any]) -> None:
    """The local service and the tests ask functions in the place of Lambda's filters."""
    record = {"eventName": name, "dynamodb": {"Keys": {"sk": image["sk"]}, "NewImage": image}}

    assert is_watched(record) == any(matches(pattern, record) for pattern in WATCH_FILTERS)
    assert is_inserted_page(record) == matches(STREAM_FILTER, record)


@pytest.mark.parametrize("reader", READERS)
def test_a_delivery_that_fails_is_split_and_given_up_in_the_end(
    synthesized: Synthesized, reader: str
) -> None:
    mapping = synthesized.mapping(reader)
    destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]

    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 0 < mapping["MaximumRetryAttempts"] < 1_000
    assert synthesized.resources[destination]["Type"] == "AWS::SQS::Queue"


@pytest.mark.parametrize(("reader", "seconds"), [("projector", 60), ("evaluator", 0)])
def test_nothing_that_is_in_the_stream_is_skipped(
    synthesized: Synthesized, reader: str, seconds: int
) -> None:
    mapping = synthesized.mapping(reader)

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    # Looking is behind by no more than this where nothing else holds it up.
    assert mapping["MaximumBatchingWindowInSeconds"] <= seconds
