"""What the template says, beyond what cdk-nag and cfn-lint know to ask."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs

from aureon import messages, times
from aureon.routes import QUEUE_ROUTE, ROUTES, Route
from aureon.store import LONGEST_CALL_SECONDS
from aureon.table import DELETE_AFTER, SCHEMA
from infra import api
from tests.infra.conftest import Synthesized

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
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_what_says_when_it_may_go_is_deleted(synthesized: Synthesized) -> None:
    (table,) = synthesized.of_type("AWS::DynamoDB::Table").values()

    assert table["TimeToLiveSpecification"] == {"AttributeName": DELETE_AFTER, "Enabled": True}


def test_there_is_a_function_for_each_handler(synthesized: Synthesized) -> None:
    functions = Path(messages.__file__).parents[1]

    assert set(synthesized.functions()) == {path.stem for path in functions.glob("*.py")}


def test_functions_run_where_their_bundle_is_built_for(synthesized: Synthesized) -> None:
    logs = synthesized.of_type("AWS::Logs::LogGroup")
    for function in synthesized.functions().values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert logs[function["LoggingConfig"]["LogGroup"]["Ref"]]["RetentionInDays"] == 30
        assert len(function["Layers"]) == 2
        assert "AUREON_TABLE" in function["Environment"]["Variables"]


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
    # A message that waits for a deletion to be old enough doesn't die of it.
    assert hidden_seconds * (deliveries - 1) > times.LONGEST_HANDLER.total_seconds()


def test_a_message_dies_into_the_other_queue_and_stays_for_two_weeks(
    synthesized: Synthesized,
) -> None:
    assert synthesized.queue_of("consumer") != synthesized.dead_letters_of("consumer")
    for queue in synthesized.of_type("AWS::SQS::Queue").values():
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
        assert queue["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_leads_to_its_function_in_both_forms(
    synthesized: Synthesized, route: tuple[str, str, str]
) -> None:
    method, path, handler = route
    path = path.rstrip("/")
    forms = {f"{method} {path}", f"{method} {path}/"} if path else {f"{method} /"}
    if "{external_id}" in path:
        # Greedy: with all the slashes that come, and what a route goes on with behind the id.
        until = path.partition("{external_id}")[0]
        forms = {f"{method} {until}{{external_id+}}"}
    integrations = synthesized.of_type("AWS::ApiGatewayV2::Integration")
    functions = synthesized.of_type("AWS::Lambda::Function")
    found = {}
    for served in synthesized.of_type("AWS::ApiGatewayV2::Route").values():
        if served["RouteKey"] in forms:
            integration = integrations[served["Target"]["Fn::Join"][1][1]["Ref"]]
            function = functions[integration["IntegrationUri"]["Fn::GetAtt"][0]]
            found[served["RouteKey"]] = function["Handler"]

    assert found == dict.fromkeys(forms, f"{handler}.handler")


def test_the_api_serves_nothing_else(synthesized: Synthesized) -> None:
    served = {
        route["RouteKey"] for route in synthesized.of_type("AWS::ApiGatewayV2::Route").values()
    }

    plain = [route for route in (*ROUTES, QUEUE_ROUTE) if "{external_id}" not in route.path]
    assert len(served) == 2 * len(plain) - len(("GET /",)) + len(("GET", "PATCH", "DELETE"))
    assert not [key for key in served if "$default" in key or "proxy" in key]


@pytest.mark.parametrize("slash", ["", "/"])
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
        for name in ("organization_id", "request_key")
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
        Route("GET", "/v1/customers/external/{external_id}", "customers"),
        Route("GET", "/v1/customers/external/{external_id}/state", "balances"),
    ]

    with pytest.raises(ValueError, match="state"):
        api.served(routes)


def test_the_api_is_throttled_and_logs_no_personal_data(synthesized: Synthesized) -> None:
    (stage,) = synthesized.of_type("AWS::ApiGatewayV2::Stage").values()
    logged = json.loads(stage["AccessLogSettings"]["Format"])

    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
    assert "$context.requestId" in logged.values()
    # A path may hold an external id, and an address is a person's.
    assert not {"$context.path", "$context.identity.sourceIp"} & set(logged.values())
