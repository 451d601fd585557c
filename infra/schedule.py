"""What is done every night: an audit of every organization."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

# In UTC. An audit reads the whole log: at a time when others read little.
AUDIT_HOUR: Final = 3


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
