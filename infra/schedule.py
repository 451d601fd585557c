"""What is done by the clock: an audit of every organization each night, and a sweep."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

# In UTC. An audit reads the whole log: at a time when others read little.
AUDIT_HOUR: Final = 3
# How late what follows balances may follow where credits expire and nobody writes.
SWEEP_EVERY: Final = Duration.minutes(5)


class NightlyAudit(Construct):
    """The schedule, and the function that it calls."""

    def __init__(self, scope: Construct, id_: str, *, auditor: lambda_.IFunction) -> None:
        super().__init__(scope, id_)
        events.Rule(
            self,
            "Schedule",
            schedule=events.Schedule.cron(hour=str(AUDIT_HOUR), minute="0"),
            targets=[targets.LambdaFunction(auditor)],
        )


class Sweep(Construct):
    """The schedule, and the function that it calls."""

    def __init__(self, scope: Construct, id_: str, *, sweeper: lambda_.IFunction) -> None:
        super().__init__(scope, id_)
        events.Rule(
            self,
            "Schedule",
            schedule=events.Schedule.rate(SWEEP_EVERY),
            targets=[targets.LambdaFunction(sweeper)],
        )
