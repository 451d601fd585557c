"""The table: its shape is `aureon.storage.table.SCHEMA`, as in the local service."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from aureon.storage.table import DELETE_AFTER, SCHEMA, STREAM_VIEW
from infra.settings import Settings


class Table(Construct):
    """One table, on demand, with point-in-time recovery, that outlives the stack.

    A stack that could not be created takes it along, unless it is protected from deletion. It is
    encrypted under DynamoDB's own key, which costs nothing. Where the settings name one that
    is there, none is made: the one before is let go of, and stays.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings) -> None:
        super().__init__(scope, id_)
        if settings.table and settings.stream:
            self.name = settings.table
            self.arn = Stack.of(self).format_arn(
                service="dynamodb", resource="table", resource_name=settings.table
            )
            self.stream_arn = settings.stream
        else:
            self._make(protected=settings.protected)

    def _make(self, *, protected: bool) -> None:
        table = dynamodb.CfnTable(
            self,
            "Resource",
            key_schema=[],
            deletion_protection_enabled=protected,
            time_to_live_specification={"attributeName": DELETE_AFTER, "enabled": True},
            point_in_time_recovery_specification={"pointInTimeRecoveryEnabled": True},
        )
        # CloudFormation calls everything in it what CreateTable does, and takes the view of a
        # stream for its being wanted.
        for name, value in SCHEMA.items():
            table.add_property_override(name, value)
        table.add_property_override("StreamSpecification", {"StreamViewType": STREAM_VIEW})
        table.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self.name = table.ref
        self.arn = table.attr_arn
        self.stream_arn = table.attr_stream_arn
