"""The functions: one for each handler, each with a role, and a log of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from aureon.storage.functions import FUNCTIONS
from infra import bundle
from infra.bundle import Assets

# The gateway waits 30 s for an answer, and 10 s for an authorizer's. A call to the database takes
# up to 11 s, and none is begun that might not end in time: the authorizer too needs more than
# that, though nobody waits for so long.
API_TIMEOUT: Final = Duration.seconds(29)
TIMEOUTS: Final[Mapping[str, Duration]] = {
    "backfill": Duration.seconds(150),
    "consumer": Duration.seconds(60),
    # An attempt takes ten seconds, and what is noted of it as long as a call may.
    "deliverer": Duration.seconds(60),
    "evaluator": Duration.seconds(120),
    # As long as Lambda allows: it writes nothing that another handler goes by.
    "nightly_audit": Duration.minutes(15),
    "projector": Duration.seconds(120),
    "sweep": Duration.seconds(120),
}
# What sends to the queue that it is fed by, to go on in another invocation: Lambda takes that for
# a loop, and stops it after about 16 rounds unless told otherwise.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
SELF_REQUEUING: Final = frozenset({"backfill", "nightly_audit"})
# A function's share of a core grows with its memory: `make memory` says what a request takes and
# costs by it, and docs/deploy.md why it is this.
MEMORY_MEGABYTES: Final = 1024
LOG_RETENTION: Final = logs.RetentionDays.ONE_MONTH


def timeout(handler: str) -> Duration:
    """How long the function of this handler may run."""
    return TIMEOUTS.get(handler, API_TIMEOUT)


class Functions(Construct):
    """The handlers' functions, by the name of the handler's module.

    `environment` has variables for all of them, `extra_environment` those of some, and
    `reserved_concurrency` how many executions of the account are kept for one. With `snap_start` a
    function starts from a snapshot, which only a published version has; `called` is what others
    call, the version or the function itself.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        assets: Assets,
        environment: Mapping[str, str],
        extra_environment: Mapping[str, Mapping[str, str]],
        access: Mapping[str, Sequence[iam.PolicyStatement]],
        snap_start: bool,
        tracing: bool,
        reserved_concurrency: Mapping[str, int],
    ) -> None:
        super().__init__(scope, id_)
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="Only everything can be named to list streams, and to put segments into "
                "X-Ray where tracing is asked for.",
            ),
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="Python 3.13 is what the locked dependencies are built and tested for.",
            ),
            Acknowledgment(
                id="Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",
                reason="A version is published, and called by its alias.",
            ),
        )
        self._layers = [
            self._layer("Dependencies", assets.dependencies),
            self._layer("Package", assets.package),
        ]
        self._snap_start = snap_start
        self._tracing = tracing
        self._reserved_concurrency = reserved_concurrency
        self.by_handler = {
            handler: self._function(
                handler,
                folder,
                {**bundle.ENVIRONMENT, **environment, **extra_environment.get(handler, {})},
                access[handler],
            )
            for handler, folder in assets.handlers.items()
        }
        self.called: dict[str, lambda_.IFunction] = {
            handler: self._live(handler, function) if snap_start else function
            for handler, function in self.by_handler.items()
        }

    def _layer(self, id_: str, folder: Path) -> lambda_.LayerVersion:
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
        folder: Path,
        environment: Mapping[str, str],
        access: Sequence[iam.PolicyStatement],
    ) -> lambda_.Function:
        id_ = _id(handler)
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
            timeout=timeout(handler),
            layers=self._layers,
            environment=dict(environment),
            role=role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            # Lambda's own lines say nothing of a request that Aureon's don't.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE if self._tracing else None,
            reserved_concurrent_executions=self._reserved_concurrency.get(handler),
            recursive_loop=lambda_.RecursiveLoop.ALLOW if handler in SELF_REQUEUING else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if self._snap_start else None,
        )

    def let_forward(self, forwarder: str, handlers: Collection[str]) -> None:
        """Let a function call others, and know them by their handlers."""
        called = {handler: self.called[handler].function_arn for handler in sorted(handlers)}
        function = self.by_handler[forwarder]
        function.add_environment(FUNCTIONS, Stack.of(self).to_json_string(called))
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[*called.values()])
        )

    def _live(self, handler: str, function: lambda_.Function) -> lambda_.Alias:
        return lambda_.Alias(
            self, f"{_id(handler)}Live", alias_name="live", version=function.current_version
        )


def _id(handler: str) -> str:
    return handler.title().replace("_", "")
