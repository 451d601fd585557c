"""What the template says, beyond what cdk-nag and cfn-lint know to ask."""

from __future__ import annotations

import ast
import json
import re
import tarfile
from pathlib import Path

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs

from aureon.api.routes import CUSTOMER_SESSION, NO_TOKEN, ROUTES, Route
from aureon.core import times
from aureon.ledger import messages
from aureon.storage.clients import LONGEST_CALL_SECONDS
from aureon.storage.table import DELETE_AFTER, SCHEMA
from aureon.webhooks import deliveries, endpoints
from infra import api
from infra.bundle import ROOT
from tests.infra.conftest import aws_cdk
from tests.support.template import Synthesized

MAX_GATEWAY_SECONDS = 30


def lint(synthesized: Synthesized) -> list[str]:
    """What cfn-lint finds in a template."""
    found = cfnlint.api.lint(synthesized.text, config=ManualArgs(regions=["us-east-1"]))
    return [str(match) for match in found]


def test_cfn_lint_finds_nothing(synthesized: Synthesized) -> None:
    assert lint(synthesized) == []


def test_the_table_is_the_one_that_the_local_service_creates(synthesized: Synthesized) -> None:
    (table,) = synthesized.of_type("AWS::DynamoDB::Table").values()

    # CloudFormation takes the view of a stream for its being wanted.
    streaming = table["StreamSpecification"] | {"StreamEnabled": True}
    assert {name: table[name] for name in SCHEMA} | {"StreamSpecification": streaming} == SCHEMA


def test_the_data_outlive_a_mistake(synthesized: Synthesized) -> None:
    (table,) = synthesized.of_type("AWS::DynamoDB::Table").values()

    for resource in synthesized.resources.values():
        if resource["Type"] not in ("AWS::DynamoDB::Table", "AWS::SQS::Queue"):
            continue
        # What a failed creation leaves behind nobody would look for.
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_what_says_when_it_may_go_is_deleted(synthesized: Synthesized) -> None:
    (table,) = synthesized.of_type("AWS::DynamoDB::Table").values()

    assert table["TimeToLiveSpecification"] == {"AttributeName": DELETE_AFTER, "Enabled": True}


def test_there_is_a_function_for_each_handler(synthesized: Synthesized) -> None:
    functions = Path(messages.__file__).parents[2]

    assert set(synthesized.functions()) == {path.stem for path in functions.glob("*.py")}


def test_functions_run_where_their_bundle_is_built_for(synthesized: Synthesized) -> None:
    logs = synthesized.of_type("AWS::Logs::LogGroup")
    for function in synthesized.functions().values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        # Each segment of a trace would cost more than the request's own units.
        assert "TracingConfig" not in function
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert function["LoggingConfig"]["SystemLogLevel"] == "WARN"
        assert logs[function["LoggingConfig"]["LogGroup"]["Ref"]]["RetentionInDays"] == 30
        assert len(function["Layers"]) == 2
        variables = function["Environment"]["Variables"]
        assert "AUREON_TABLE" in variables
        assert variables["PYDANTIC_DISABLE_PLUGINS"] == "__all__"


def test_no_function_runs_longer_than_a_deletion_waits(synthesized: Synthesized) -> None:
    for handler, function in synthesized.functions().items():
        # The audit may: nothing that it reads decides on what is written.
        if handler != "nightly_audit":
            assert function["Timeout"] < times.LONGEST_HANDLER.total_seconds()
        # No call is begun that might not end in time: with less, none would ever be.
        assert function["Timeout"] > 2 * LONGEST_CALL_SECONDS
        if handler in {route.handler for route in ROUTES}:
            assert function["Timeout"] < MAX_GATEWAY_SECONDS


def test_a_message_is_hidden_for_six_timeouts_of_its_consumer(synthesized: Synthesized) -> None:
    consumer = synthesized.functions()["consumer"]
    mapping = synthesized.mapping("consumer")
    ingestion = synthesized.of_type("AWS::SQS::Queue")[synthesized.queue_of("consumer")]
    hidden_seconds = ingestion["VisibilityTimeout"]
    deliveries = ingestion["RedrivePolicy"]["maxReceiveCount"]

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumBatchingWindowInSeconds"] > 0
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert hidden_seconds >= 6 * consumer["Timeout"] + mapping["MaximumBatchingWindowInSeconds"]
    # Neither a deletion that is not old enough nor an hour without a database kills a message.
    assert hidden_seconds * (deliveries - 1) > times.LONGEST_HANDLER.total_seconds()
    assert hidden_seconds * (deliveries - 1) >= 3_600


def test_a_webhook_outlasts_an_endpoint_that_fails_until_that_is_disabled(
    synthesized: Synthesized,
) -> None:
    mapping = synthesized.mapping("deliverer")
    jobs = synthesized.of_type("AWS::SQS::Queue")[synthesized.queue_of("deliverer")]
    times_received = jobs["RedrivePolicy"]["maxReceiveCount"] - len(deliveries.PAUSES)

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # Whoever is in a delivery with a slow endpoint waits for it.
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 10
    assert times_received * deliveries.LONGEST_REST > endpoints.DISABLED_AFTER


def test_a_message_dies_into_the_other_queue_and_stays_for_two_weeks(
    synthesized: Synthesized,
) -> None:
    assert synthesized.queue_of("consumer") != synthesized.dead_letters_of("consumer")
    for queue in synthesized.of_type("AWS::SQS::Queue").values():
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
        assert queue["SqsManagedSseEnabled"] is True


def handlers_by_key(synthesized: Synthesized) -> dict[str, str]:
    """The handler behind each key of the gateway's routes, but for the queue's."""
    integrations = synthesized.of_type("AWS::ApiGatewayV2::Integration")
    functions = synthesized.of_type("AWS::Lambda::Function")
    found = {}
    for served in synthesized.of_type("AWS::ApiGatewayV2::Route").values():
        integration = integrations[served["Target"]["Fn::Join"][1][1]["Ref"]]
        if "IntegrationUri" in integration:
            function = functions[integration["IntegrationUri"]["Fn::GetAtt"][0]]
            found[served["RouteKey"]] = function["Handler"].removesuffix(".handler")
    return found


def test_every_route_leads_to_its_function_in_both_forms_and_the_rest_to_the_fallback(
    synthesized: Synthesized,
) -> None:
    wanted = {"$default": "fallback"}
    for route in ROUTES:
        if route.scope == CUSTOMER_SESSION:
            # One for all, since browsers of other origins ask for each with OPTIONS first.
            wanted["ANY /v1/customer-portal/{path+}"] = "portal"
            continue
        path = route.path.rstrip("/")
        forms = [path, f"{path}/{{rest+}}"] if path else ["/"]
        if "{external_id}" in path:
            # Greedy: with all the slashes that come, and what a route goes on with behind the id.
            forms = [path.partition("{external_id}")[0] + "{external_id+}"]
        wanted |= {f"{route.method} {form}": route.handler for form in forms}

    assert handlers_by_key(synthesized) == wanted


# What an HTTP API takes as a part of a route's path; a slash at the end is a part too many.
PART = re.compile(r"(\{[\w.:-]+\+?\}|[a-zA-Z0-9.:_-]+)")


def test_every_key_of_a_route_is_one_that_the_gateway_takes(synthesized: Synthesized) -> None:
    for served in synthesized.of_type("AWS::ApiGatewayV2::Route").values():
        method, _, path = served["RouteKey"].partition(" ")
        if method != "$default" and path != "/":
            assert all(map(PART.fullmatch, path.removeprefix("/").split("/"))), path
            assert method in ("ANY", "GET", "POST", "PATCH", "PUT", "DELETE")


@pytest.mark.parametrize("slash", ["", "/{rest+}"])
def test_the_queue_is_sent_to_by_the_gateway_as_the_authorizer_says(
    synthesized: Synthesized, slash: str
) -> None:
    routes = synthesized.of_type("AWS::ApiGatewayV2::Route").values()
    (route,) = [one for one in routes if one["RouteKey"] == f"POST /v1/events/queue{slash}"]
    sending = synthesized.of_type("AWS::ApiGatewayV2::Integration")[
        route["Target"]["Fn::Join"][1][1]["Ref"]
    ]
    asked = synthesized.of_type("AWS::ApiGatewayV2::Authorizer")[route["AuthorizerId"]["Ref"]]

    assert route["AuthorizationType"] == "CUSTOM"
    assert '"authorizer.handler"' in json.dumps(
        [
            function["Handler"]
            for name, function in synthesized.of_type("AWS::Lambda::Function").items()
            if name in json.dumps(asked["AuthorizerUri"])
        ]
    )
    assert asked["EnableSimpleResponses"] is True
    assert asked["IdentitySource"] == ["$request.header.Authorization"]
    # An answer that was kept would give its Idempotency-Key to the next request.
    assert asked["AuthorizerResultTtlInSeconds"] == 0
    assert sending["IntegrationSubtype"] == "SQS-SendMessage"
    assert sending["RequestParameters"]["QueueUrl"]["Ref"] == synthesized.queue_of("consumer")
    assert sending["RequestParameters"]["MessageBody"] == "$request.body"
    assert json.loads(sending["RequestParameters"]["MessageAttributes"]) == {
        name: {"DataType": "String", "StringValue": f"${{context.authorizer.{name}}}"}
        for name in ("organization_id", "request_key", "may_grant")
    }
    assert sending["ResponseParameters"] == {
        "200": {"ResponseParameters": [{"Destination": "overwrite:statuscode", "Source": "202"}]}
    }


def test_the_gateway_may_send_to_the_ingestion_queue_and_nothing_else(
    synthesized: Synthesized,
) -> None:
    (role,) = [
        role
        for role in synthesized.of_type("AWS::IAM::Role").values()
        if "apigateway.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])
    ]
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"]["Fn::GetAtt"][0] == synthesized.queue_of("consumer")


def test_constructs_take_what_they_are_made_of_by_name() -> None:
    for path in Path(api.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                assert [argument.arg for argument in node.args.args] in (
                    ["self", "scope", "id_"],
                    ["self"],
                ), path


def test_routes_that_the_gateway_cannot_tell_apart_are_refused() -> None:
    routes = [
        Route("GET", "/v1/customers/external/{external_id}", "customers", "one", NO_TOKEN),
        Route("GET", "/v1/customers/external/{external_id}/state", "balances", "two", NO_TOKEN),
    ]

    with pytest.raises(ValueError, match="state"):
        api.served(routes)


def test_the_api_is_throttled_and_logs_no_personal_data(synthesized: Synthesized) -> None:
    (stage,) = synthesized.of_type("AWS::ApiGatewayV2::Stage").values()
    logged = json.loads(stage["AccessLogSettings"]["Format"])

    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
    assert "$context.requestId" in logged.values()
    # Metrics of each route are paid for one by one.
    assert "DetailedMetricsEnabled" not in stage["DefaultRouteSettings"]
    # A path may hold an external id, and an address is a person's.
    assert not {"$context.path", "$context.identity.sourceIp"} & set(logged.values())


def test_what_needs_no_token_is_throttled_by_itself(synthesized: Synthesized) -> None:
    ((name, stage),) = synthesized.of_type("AWS::ApiGatewayV2::Stage").items()
    made = synthesized.of_type("AWS::ApiGatewayV2::Route")
    keys = set(api.public_keys(ROUTES))
    public = {name: key for name, route in made.items() if (key := route["RouteKey"]) in keys}

    # What no route takes costs a call of a function, too.
    assert {"GET /", "GET /health", "GET /openapi.json", api.DEFAULT} <= keys
    assert not [key for key in keys if "/v1/" in key]
    assert set(stage["RouteSettings"]) == set(public.values())
    for throttle in stage["RouteSettings"].values():
        for limit, of_all in throttle.items():
            assert 0 < of_all < stage["DefaultRouteSettings"][limit]
    # The gateway refuses settings of a route that is not there yet.
    assert set(public) <= set(synthesized.resources[name]["DependsOn"])


def test_the_app_has_the_flags_that_the_cdk_recommends() -> None:
    """Among them the one without which a changed layer makes no new version of a function."""
    library = Path(aws_cdk.__file__).parent / "_jsii"
    with tarfile.open(next(library.glob("aws-cdk-lib@*.tgz"))) as archive:
        file = archive.extractfile("package/recommended-feature-flags.json")
        assert file
        recommended = json.load(file)
    kept = json.loads((ROOT / "cdk.json").read_text())["context"]

    assert recommended["@aws-cdk/aws-lambda:recognizeLayerVersion"] is True
    assert {name: kept.get(name) for name in recommended} == recommended
