"""What is watched: alarms on plain metrics, that somebody is told of; and the nightly audit."""

from __future__ import annotations

import json

from aureon import metrics
from aureon.routes import ROUTES
from tests.infra.conftest import Properties, Synthesized


def alarms(synthesized: Synthesized) -> list[Properties]:
    return list(synthesized.of_type("AWS::CloudWatch::Alarm").values())


def watched(synthesized: Synthesized, metric: str, statistic: str) -> list[Properties]:
    return [
        {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions", ())}
        for alarm in alarms(synthesized)
        if alarm["MetricName"] == metric
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
        assert alarm["TreatMissingData"] == "notBreaching"


def test_no_alarm_computes(synthesized: Synthesized) -> None:
    assert alarms(synthesized)
    for alarm in alarms(synthesized):
        assert "Metrics" not in alarm
        assert alarm["MetricName"]


def test_whatever_a_caller_meets_raises_an_alarm_at_the_api(synthesized: Synthesized) -> None:
    (api,) = synthesized.of_type("AWS::ApiGatewayV2::Api")

    # The average of an error that happens or does not is the share of those that do.
    assert watched(synthesized, "5xx", "Average") == [{"ApiId": {"Ref": api}}]
    assert watched(synthesized, "Latency", "p99") == [{"ApiId": {"Ref": api}}]


def test_a_function_that_nobody_waits_for_raises_its_own(synthesized: Synthesized) -> None:
    awaited = {route.handler for route in ROUTES}

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
        if alarm["MetricName"] == "Throttles" and not alarm.get("Dimensions")
    ]

    assert (alarm["Namespace"], alarm["Statistic"]) == ("AWS/Lambda", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def test_every_queue_is_watched_for_what_waits_or_has_died(synthesized: Synthesized) -> None:
    queues = synthesized.of_type("AWS::SQS::Queue")
    worked = {name for name, queue in queues.items() if "RedrivePolicy" in queue}

    def named(metric: str) -> set[str]:
        found = watched(synthesized, metric, "Maximum")
        return {dimensions["QueueName"]["Fn::GetAtt"][0] for dimensions in found}

    assert named("ApproximateAgeOfOldestMessage") == worked
    assert named("ApproximateNumberOfMessagesVisible") == set(queues) - worked


def test_what_the_audit_finds_to_differ_raises_an_alarm(synthesized: Synthesized) -> None:
    for metric in ("AuditDifferences", "AuditProjectionDifferences"):
        assert watched(synthesized, metric, "Sum") == [{"Stack": "Aureon"}]


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
    (rule,) = synthesized.of_type("AWS::Events::Rule").values()
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
