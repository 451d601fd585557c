"""What is monitored: alarms that somebody is told of; and the nightly audit."""

from __future__ import annotations

import json

import pytest

from aureon.api.routes import ROUTES
from aureon.core import metrics
from tests.support.template import Properties, Synthesized


def alarms(synthesized: Synthesized) -> list[Properties]:
    return list(synthesized.of_type("AWS::CloudWatch::Alarm").values())


def watched(synthesized: Synthesized, metric: str, statistic: str) -> list[Properties]:
    return [
        {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions", ())}
        for alarm in alarms(synthesized)
        if alarm.get("MetricName") == metric
        and statistic in (alarm.get("Statistic"), alarm.get("ExtendedStatistic"))
    ]


def handlers(synthesized: Synthesized, dimensions: list[Properties]) -> set[str]:
    functions = synthesized.of_type("AWS::Lambda::Function")
    return {
        functions[found["FunctionName"]["Ref"]]["Handler"].partition(".")[0]
        for found in dimensions
        if found
    }


def test_every_alarm_tells_the_topic_and_says_what_is_wrong(synthesized: Synthesized) -> None:
    (topic,) = synthesized.of_type("AWS::SNS::Topic")

    for alarm in alarms(synthesized):
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert len(alarm["AlarmDescription"]) > 20
        # The audit's sign of life is missed; of anything else no figure is good news.
        heartbeat = alarm.get("MetricName") == "AuditedLedgers"
        assert alarm["TreatMissingData"] == ("breaching" if heartbeat else "notBreaching")


def test_a_night_without_an_audit_raises_an_alarm(synthesized: Synthesized) -> None:
    (alarm,) = [one for one in alarms(synthesized) if one.get("MetricName") == "AuditedLedgers"]

    assert (alarm["Statistic"], alarm["ComparisonOperator"]) == ("SampleCount", "LessThanThreshold")
    assert alarm["Threshold"] == 1
    hours = alarm["Period"] * alarm["EvaluationPeriods"] / 3_600
    # A bit more than from one night's audit to the next, and no more than CloudWatch looks back.
    assert 24 < hours < 48
    assert "DatapointsToAlarm" not in alarm


def test_each_new_dead_letter_raises_an_alarm_again(synthesized: Synthesized) -> None:
    """An alarm on how many there are would stay on, and say nothing of the next."""
    computed = [alarm for alarm in alarms(synthesized) if "Metrics" in alarm]
    queues = synthesized.of_type("AWS::SQS::Queue")
    dead = {name for name, queue in queues.items() if "RedrivePolicy" not in queue}

    found = set()
    for alarm in computed:
        (expression,) = [one for one in alarm["Metrics"] if "Expression" in one]
        parts = {one["Id"]: one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one}
        assert expression["Expression"] == "DIFF(FILL(visible, 0) + FILL(hidden, 0))"
        # A letter that is looked at goes from one to the other: neither a new one nor one less.
        assert {part["Metric"]["MetricName"] for part in parts.values()} == {
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
        }
        assert {part["Stat"] for part in parts.values()} == {"Average"}
        assert (alarm["EvaluationPeriods"], alarm["Threshold"]) == (1, 0)
        ((queue,),) = {
            tuple(one["Value"]["Fn::GetAtt"][0] for one in part["Metric"]["Dimensions"])
            for part in parts.values()
        }
        found.add(queue)
    assert found == dead


def test_whatever_a_caller_meets_raises_an_alarm_at_the_api(synthesized: Synthesized) -> None:
    (api,) = synthesized.of_type("AWS::ApiGatewayV2::Api")

    # The average of an error that happens or does not is the share of those that do.
    assert watched(synthesized, "5xx", "Average") == [{"ApiId": {"Ref": api}}]
    assert watched(synthesized, "Latency", "p99") == [{"ApiId": {"Ref": api}}]


def test_a_function_that_nobody_waits_for_raises_its_own(synthesized: Synthesized) -> None:
    awaited = {"fallback", *(route.handler for route in ROUTES)}

    for metric in ("Errors", "Throttles"):
        found = handlers(synthesized, watched(synthesized, metric, "Sum"))
        assert found == set(synthesized.functions()) - awaited


def test_functions_that_a_caller_waits_for_are_throttled_with_an_alarm(
    synthesized: Synthesized,
) -> None:
    """Without a dimension it is the sum over all functions, whose number costs nothing then."""
    (alarm,) = [
        alarm
        for alarm in alarms(synthesized)
        if alarm.get("MetricName") == "Throttles" and not alarm.get("Dimensions")
    ]

    assert (alarm["Namespace"], alarm["Statistic"]) == ("AWS/Lambda", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_every_queue_is_monitored_for_what_waits(synthesized: Synthesized) -> None:
    queues = synthesized.of_type("AWS::SQS::Queue")
    worked = {name for name, queue in queues.items() if "RedrivePolicy" in queue}

    found = watched(synthesized, "ApproximateAgeOfOldestMessage", "Maximum")
    assert {dimensions["QueueName"]["Fn::GetAtt"][0] for dimensions in found} == worked


@pytest.mark.parametrize(
    ("metric", "statistic"),
    [
        ("AuditDifferences", "Sum"),
        ("AuditProjectionDifferences", "Sum"),
        ("AuditSkippedLedgers", "Sum"),
        ("BackfillLag", "Maximum"),
    ],
)
def test_what_the_audit_and_the_backfill_tell_raises_an_alarm(
    synthesized: Synthesized, metric: str, statistic: str
) -> None:
    assert watched(synthesized, metric, statistic) == [{"Stack": "Aureon"}]


def test_a_call_that_lambda_gives_up_raises_an_alarm(synthesized: Synthesized) -> None:
    """The schedule's call waits for no answer, and is forgotten after some tries."""
    dropped = watched(synthesized, "AsyncEventsDropped", "Sum")

    assert handlers(synthesized, dropped) == {"nightly_audit"}


def test_aureons_own_metrics_are_those_that_functions_tell(synthesized: Synthesized) -> None:
    (board,) = synthesized.of_type("AWS::CloudWatch::Dashboard").values()
    body = "".join(part for part in board["DashboardBody"]["Fn::Join"][1] if type(part) is str)

    for name in metrics.UNITS:
        assert f'["{metrics.NAMESPACE}","{name}","Stack","Aureon"' in body, name
    for function in synthesized.functions().values():
        assert function["Environment"]["Variables"][metrics.STACK] == "Aureon"


def test_cloudwatch_may_tell_the_topic_and_nobody_without_tls(synthesized: Synthesized) -> None:
    (policy,) = synthesized.of_type("AWS::SNS::TopicPolicy").values()
    allowed = {
        (statement["Effect"], json.dumps(statement["Principal"], sort_keys=True))
        for statement in policy["PolicyDocument"]["Statement"]
    }

    assert ("Allow", '{"Service": "cloudwatch.amazonaws.com"}') in allowed
    assert ("Deny", '"*"') in allowed or ("Deny", '{"AWS": "*"}') in allowed


def test_the_audit_runs_every_night_and_may_go_on_in_another_invocation(
    synthesized: Synthesized,
) -> None:
    (rule,) = [
        rule
        for rule in synthesized.of_type("AWS::Events::Rule").values()
        if rule["ScheduleExpression"].startswith("cron")
    ]
    functions = synthesized.of_type("AWS::Lambda::Function")
    (target,) = rule["Targets"]
    auditor = functions[target["Arn"]["Fn::GetAtt"][0]]

    assert rule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert rule["State"] == "ENABLED"
    assert auditor["Handler"] == "nightly_audit.handler"
    # Lambda would stop what feeds itself after some rounds.
    feeding = {
        handler
        for handler, function in synthesized.functions().items()
        if function.get("RecursiveLoop") == "Allow"
    }
    assert feeding == {"backfill", "nightly_audit"}


def test_alarms_go_to_an_address_only_where_one_is_given(synthesized: Synthesized) -> None:
    assert not synthesized.of_type("AWS::SNS::Subscription")
