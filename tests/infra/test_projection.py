"""The stream's mapping: what it delivers, and what becomes of a delivery that fails."""

from __future__ import annotations

import json

from aureon.storage.table import STREAM_FILTER
from tests.support.template import Synthesized


def test_only_inserted_pages_wake_the_projector(synthesized: Synthesized) -> None:
    mapping = synthesized.mapping("projector")
    (pattern,) = mapping["FilterCriteria"]["Filters"]
    (table,) = synthesized.of_type("AWS::DynamoDB::Table")

    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [table, "StreamArn"]}
    assert json.loads(pattern["Pattern"]) == STREAM_FILTER


def test_a_delivery_that_fails_is_split_and_given_up_in_the_end(synthesized: Synthesized) -> None:
    mapping = synthesized.mapping("projector")
    destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]

    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 0 < mapping["MaximumRetryAttempts"] < 1_000
    assert synthesized.resources[destination]["Type"] == "AWS::SQS::Queue"


def test_nothing_that_is_in_the_stream_is_skipped(synthesized: Synthesized) -> None:
    mapping = synthesized.mapping("projector")

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    # Looking is behind by no more than a minute where nothing else holds it up.
    assert mapping["MaximumBatchingWindowInSeconds"] <= 60
