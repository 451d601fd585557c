"""The whole system: read this to see what there is, and its constructs to see how each part is."""

from __future__ import annotations

from typing import Any, Final

from aws_cdk import App, CfnOutput, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from aureon import nightly, queue
from aureon.backfill import QUEUE
from aureon.metrics import STACK
from aureon.routes import QUEUE_ROUTE, ROUTES
from infra import access
from infra.api import Api
from infra.bundle import Assets
from infra.domain import Domain
from infra.functions import Functions, timeout
from infra.projection import Projection
from infra.queue_route import QueueRoute
from infra.queues import WorkQueue
from infra.schedule import NightlyAudit
from infra.settings import Settings
from infra.table import Table
from infra.watching import Watching

ASSET_METADATA: Final = "aws:cdk:enable-asset-metadata"


class Aureon(Stack):
    """Metering and credits: a table, queues, a function for each handler, an API."""

    def __init__(
        self, scope: Construct, id_: str, *, assets: Assets, settings: Settings, **options: Any
    ) -> None:
        super().__init__(scope, id_, **options)
        # A function depends on its role and on the role's policy: the CDK writes both down, though
        # the function names the role already.
        self.template_options.metadata = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
        # Where a function's code lies is written beside it, as the CDK's own command has it: SAM
        # runs a function only where it finds that.
        self.node.set_context(ASSET_METADATA, True)
        table = Table(self, "Table", settings=settings)
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
        audits = WorkQueue(
            self,
            "Audits",
            worker_timeout=timeout("nightly_audit"),
            max_deliveries=3,
            batch_messages=1,
            batching_seconds=0,
            max_workers=2,
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
                audits=audits,
                projection=projection,
            ),
            environment={"AUREON_TABLE": table.name, STACK: self.stack_name},
            more={
                "dead_letters": {
                    queue.INGESTION: ingestion.queue.queue_url,
                    queue.DEAD_LETTERS: ingestion.dead.queue_url,
                },
                "nightly_audit": {nightly.QUEUE: audits.queue.queue_url},
                **{
                    handler: {QUEUE: backfill.queue.queue_url}
                    for handler in access.ASKS_FOR_BACKFILLS
                },
            },
            snap_start=settings.snap_start,
        ).called
        ingestion.deliver_to(functions["consumer"])
        backfill.deliver_to(functions["backfill"])
        audits.deliver_to(functions["nightly_audit"])
        projection.deliver_to(functions["projector"])
        NightlyAudit(self, "NightlyAudit", auditor=functions["nightly_audit"])
        api = Api(self, "Api", routes=ROUTES, functions=functions)
        QueueRoute(
            self,
            "QueueRoute",
            api_id=api.id,
            queue=ingestion.queue,
            authorizer=functions[QUEUE_ROUTE.handler],
        )
        watching = Watching(
            self,
            "Watching",
            stack_name=self.stack_name,
            api_id=api.id,
            table_name=table.name,
            functions=functions,
            workers=("authorizer", "backfill", "consumer", "nightly_audit", "projector"),
            queues={
                "ingestion": ingestion.queue,
                "backfill": backfill.queue,
                "audit": audits.queue,
            },
            dead={
                "ingestion": ingestion.dead,
                "backfill": backfill.dead,
                "audit": audits.dead,
                "projection": projection.failed,
            },
            email=settings.alarm_email,
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
        CfnOutput(self, "AlarmTopic", value=watching.topic.topic_arn)
        CfnOutput(self, "TableName", value=table.name)
        CfnOutput(self, "QueueUrl", value=ingestion.queue.queue_url)
        CfnOutput(self, "DeadLetterQueueUrl", value=ingestion.dead.queue_url)


def checked(app: App) -> App:
    """Let synthesis fail where cdk-nag finds what nobody has given a reason for."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
