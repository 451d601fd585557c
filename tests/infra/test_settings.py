"""What may be chosen at deployment, and what that makes of the template."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aureon.core.metrics import STACK
from infra import bundle
from infra.bundle import Assets
from infra.settings import Settings, WrongSetting
from tests.infra.conftest import aws_cdk
from tests.infra.test_template import lint
from tests.support.template import Synthesized, synthesize

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/1"

RESTORED = "arn:aws:dynamodb:us-east-1:000000000000:table/restored"
# By what a resource is one of a kind in an account and region.
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
STREAM = f"{RESTORED}/stream/2026-11-24T12:00:00.000"


@pytest.fixture(scope="module")
def chosen(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack with everything that is optional."""
    settings = Settings(
        snap_start=True,
        domain="usage.example.com",
        certificate=CERTIFICATE,
        alarm_email="alarms@example.com",
        stack_name="Staging",
        protected=False,
        tracing=True,
        ingest_concurrency=100,
    )
    return synthesize(assets, settings, tmp_path_factory.mktemp("chosen"))


def of_context(**context: Any) -> Settings:
    return Settings.from_context(aws_cdk.App(context=context).node)


def test_all_that_is_optional_is_off() -> None:
    assert of_context() == Settings()


def test_settings_come_from_the_command_line_as_strings() -> None:
    assert of_context(snap_start="true").snap_start
    assert not of_context(snap_start="false").snap_start
    assert not of_context(protected="false").protected
    assert of_context(ingest_concurrency="100").ingest_concurrency == 100
    assert of_context(projection_seconds="5").projection_seconds == 5
    assert of_context(domain="a.example.com", certificate=CERTIFICATE).domain == "a.example.com"


@pytest.mark.parametrize(
    "context",
    [
        {"snap_start": "yes"},
        {"protected": "1"},
        {"ingest_concurrency": "0"},
        {"ingest_concurrency": "many"},
        {"projection_seconds": "61"},
        {"domain": "a.example.com"},
        {"certificate": CERTIFICATE},
        {"table": "restored"},
        {"stream": STREAM},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(context: dict[str, str]) -> None:
    with pytest.raises(WrongSetting):
        of_context(**context)


def test_cfn_lint_finds_nothing_in_what_was_chosen(chosen: Synthesized) -> None:
    assert lint(chosen) == []


def test_no_function_starts_from_a_snapshot_by_default(synthesized: Synthesized) -> None:
    assert not [one for one in synthesized.functions().values() if "SnapStart" in one]
    assert not synthesized.of_type("AWS::Lambda::Version")


def test_with_snapshots_everybody_calls_the_published_version(chosen: Synthesized) -> None:
    functions = chosen.functions()
    aliases = set(chosen.of_type("AWS::Lambda::Alias"))

    assert len(aliases) == len(functions)
    for function in functions.values():
        assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    integrations = chosen.of_type("AWS::ApiGatewayV2::Integration").values()
    called = {one["IntegrationUri"]["Ref"] for one in integrations if "IntegrationUri" in one}
    permitted = {
        one["FunctionName"]["Ref"] for one in chosen.of_type("AWS::Lambda::Permission").values()
    }
    assert called <= permitted <= aliases
    for mapping in chosen.of_type("AWS::Lambda::EventSourceMapping").values():
        assert [alias for alias in aliases if f'"{alias}"' in json.dumps(mapping["FunctionName"])]


def test_a_domain_leads_to_the_api(chosen: Synthesized, synthesized: Synthesized) -> None:
    (domain,) = chosen.of_type("AWS::ApiGatewayV2::DomainName").values()
    (mapping,) = chosen.of_type("AWS::ApiGatewayV2::ApiMapping").values()
    (terms,) = domain["DomainNameConfigurations"]

    assert domain["DomainName"] == "usage.example.com"
    assert terms["CertificateArn"] == CERTIFICATE
    assert terms["SecurityPolicy"] == "TLS_1_2"
    assert mapping["ApiId"]["Ref"] in chosen.of_type("AWS::ApiGatewayV2::Api")
    assert not synthesized.of_type("AWS::ApiGatewayV2::DomainName")


def test_alarms_are_mailed_where_an_address_is_given(chosen: Synthesized) -> None:
    (subscription,) = chosen.of_type("AWS::SNS::Subscription").values()

    assert subscription["Protocol"] == "email"
    assert subscription["Endpoint"] == "alarms@example.com"


def test_a_table_that_was_restored_takes_the_place_of_the_stacks_own(
    assets: Assets, synthesized: Synthesized, tmp_path: Path
) -> None:
    """Everything that named the stack's own names it, and its stream, and the old one is let go."""
    settings = Settings(table="restored", stream=STREAM)

    stack = synthesize(assets, settings, tmp_path)

    assert not stack.of_type("AWS::DynamoDB::Table")
    for name, function in stack.functions().items():
        variables = function.get("Environment", {}).get("Variables", {})
        assert variables.get("AUREON_TABLE", "restored") == "restored", name
    assert stack.functions()["ingest"]["Environment"]["Variables"]["AUREON_TABLE"] == "restored"
    assert stack.mapping("projector")["EventSourceArn"] == STREAM
    # What a function may do is said of the one table, in full: nothing else is called so.
    assert ":table/restored" in stack.text
    (own,) = synthesized.of_type("AWS::DynamoDB::Table")
    assert f'"{own}"' not in stack.text


def test_a_table_that_the_stack_lets_go_of_stays(synthesized: Synthesized) -> None:
    (table,) = [
        resource
        for resource in synthesized.resources.values()
        if resource["Type"] == "AWS::DynamoDB::Table"
    ]
    assert table["DeletionPolicy"] == "RetainExceptOnCreate"


def test_two_stacks_fit_one_account(chosen: Synthesized, synthesized: Synthesized) -> None:
    """Nothing that is one of a kind in an account is named by the template."""
    assert (synthesized.stack_name, chosen.stack_name) == ("Aureon", "Staging")
    assert chosen.functions()["ingest"]["Environment"]["Variables"][STACK] == "Staging"
    for kind, name in NAMES.items():
        assert not [one for one in synthesized.of_type(kind).values() if name in one], kind


@pytest.mark.parametrize("protected", [True, False])
def test_the_stack_and_its_table_are_protected_from_deletion_unless_it_is_said(
    chosen: Synthesized, synthesized: Synthesized, protected: bool
) -> None:
    stack = synthesized if protected else chosen
    (table,) = stack.of_type("AWS::DynamoDB::Table").values()

    assert stack.termination_protection is protected
    assert table["DeletionProtectionEnabled"] is protected


def test_requests_are_traced_where_it_is_asked_for(chosen: Synthesized) -> None:
    for function in chosen.functions().values():
        assert function["TracingConfig"] == {"Mode": "Active"}


def test_executions_are_kept_for_ingestion_where_it_is_asked_for(chosen: Synthesized) -> None:
    kept = {
        handler: function["ReservedConcurrentExecutions"]
        for handler, function in chosen.functions().items()
        if "ReservedConcurrentExecutions" in function
    }
    assert kept == {"ingest": 100}


@pytest.mark.parametrize(
    ("changed", "whose"), [("ingest.py", {"ingest"}), ("aureon/core/exact.py", None)]
)
def test_with_snapshots_changed_code_is_a_new_version(
    assets: Assets, tmp_path: Path, changed: str, whose: set[str] | None
) -> None:
    """Of a function whose module has changed; of all, where the package has, which is a layer."""
    settings = Settings(snap_start=True)
    functions = tmp_path / "functions"
    shutil.copytree(bundle.FUNCTIONS, functions, ignore=shutil.ignore_patterns("__pycache__"))
    with (functions / changed).open("a") as file:
        file.write("# Changed.\n")
    after = bundle.build(bundle.HOST, functions=functions, folder=tmp_path / "bundle")

    before_stack = synthesize(assets, settings, tmp_path / "before")
    after_stack = synthesize(after, settings, tmp_path / "after")

    old, new = versions(before_stack), versions(after_stack)
    assert {name for name in old if old[name] != new[name]} == (whose or set(old))


def versions(synthesized: Synthesized) -> dict[str, str]:
    """The logical ids of the published versions, by handler: another id is another version."""
    functions = synthesized.of_type("AWS::Lambda::Function")
    return {
        functions[version["FunctionName"]["Ref"]]["Handler"].partition(".")[0]: name
        for name, version in synthesized.of_type("AWS::Lambda::Version").items()
    }


def test_a_deployment_without_an_address_for_alarms_warns(
    synthesized: Synthesized, chosen: Synthesized
) -> None:
    assert [text for text in synthesized.warnings if "alarm_email" in text]
    assert not chosen.warnings
