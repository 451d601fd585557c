"""The HTTP API: a route for each path that `aureon.api.routes` has, in both of its forms."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from aws_cdk import Acknowledgment, RemovalPolicy, Stack, Validations
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from aureon.api.routes import CUSTOMER_SESSION, GREEDY, NO_TOKEN, Route

REQUESTS_PER_SECOND: Final = 1000
BURST_REQUESTS: Final = 2000
# Of each path that needs no token: flooding one takes nothing from callers with a token.
PUBLIC_REQUESTS_PER_SECOND: Final = 50
PUBLIC_BURST_REQUESTS: Final = 100
# What a request was and how it went; nothing of what a caller sent, and no address.
ACCESS_LOG: Final = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "function_milliseconds": "$context.integrationLatency",
    "error": "$context.integrationErrorMessage",
}

# What a caller calls a customer may hold slashes.
EXTERNAL_ID: Final = f"{{{GREEDY}}}"
# All of the portal's paths and methods, OPTIONS too: one function says which there are.
PORTAL: Final = "ANY /v1/customer-portal/{path+}"
# The route of what no other takes, and the function behind it.
DEFAULT: Final = "$default"
FALLBACK: Final = "fallback"


class Api(Construct):
    """An API whose functions check the tokens themselves, so that every error is theirs to say."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        routes: Collection[Route],
        functions: Mapping[str, lambda_.IFunction],
    ) -> None:
        super().__init__(scope, id_)
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="AwsSolutions-APIG4",
                reason="The functions check tokens before anything else, so that what a caller is "
                "told is exact, and an authorizer's cold start is saved.",
            )
        )
        api = gateway.CfnApi(self, "Resource", name="aureon", protocol_type="HTTP")
        handlers = served(routes)
        targets = {
            name: self._target(api, name, functions[name])
            for name in sorted(set(handlers.values()))
        }
        made = {
            key: gateway.CfnRoute(self, key, api_id=api.ref, route_key=key, target=targets[handler])
            for key, handler in handlers.items()
        }
        public = public_keys(routes)
        log = logs.LogGroup(
            self,
            "AccessLog",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        stage = gateway.CfnStage(
            self,
            "Stage",
            api_id=api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=gateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(ACCESS_LOG)
            ),
            default_route_settings=gateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=REQUESTS_PER_SECOND,
                throttling_burst_limit=BURST_REQUESTS,
            ),
            # As CloudFormation hands it on to the gateway, which knows no other form.
            route_settings={
                key: {
                    "ThrottlingRateLimit": PUBLIC_REQUESTS_PER_SECOND,
                    "ThrottlingBurstLimit": PUBLIC_BURST_REQUESTS,
                }
                for key in public
            },
        )
        # The gateway refuses settings of a route that is not there yet.
        for key in public:
            stage.add_resource_dependency(made[key])
        self.id = api.ref
        self.stage = stage.ref
        self.url = api.attr_api_endpoint

    def _target(self, api: gateway.CfnApi, name: str, function: lambda_.IFunction) -> str:
        """Let the API call a function. Returns what its routes name."""
        integration = gateway.CfnIntegration(
            self,
            f"{name} integration",
            api_id=api.ref,
            integration_type="AWS_PROXY",
            integration_uri=function.function_arn,
            payload_format_version="2.0",
        )
        lambda_.CfnPermission(
            self,
            f"{name} permission",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="apigateway.amazonaws.com",
            source_arn=Stack.of(self).format_arn(
                service="execute-api", resource=api.ref, resource_name="*/*"
            ),
        )
        return f"integrations/{integration.ref}"


def served(routes: Iterable[Route]) -> dict[str, str]:
    """The handlers by the keys that the gateway has to know, as ``GET /path``.

    No key may end in a slash, so the form of a path that does is served by a greedy variable
    behind it; what that lets through besides is no path to the function either. HEAD, which is
    rare, and would take a hundred of the 500 resources of a stack, goes to the fallback, as does
    what no key takes. A greedy variable takes all of a path from where it stands, so routes that go
    on behind an external id are one to the gateway. They must be one function's, too: raises
    `ValueError`.
    """
    handlers: dict[str, str] = {DEFAULT: FALLBACK}
    for route in routes:
        if route.scope == CUSTOMER_SESSION:
            handlers[PORTAL] = route.handler
            continue
        for path in _paths(route.path.rstrip("/")):
            key = f"{route.method} {path}"
            if handlers.setdefault(key, route.handler) != route.handler:
                raise ValueError(f"The gateway can't tell what serves {route.path} at {key}.")
    return handlers


def public_keys(routes: Collection[Route]) -> list[str]:
    """The keys behind which a caller without a token keeps a function busy."""
    public = {FALLBACK, *(route.handler for route in routes if route.scope is NO_TOKEN)}
    return [key for key, handler in served(routes).items() if handler in public]


def _paths(path: str) -> Iterator[str]:
    until, external_id, _ = path.partition(EXTERNAL_ID)
    if not path:
        yield "/"
    elif external_id:
        yield f"{until}{external_id[:-1]}+}}"
    else:
        yield from (path, f"{path}/{{rest+}}")
