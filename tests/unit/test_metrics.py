"""Metrics: lines in CloudWatch's embedded format, and none outside of a stack."""

from __future__ import annotations

import json
import time

import pytest

from aureon.core import metrics


def test_a_line_says_what_its_figures_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(metrics.STACK, "Aureon")

    metrics.emit(EventsIn=3, ProjectorLag=1.5)

    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    ((described),) = line["_aws"]["CloudWatchMetrics"]
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    assert described["Namespace"] == "Aureon"
    # Every dimension is a member of the line, and so is every metric.
    assert described["Dimensions"] == [["Stack"]]
    assert line["Stack"] == "Aureon"
    assert described["Metrics"] == [
        {"Name": "EventsIn", "Unit": "Count"},
        {"Name": "ProjectorLag", "Unit": "Seconds"},
    ]
    assert (line["EventsIn"], line["ProjectorLag"]) == ([3], [1.5])


def test_outside_of_a_stack_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(metrics.STACK, raising=False)

    metrics.emit(EventsIn=3)

    assert capsys.readouterr().out == ""


def test_a_metric_that_nobody_knows_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(metrics.STACK, "Aureon")

    with pytest.raises(KeyError):
        metrics.emit(EvensIn=3)
