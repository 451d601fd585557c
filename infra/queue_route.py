"""``POST /v1/events/queue``: the gateway sends to the queue itself, while no function is awake
but the one that checks tokens.
"""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import Aws, Stack
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from aureon.access.admission import ATTRIBUTES
from aureon.api.routes import QUEUE_ROUTE

# The integration passes a body on without looking at it, and so does the answer: SQS's own.
ACCEPTED: Final = 202


class QueueRoute(Construct):
    """The route in both of its forms, its authorizer, and the role that sends."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        api_id: str,
        queue: sqs.IQueue,
        authorizer: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, id_)
        sending = iam.Role(
            self,
            "Role",
            # The gateway acts for every account: it may have this role for this one's APIs only.
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
            assumed_by=iam.ServicePrincipal(
                "apigateway.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            inline_policies={
                "send": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=["sqs:SendMessage"], resources=[queue.queue_arn]
                        )
                    ]
                )
            },
        )
        integration = gateway.CfnIntegration(
            self,
            "Integration",
            api_id=api_id,
            integration_type="AWS_PROXY",
            integration_subtype="SQS-SendMessage",
            payload_format_version="1.0",
            credentials_arn=sending.role_arn,
            request_parameters={
                "QueueUrl": queue.queue_url,
                "MessageBody": "$request.body",
                "MessageAttributes": json.dumps({name: _told(name) for name in ATTRIBUTES}),
            },
            response_parameters={
                "200": {
                    "ResponseParameters": [
                        {"Destination": "overwrite:statuscode", "Source": str(ACCEPTED)}
                    ]
                }
            },
        )
        asked = gateway.CfnAuthorizer(
            self,
            "Authorizer",
            api_id=api_id,
            name="token",
            authorizer_type="REQUEST",
            authorizer_uri=_invocation(self, authorizer),
            authorizer_payload_format_version="2.0",
            enable_simple_responses=True,
            identity_source=["$request.header.Authorization"],
            # Its answer is one request's: the next may have another Idempotency-Key.
            authorizer_result_ttl_in_seconds=0,
        )
        lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=authorizer.function_arn,
            principal="apigateway.amazonaws.com",
            source_arn=Stack.of(self).format_arn(
                service="execute-api",
                resource=api_id,
                resource_name=f"authorizers/{asked.ref}",
            ),
        )
        for path in (QUEUE_ROUTE.path, f"{QUEUE_ROUTE.path}/{{rest+}}"):
            key = f"{QUEUE_ROUTE.method} {path}"
            gateway.CfnRoute(
                self,
                key,
                api_id=api_id,
                route_key=key,
                target=f"integrations/{integration.ref}",
                authorization_type="CUSTOM",
                authorizer_id=asked.ref,
            )


def _told(name: str) -> dict[str, str]:
    """An attribute with what the authorizer says, which is never the caller's own text."""
    return {"DataType": "String", "StringValue": f"${{context.authorizer.{name}}}"}


def _invocation(scope: Construct, function: lambda_.IFunction) -> str:
    """The address under which a gateway calls a function."""
    arn: str = Stack.of(scope).format_arn(
        service="apigateway",
        account="lambda",
        resource="path",
        resource_name=f"2015-03-31/functions/{function.function_arn}/invocations",
    )
    return arn
