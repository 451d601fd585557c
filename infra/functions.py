"""The functions: one for each handler, each with a role, and a log of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.bundle import Assets

# The gateway waits 30 s for an answer; a call to the database takes up to 11 s of it.
API_TIMEOUT: Final = Duration.seconds(29)
CONSUMER_TIMEOUT: Final = Duration.seconds(60)
# Not measured yet: a function's share of a core grows with its memory.
MEMORY_MEGABYTES: Final = 1024
LOG_RETENTION: Final = logs.RetentionDays.ONE_MONTH


class Functions(Construct):
    """The handlers' functions, by the name of the handler's module."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        assets: Assets,
        environment: Mapping[str, str],
        access: Mapping[str, Sequence[iam.PolicyStatement]],
    ) -> None:
        super().__init__(scope, id_)
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="Lambda's own tracing: X-Ray has no resource that a segment is put into.",
            ),
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="Python 3.13 is what the locked dependencies are built and tested for.",
            ),
        )
        layers = [
            self._layer("Dependencies", assets.dependencies),
            self._layer("Package", assets.package),
        ]
        self.by_handler = {
            handler: self._function(handler, folder, layers, environment, access[handler])
            for handler, folder in assets.handlers.items()
        }

    def _layer(self, id_: str, folder: object) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            id_,
            code=lambda_.Code.from_asset(str(folder)),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def _function(
        self,
        handler: str,
        folder: object,
        layers: Sequence[lambda_.LayerVersion],
        environment: Mapping[str, str],
        access: Sequence[iam.PolicyStatement],
    ) -> lambda_.Function:
        id_ = handler.title().replace("_", "")
        log = logs.LogGroup(
            self, f"{id_}Log", retention=LOG_RETENTION, removal_policy=RemovalPolicy.DESTROY
        )
        writing = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.log_group_arn]
        )
        role = iam.Role(
            self,
            f"{id_}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"access": iam.PolicyDocument(statements=[writing, *access])},
        )
        return lambda_.Function(
            self,
            id_,
            code=lambda_.Code.from_asset(str(folder)),
            handler=f"{handler}.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            memory_size=MEMORY_MEGABYTES,
            timeout=CONSUMER_TIMEOUT if handler == "consumer" else API_TIMEOUT,
            layers=list(layers),
            environment=dict(environment),
            role=role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
        )
