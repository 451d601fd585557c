"""What is watched: a dashboard, and alarms that tell a topic, on plain metrics wherever they do.

Whatever a caller meets shows at the API, so that its functions need no alarms of their own; those
that nobody waits for have some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from aureon.core import metrics

PERIOD: Final = Duration.minutes(5)
# How much of what is asked may fail, and how long an answer may take.
MAX_FAILED_SHARE: Final = 0.01
MAX_P99_MILLISECONDS: Final = 3_000
# How long something may wait: for a consumer, for a backfill, for the nightly audit, for the
# projector.
MAX_AGE_SECONDS: Final[Mapping[str, int]] = {
    "ingestion": 600,
    "backfill": 7_200,
    "audit": 43_200,
    # A webhook is tried for two days; what is older is not even tried.
    "webhooks": 3 * 86_400,
}
MAX_EVALUATION_AGE_SECONDS: Final = 60
MAX_PROJECTION_AGE_SECONDS: Final = 600
# How long a meter may count its past: with many customers it takes hours.
MAX_BACKFILL_SECONDS: Final = 6 * 3_600
# The audit is begun once a night, and may take some time.
AUDIT_HOURS: Final = 26

GREATER: Final = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD

_Metrics = Sequence[cloudwatch.IMetric]


class Monitoring(Construct):
    """The topic, its alarms, and the dashboard.

    `workers` are the functions that no caller waits for. `queues` are what they work off, and
    `dead` where what failed ends, each by a name. `stack_name` is the dimension of Aureon's own
    metrics.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stack_name: str,
        api_id: str,
        table_name: str,
        functions: Mapping[str, lambda_.IFunction],
        workers: Iterable[str],
        queues: Mapping[str, sqs.IQueue],
        dead: Mapping[str, sqs.IQueue],
        email: str | None,
    ) -> None:
        super().__init__(scope, id_)
        self._stack_name = stack_name
        self._api = {"ApiId": api_id}
        self._table = {"TableName": table_name}
        self.topic = self._topic(email)
        self._watch_api()
        self._alarm(
            "functions throttled",
            # Of all functions at once, which share what the account may run at the same time: one
            # alarm rather than one for each that a caller waits for.
            _metric("AWS/Lambda", "Throttles", {}, "Sum"),
            0,
            "Lambda turns calls away, of this stack or of another in the account and region: "
            "docs/limits.md says what to do.",
            periods=3,
        )
        for name in workers:
            self._watch_worker(name, functions[name])
        for name, queue in queues.items():
            self._alarm(
                f"{name} waits",
                _of_queue(queue, "ApproximateAgeOfOldestMessage", "Maximum"),
                MAX_AGE_SECONDS[name],
                f"A message of the queue {name} waits for too long: look at its function's errors.",
                periods=3,
            )
        for name, queue in dead.items():
            self._alarm(
                f"{name} dead letters",
                _arrivals(queue),
                0,
                "Something failed for good: docs/queue.md says what to do with dead letters.",
            )
        self._alarm(
            "audit not begun",
            _of_function(functions["nightly_audit"], "AsyncEventsDropped", "Sum"),
            0,
            "Lambda gave up calling the nightly audit: look at its errors and throttles.",
        )
        self._alarm(
            "audit missing",
            self._of_aureon("AuditedLedgers", "SampleCount", period=Duration.hours(1)),
            1,
            f"No audit has run for {AUDIT_HOURS} hours, or none yet after the first deployment.",
            periods=AUDIT_HOURS,
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            # No figure is what this looks for.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._alarm(
            "ledgers skipped",
            self._of_aureon("AuditSkippedLedgers", "Sum"),
            0,
            "The nightly audit could not compare a ledger: its log says which and why.",
        )
        self._alarm(
            "backfill behind",
            self._of_aureon("BackfillLag", "Maximum"),
            MAX_BACKFILL_SECONDS,
            "A meter has not counted its past for hours: look at the backfill's errors.",
        )
        self._alarm(
            "projector behind",
            _of_function(functions["projector"], "IteratorAge", "Maximum"),
            MAX_PROJECTION_AGE_SECONDS * 1000,
            "Lists and quantities are behind: look at the projector's errors.",
            periods=3,
        )
        self._alarm(
            "evaluator behind",
            _of_function(functions["evaluator"], "IteratorAge", "Maximum"),
            MAX_EVALUATION_AGE_SECONDS * 1000,
            "Alerts and webhooks are behind: look at the evaluator's errors.",
            periods=3,
        )
        self._alarm(
            "webhook endpoint disabled",
            self._of_aureon("WebhookEndpointsDisabled", "Sum"),
            0,
            "An endpoint failed for three days, or said that it is gone: docs/webhooks.md.",
        )
        for kind in ("Read", "Write"):
            self._alarm(
                f"table {kind.lower()} throttled",
                self._of_table(f"{kind}ThrottleEvents"),
                0,
                "A partition is asked for more than it takes: docs/limits.md says what to do.",
                periods=3,
            )
        self._alarm(
            "balances differ",
            self._of_aureon("AuditDifferences", "Sum"),
            0,
            "A balance is not the sum over the log: run aureon audit, and find out why.",
        )
        self._alarm(
            "projection differs",
            self._of_aureon("AuditProjectionDifferences", "Sum"),
            0,
            "What lists and quantities show is not what the log says: run aureon rebuild.",
        )
        self._dashboard(functions, queues, dead)

    def _topic(self, email: str | None) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if email is not None:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _watch_api(self) -> None:
        self._alarm(
            "requests fail",
            # An average of ones and zeros: the share of the requests.
            self._of_api("5xx", "Average"),
            MAX_FAILED_SHARE,
            "Requests fail, or functions are throttled: look for their request ids in the logs.",
            periods=3,
        )
        self._alarm(
            "answers are slow",
            self._of_api("Latency", "p99"),
            MAX_P99_MILLISECONDS,
            "One request in a hundred takes too long.",
            periods=3,
        )

    def _watch_worker(self, name: str, function: lambda_.IFunction) -> None:
        for metric in ("Errors", "Throttles"):
            self._alarm(
                f"{name} {metric.lower()}",
                _of_function(function, metric, "Sum"),
                0,
                f"The function {name} has {metric.lower()}: nobody waits for it, look at its log.",
                periods=3,
            )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        periods: int = 1,
        comparison: cloudwatch.ComparisonOperator = GREATER,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        """Tell the topic when a metric is past its threshold for so many periods."""
        alarm = cloudwatch.Alarm(
            self,
            name.title().replace("_", "").replace(" ", ""),
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
            alarm_description=description,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _dashboard(
        self,
        functions: Mapping[str, lambda_.IFunction],
        queues: Mapping[str, sqs.IQueue],
        dead: Mapping[str, sqs.IQueue],
    ) -> None:
        board = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.days(1))
        board.add_widgets(
            _graph(
                "Events",
                [
                    self._of_aureon(name, "Sum")
                    for name in ("EventsIn", "Duplicates", "Conflicts", "Warnings")
                ],
            ),
            _graph("Refused spends", [self._of_aureon("RefusedSpends", "Sum")]),
            _graph("Requests", [self._of_api(name, "Sum") for name in ("Count", "4xx", "5xx")]),
            _graph(
                "Latency in milliseconds",
                [self._of_api("Latency", statistic) for statistic in ("p50", "p99")],
            ),
        )
        board.add_widgets(
            _graph("Errors", _of_functions(functions, "Errors", "Sum")),
            _graph("Throttles", _of_functions(functions, "Throttles", "Sum")),
            _graph("Duration in milliseconds, p99", _of_functions(functions, "Duration", "p99")),
            _graph("At once", _of_functions(functions, "ConcurrentExecutions", "Maximum")),
        )
        board.add_widgets(
            _graph(
                "Oldest message, in seconds",
                [
                    _of_queue(queue, "ApproximateAgeOfOldestMessage", "Maximum", label=name)
                    for name, queue in queues.items()
                ],
            ),
            _graph(
                "Dead letters",
                [
                    _of_queue(queue, "ApproximateNumberOfMessagesVisible", "Maximum", label=name)
                    for name, queue in dead.items()
                ],
            ),
            _graph(
                "Endpoints of webhooks disabled",
                [self._of_aureon("WebhookEndpointsDisabled", "Sum")],
            ),
            _graph(
                "Behind, in seconds",
                [
                    self._of_aureon(name, "Maximum")
                    for name in ("ProjectorLag", "EvaluatorLag", "BackfillLag")
                ],
            ),
            _graph(
                "Nightly audit",
                [
                    self._of_aureon(name, "Sum")
                    for name in (
                        "AuditedLedgers",
                        "AuditSkippedLedgers",
                        "AuditDifferences",
                        "AuditProjectionDifferences",
                    )
                ],
            ),
        )
        board.add_widgets(
            _graph(
                "Units of the table",
                [self._of_table(f"Consumed{kind}CapacityUnits") for kind in ("Read", "Write")],
            ),
            _graph(
                "Throttled by the table",
                [self._of_table(f"{kind}ThrottleEvents") for kind in ("Read", "Write")],
            ),
            _graph("Transactions in conflict", [self._of_table("TransactionConflict")]),
        )

    def _of_aureon(
        self, name: str, statistic: str, *, period: Duration = PERIOD
    ) -> cloudwatch.Metric:
        dimensions = {metrics.DIMENSION: self._stack_name}
        return _metric(metrics.NAMESPACE, name, dimensions, statistic, period=period)

    def _of_api(self, name: str, statistic: str) -> cloudwatch.Metric:
        return _metric("AWS/ApiGateway", name, self._api, statistic)

    def _of_table(self, name: str) -> cloudwatch.Metric:
        return _metric("AWS/DynamoDB", name, self._table, "Sum")


def _of_function(
    function: lambda_.IFunction, name: str, statistic: str, *, label: str | None = None
) -> cloudwatch.Metric:
    return function.metric(name, statistic=statistic, period=PERIOD, label=label)


def _of_functions(
    functions: Mapping[str, lambda_.IFunction], name: str, statistic: str
) -> _Metrics:
    return [
        _of_function(function, name, statistic, label=handler)
        for handler, function in functions.items()
    ]


def _of_queue(
    queue: sqs.IQueue, name: str, statistic: str, *, label: str | None = None
) -> cloudwatch.Metric:
    return queue.metric(name, statistic=statistic, period=PERIOD, label=label)


def _arrivals(queue: sqs.IQueue) -> cloudwatch.MathExpression:
    """By how many messages a queue has grown: an alarm on it ends, and speaks again for the next.

    SQS counts no messages that it moves itself. Averages, since one that is looked at goes from
    visible to not visible, and their sum must not change.
    """
    return cloudwatch.MathExpression(
        expression="DIFF(FILL(visible, 0) + FILL(hidden, 0))",
        using_metrics={
            "visible": _of_queue(queue, "ApproximateNumberOfMessagesVisible", "Average"),
            "hidden": _of_queue(queue, "ApproximateNumberOfMessagesNotVisible", "Average"),
        },
        period=PERIOD,
    )


def _metric(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    *,
    period: Duration = PERIOD,
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=period,
    )


def _graph(title: str, shown: _Metrics) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(shown), width=6)
