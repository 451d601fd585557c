"""The table: its shape is `aureon.table.SCHEMA`, the one that the local service creates too."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from aureon.table import SCHEMA, STREAM_VIEW


class Table(Construct):
    """One table, on demand, with point-in-time recovery, that outlives the stack.

    It is encrypted under DynamoDB's own key, which costs nothing.
    """

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        table = dynamodb.CfnTable(
            self,
            "Resource",
            key_schema=[],
            deletion_protection_enabled=True,
            point_in_time_recovery_specification={"pointInTimeRecoveryEnabled": True},
        )
        # CloudFormation calls everything in it what CreateTable does, and takes the view of a
        # stream for its being wanted.
        for name, value in SCHEMA.items():
            table.add_property_override(name, value)
        table.add_property_override("StreamSpecification", {"StreamViewType": STREAM_VIEW})
        table.apply_removal_policy(RemovalPolicy.RETAIN)
        self.name = table.ref
        self.arn = table.attr_arn
        self.stream_arn = table.attr_stream_arn
