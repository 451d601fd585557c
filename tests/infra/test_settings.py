"""What may be chosen at deployment, and what that makes of the template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import Assets
from infra.settings import Settings, WrongSetting
from tests.infra.conftest import Synthesized, aws_cdk, synthesize
from tests.infra.test_template import lint

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/1"

RESTORED = "arn:aws:dynamodb:us-east-1:000000000000:table/restored"
STREAM = f"{RESTORED}/stream/2026-11-24T12:00:00.000"


@pytest.fixture(scope="module")
def chosen(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack with everything that is optional."""
    settings = Settings(
        snap_start=True,
        domain="usage.example.com",
        certificate=CERTIFICATE,
        alarm_email="alarms@example.com",
    )
    return synthesize(assets, settings, tmp_path_factory.mktemp("chosen"))


def of_context(**context: Any) -> Settings:
    return Settings.from_context(aws_cdk.App(context=context).node)


def test_all_that_is_optional_is_off() -> None:
    assert of_context() == Settings()


def test_settings_come_from_the_command_line_as_texts() -> None:
    assert of_context(snap_start="true").snap_start
    assert not of_context(snap_start="false").snap_start
    assert of_context(domain="a.example.com", certificate=CERTIFICATE).domain == "a.example.com"


@pytest.mark.parametrize(
    "context",
    [
        {"snap_start": "yes"},
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
    assert table["DeletionPolicy"] == "Retain"
