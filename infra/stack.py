"""The whole system: read this to see its parts, and its constructs to see how each is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Annotations, App, CfnOutput, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from aureon.api.routes import QUEUE_ROUTE, ROUTES
from aureon.audit import nightly
from aureon.core.metrics import STACK
from aureon.meters.backfills import QUEUE
from aureon.storage import queue
from aureon.webhooks import dispatch
from infra import access
from infra.api import FALLBACK, Api
from infra.bundle import ROOT, Assets
from infra.domain import Domain
from infra.functions import Functions, timeout
from infra.monitoring import Monitoring
from infra.queue_route import QueueRoute
from infra.queues import WorkQueue
from infra.schedule import NightlyAudit, Sweep
from infra.settings import Settings
from infra.streams import Projection, Watching
from infra.table import Table

ASSET_METADATA: Final = "aws:cdk:enable-asset-metadata"


class Aureon(Stack):
    """Metering and credits: a table, queues, a function for each handler, an API."""

    def __init__(
        self, scope: Construct, id_: str, *, assets: Assets, settings: Settings, **options: Any
    ) -> None:
        super().__init__(
            scope,
            id_,
            stack_name=settings.stack_name,
            termination_protection=settings.protected,
            **options,
        )
        if not assets.compiled:
            Annotations.of(self).add_warning_v2(
                "aureon:bytecode", "The functions have no bytecode: cold starts take twice as long."
            )
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
            # Far enough apart for messages to outlast an hour without a database.
            max_deliveries=12,
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
        webhooks = WorkQueue(
            self,
            "Webhooks",
            worker_timeout=timeout("deliverer"),
            # A delivery that has to wait, for its pause or for an endpoint that rests, is received
            # again after it: as often as SQS allows, until the endpoint is disabled.
            max_deliveries=1_000,
            batch_messages=1,
            batching_seconds=0,
            max_workers=20,
        )
        watching = Watching(self, "Watching", stream_arn=table.stream_arn)
        projection = Projection(
            self, "Projection", stream_arn=table.stream_arn, seconds=settings.projection_seconds
        )
        made = Functions(
            self,
            "Functions",
            assets=assets,
            access=access.statements(
                table_arn=table.arn,
                ingestion=ingestion,
                backfill=backfill,
                audits=audits,
                webhooks=webhooks,
                projection=projection,
                watching=watching,
            ),
            environment={"AUREON_TABLE": table.name, STACK: self.stack_name},
            extra_environment={
                "dead_letters": {
                    queue.INGESTION: ingestion.queue.queue_url,
                    queue.DEAD_LETTERS: ingestion.dead.queue_url,
                },
                "nightly_audit": {nightly.QUEUE: audits.queue.queue_url},
                "sweep": {queue.DEAD_LETTERS: ingestion.dead.queue_url},
                **{
                    handler: {dispatch.QUEUE: webhooks.queue.queue_url}
                    for handler in ("deliverer", "evaluator", "webhooks")
                },
                **{
                    handler: {QUEUE: backfill.queue.queue_url}
                    for handler in access.ASKS_FOR_BACKFILLS
                },
            },
            snap_start=settings.snap_start,
            tracing=settings.tracing,
            reserved_concurrency=(
                {"ingest": settings.ingest_concurrency} if settings.ingest_concurrency else {}
            ),
        )
        functions = made.called
        made.let_forward(FALLBACK, {route.handler for route in ROUTES} - {FALLBACK})
        ingestion.deliver_to(functions["consumer"])
        backfill.deliver_to(functions["backfill"])
        audits.deliver_to(functions["nightly_audit"])
        webhooks.deliver_to(functions["deliverer"])
        projection.deliver_to(functions["projector"])
        watching.deliver_to(functions["evaluator"])
        NightlyAudit(self, "NightlyAudit", auditor=functions["nightly_audit"])
        Sweep(self, "Sweep", sweeper=functions["sweep"])
        api = Api(self, "Api", routes=ROUTES, functions=functions)
        QueueRoute(
            self,
            "QueueRoute",
            api_id=api.id,
            queue=ingestion.queue,
            authorizer=functions[QUEUE_ROUTE.handler],
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            stack_name=self.stack_name,
            api_id=api.id,
            table_name=table.name,
            functions=functions,
            workers=(
                "authorizer",
                "backfill",
                "consumer",
                "deliverer",
                "evaluator",
                "nightly_audit",
                "projector",
                "sweep",
            ),
            queues={
                "ingestion": ingestion.queue,
                "backfill": backfill.queue,
                "audit": audits.queue,
                "webhooks": webhooks.queue,
            },
            dead={
                "ingestion": ingestion.dead,
                "backfill": backfill.dead,
                "audit": audits.dead,
                "webhooks": webhooks.dead,
                "projection": projection.failed,
                "evaluation": watching.failed,
            },
            email=settings.alarm_email,
        )
        if settings.alarm_email is None:
            Annotations.of(self).add_warning_v2(
                "aureon:alarm-email",
                "Nobody is told of alarms: deploy with -c alarm_email=you@example.com, or "
                "subscribe to the topic AlarmTopic.",
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
        CfnOutput(self, "AlarmTopic", value=monitoring.topic.topic_arn)
        CfnOutput(self, "TableName", value=table.name)
        CfnOutput(self, "QueueUrl", value=ingestion.queue.queue_url)
        CfnOutput(self, "DeadLetterQueueUrl", value=ingestion.dead.queue_url)


def new_app(outdir: str, context: Mapping[str, Any] | None = None) -> App:
    """An app with the context of `cdk.json`, as cdk's own command has it, and more.

    Its synthesis fails where cdk-nag finds what nobody has given a reason for.
    """
    kept = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(outdir=outdir, context={**kept, **(context or {})}, analytics_reporting=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
