"""The whole system: read this to see what there is, and its constructs to see how each part is."""

from __future__ import annotations

from typing import Any

from aws_cdk import App, CfnOutput, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from aureon import queue
from aureon.routes import ROUTES
from infra import access
from infra.api import Api
from infra.bundle import Assets
from infra.functions import CONSUMER_TIMEOUT, Functions
from infra.queue_route import QueueRoute
from infra.queues import Queues
from infra.table import Table


class Aureon(Stack):
    """Metering and credits: a table, an ingestion queue, a function for each handler, an API."""

    def __init__(self, scope: Construct, id_: str, *, assets: Assets, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        table = Table(self, "Table")
        queues = Queues(self, "Queues", consumer_timeout=CONSUMER_TIMEOUT)
        functions = Functions(
            self,
            "Functions",
            assets=assets,
            access=access.statements(table_arn=table.arn, queues=queues),
            environment={"AUREON_TABLE": table.name},
        ).by_handler
        functions["dead_letters"].add_environment(queue.INGESTION, queues.ingestion.queue_url)
        functions["dead_letters"].add_environment(queue.DEAD_LETTERS, queues.dead.queue_url)
        queues.deliver_to(functions["consumer"])
        api = Api(self, "Api", routes=ROUTES, functions=functions)
        QueueRoute(
            self,
            "QueueRoute",
            api_id=api.id,
            queue=queues.ingestion,
            authorizer=functions["authorizer"],
        )

        CfnOutput(self, "ApiUrl", value=api.url)
        CfnOutput(self, "TableName", value=table.name)
        CfnOutput(self, "QueueUrl", value=queues.ingestion.queue_url)
        CfnOutput(self, "DeadLetterQueueUrl", value=queues.dead.queue_url)


def checked(app: App) -> App:
    """Let synthesis fail where cdk-nag finds what nobody has given a reason for."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
