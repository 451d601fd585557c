"""The whole system: read this to see what there is, and its constructs to see how each part is."""

from __future__ import annotations

from typing import Any

from aws_cdk import App, CfnOutput, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from aureon import queue
from aureon.backfill import QUEUE
from aureon.routes import QUEUE_ROUTE, ROUTES
from infra import access
from infra.api import Api
from infra.bundle import Assets
from infra.domain import Domain
from infra.functions import Functions, timeout
from infra.projection import Projection
from infra.queue_route import QueueRoute
from infra.queues import WorkQueue
from infra.settings import Settings
from infra.table import Table


class Aureon(Stack):
    """Metering and credits: a table, queues, a function for each handler, an API."""

    def __init__(
        self, scope: Construct, id_: str, *, assets: Assets, settings: Settings, **options: Any
    ) -> None:
        super().__init__(scope, id_, **options)
        table = Table(self, "Table")
        ingestion = WorkQueue(
            self,
            "Ingestion",
            worker_timeout=timeout("consumer"),
            max_deliveries=5,
            batch_messages=50,
            batching_seconds=2,
            max_workers=10,
        )
        backfill = WorkQueue(
            self,
            "Backfill",
            worker_timeout=timeout("backfill"),
            max_deliveries=10,
            batch_messages=1,
            batching_seconds=0,
            max_workers=5,
        )
        projection = Projection(self, "Projection", stream_arn=table.stream_arn)
        functions = Functions(
            self,
            "Functions",
            assets=assets,
            access=access.statements(
                table_arn=table.arn,
                ingestion=ingestion,
                backfill=backfill,
                projection=projection,
            ),
            environment={"AUREON_TABLE": table.name},
            more={
                "dead_letters": {
                    queue.INGESTION: ingestion.queue.queue_url,
                    queue.DEAD_LETTERS: ingestion.dead.queue_url,
                },
                **{
                    handler: {QUEUE: backfill.queue.queue_url}
                    for handler in access.ASKS_FOR_BACKFILLS
                },
            },
            snap_start=settings.snap_start,
        ).called
        ingestion.deliver_to(functions["consumer"])
        backfill.deliver_to(functions["backfill"])
        projection.deliver_to(functions["projector"])
        api = Api(self, "Api", routes=ROUTES, functions=functions)
        QueueRoute(
            self,
            "QueueRoute",
            api_id=api.id,
            queue=ingestion.queue,
            authorizer=functions[QUEUE_ROUTE.handler],
        )
        if settings.domain and settings.certificate:
            domain = Domain(
                self,
                "Domain",
                name=settings.domain,
                certificate_arn=settings.certificate,
                api_id=api.id,
                stage=api.stage,
            )
            CfnOutput(self, "DomainTarget", value=domain.target)
        CfnOutput(self, "ApiUrl", value=api.url)
        CfnOutput(self, "TableName", value=table.name)
        CfnOutput(self, "QueueUrl", value=ingestion.queue.queue_url)
        CfnOutput(self, "DeadLetterQueueUrl", value=ingestion.dead.queue_url)


def checked(app: App) -> App:
    """Let synthesis fail where cdk-nag finds what nobody has given a reason for."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
