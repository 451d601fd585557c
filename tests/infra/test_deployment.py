"""The synthesized template on the local engine: the guide, and the queue, through the real stack.

The engine knows no IAM: what the roles allow is asserted in `test_access`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest

import dashboard
from aureon.access import organizations, tokens
from aureon.api.static import FOR_A_YEAR, TYPES
from aureon.storage import queue
from aureon.storage.queue import Queue
from aureon.storage.store import Store
from aureon_cli import engine as embedded
from aureon_cli.engine import Engine
from infra import bundle
from tests.contract.clients import CLIENTS
from tests.support.deliveries import message, texts
from tests.support.template import Synthesized

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

BUCKET = "cdk-hnb659fds-assets-000000000000-us-east-1"
STACK = "aureon"
ENOUGH_SECONDS = 60.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Deployed:
    """A deployed stack: a caller of its API, its table and its queues."""

    api: httpx.Client
    # Where a client that knows no other host name finds the API.
    url: str
    token: str
    organization_id: str
    ingestion: Queue
    dead: Queue
    table: str

    def meter(self) -> None:
        answer = self.api.post(
            "/v1/meters/",
            json={
                "name": "API usage",
                "filter": {
                    "conjunction": "and",
                    "clauses": [{"property": "name", "operator": "eq", "value": "api_usage"}],
                },
                "aggregation": {"func": "sum", "property": "units"},
            },
        )
        assert answer.status_code == 201, answer.text

    def customer(self, external_id: str) -> str:
        answer = self.api.post(
            "/v1/customers/",
            json={"email": f"{external_id.replace('/', '.')}@example.com"}
            | {"external_id": external_id},
        )
        assert answer.status_code == 201, answer.text
        customer_id: str = answer.json()["id"]
        return customer_id

    def balance(self, customer_id: str) -> Any:
        answer = self.api.get("/v1/customer-meters/", params={"customer_id": customer_id})
        assert answer.status_code == 200, answer.text
        return [found["balance"] for found in answer.json()["items"]]


@pytest.fixture(scope="module")
def deployed(
    engine: Engine,
    dynamodb: DynamoDBClient,
    deployable: Synthesized,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployed]:
    """The stack, deployed as CloudFormation does it, and an organization with a token and meter."""
    outputs = deploy(engine, deployable, tmp_path_factory.mktemp("archives"))
    store = Store(dynamodb, outputs["TableName"])
    organization_id = organizations.create(store, "Test")
    token, _ = tokens.create(store.of(organization_id))
    client = queue.connect(engine.endpoint_url, **embedded.CREDENTIALS)
    host = str(urlsplit(outputs["ApiUrl"]).hostname)
    with httpx.Client(
        base_url=engine.endpoint_url,
        headers={"Host": host, "Authorization": f"Bearer {token}"},
        timeout=ENOUGH_SECONDS,
        trust_env=False,
    ) as api:
        stack = Deployed(
            api,
            f"{engine.endpoint_url}/_aws/execute-api/{host.partition('.')[0]}/$default",
            token,
            organization_id,
            Queue(client, outputs["QueueUrl"]),
            Queue(client, outputs["DeadLetterQueueUrl"]),
            outputs["TableName"],
        )
        stack.meter()
        yield stack
    destroy(engine)


def client_of(engine: Engine, service: Any) -> Any:
    options: Any = embedded.CREDENTIALS
    return boto3.client(service, endpoint_url=engine.endpoint_url, **options)


def deploy(engine: Engine, synthesized: Synthesized, scratch: Path) -> Mapping[str, str]:
    """Upload the assets and create the stack. Returns its outputs."""
    storage = client_of(engine, "s3")
    storage.create_bucket(Bucket=BUCKET)
    for key, folder in synthesized.archives.items():
        archive = scratch / f"{key}.zip"
        bundle.write_archive(folder, archive)
        storage.put_object(Bucket=BUCKET, Key=archive.name, Body=archive.read_bytes())
    client_of(engine, "ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="99", Type="String"
    )
    stacks = client_of(engine, "cloudformation")
    storage.put_object(
        Bucket=BUCKET, Key="template.json", Body=as_the_engine_takes_it(synthesized.text)
    )
    stacks.create_stack(
        StackName=STACK,
        TemplateURL=f"{engine.endpoint_url}/{BUCKET}/template.json",
        Capabilities=["CAPABILITY_IAM"],
    )
    stack = settled(stacks, "CREATE_COMPLETE")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def as_the_engine_takes_it(template: str) -> bytes:
    """The template as the engine takes it.

    It refuses alarms that compute. A greedy variable takes one character at least there, so a path
    with a slash at its end is the fallback's.
    """
    read = json.loads(template)
    read["Resources"] = {
        name: resource
        for name, resource in read["Resources"].items()
        if resource["Type"] != "AWS::CloudWatch::Alarm" or "Metrics" not in resource["Properties"]
    }
    return json.dumps(read).encode()


def settled(stacks: Any, status: str) -> Mapping[str, Any]:
    """The stack, once nothing happens to it any more; it must have this status then."""

    def found() -> Mapping[str, Any]:
        (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
        return stack  # type: ignore[no-any-return]

    wait_for(lambda: not found()["StackStatus"].endswith("IN_PROGRESS"), "the stack is settled")
    assert found()["StackStatus"] == status, json.dumps(
        stacks.describe_stack_events(StackName=STACK)["StackEvents"], default=str
    )
    return found()


def destroy(engine: Engine) -> None:
    """Delete the stack, and wait until nothing is left of its functions' workers."""
    client_of(engine, "cloudformation").delete_stack(StackName=STACK)
    functions = client_of(engine, "lambda")
    wait_for(lambda: not functions.list_functions()["Functions"], "the functions are gone")


def wait_for(reached: Callable[[], bool], what: str, *, seconds: float = ENOUGH_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(POLL_SECONDS)


def test_ten_credits_granted_and_eleven_units_used_leave_a_balance_of_one(
    deployed: Deployed,
) -> None:
    customer_id = deployed.customer("user_123")

    def use(units: int) -> Any:
        event = {
            "name": "api_usage",
            "external_customer_id": "user_123",
            "metadata": {"units": units},
        }
        answer = deployed.api.post("/v1/events/ingest", json={"events": [event]})
        assert answer.json() == {"inserted": 1, "duplicates": 0}, answer.text
        return deployed.balance(customer_id)

    assert use(-10) == [-10]
    assert use(3) == [-7]
    assert use(8) == [1]
    state = deployed.api.get("/v1/customers/external/user_123/state")
    assert state.json()["active_meters"][0]["balance"] == 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_is_served_with_its_trailing_slash_and_without(
    deployed: Deployed, slash: str
) -> None:
    for path in ("/v1/customers", "/v1/meters", "/v1/customer-meters", "/v1/dead-letters"):
        assert deployed.api.get(path + slash).status_code == 200, path


def test_the_dashboard_is_served_beside_the_api_with_its_policy(deployed: Deployed) -> None:
    page = deployed.api.get("/", headers={"Authorization": ""})
    assert page.status_code == 200, page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"

    names = re.findall(r'(?:src|href)="(assets/[^"]*)"', page.text)
    assert {name.rpartition(".")[2] for name in names} >= {"js", "css"}
    for name in names:
        asset = deployed.api.get(f"/{name}", headers={"Authorization": ""})
        assert asset.status_code == 200, name
        assert asset.content == (dashboard.FILES / Path(name).name).read_bytes()
        assert asset.headers["content-type"] == TYPES[Path(name).suffix], name
        assert asset.headers["cache-control"] == FOR_A_YEAR
    for answer in (page, asset):
        assert answer.headers["content-security-policy"] == dashboard.POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert deployed.api.get("/assets/nothing-12345678.js").status_code == 404


def test_an_external_id_may_hold_slashes(deployed: Deployed) -> None:
    customer_id = deployed.customer("team/7")

    for suffix in ("", "/", "/state"):
        answer = deployed.api.get(f"/v1/customers/external/team/7{suffix}")
        assert answer.json()["id"] == customer_id
    changed = deployed.api.patch("/v1/customers/external/team/7", json={"name": "Seven"})
    assert changed.json()["name"] == "Seven"


def test_a_caller_without_a_token_is_told_so_by_the_function(deployed: Deployed) -> None:
    answer = deployed.api.get("/v1/customers/", headers={"Authorization": ""})

    assert answer.status_code == 401
    assert answer.json()["error"] == "Unauthorized"


def test_a_spend_beyond_the_credits_is_refused(deployed: Deployed) -> None:
    deployed.customer("user_456")

    answer = deployed.api.post(
        "/v1/credits/spend",
        json={
            "name": "api_usage",
            "external_customer_id": "user_456",
            "metadata": {"units": 1},
        },
    )

    assert answer.status_code == 402, answer.text


def test_a_message_of_the_queue_counts(deployed: Deployed) -> None:
    customer_id = deployed.customer("user_789")
    event = {
        "name": "api_usage",
        "external_customer_id": "user_789",
        "metadata": {"units": 5},
    }
    sent = message(deployed.organization_id, event)

    deployed.ingestion.send(sent.body, texts(sent))

    wait_for(lambda: deployed.balance(customer_id) == [5], "the message has counted")


def test_a_poisoned_message_ends_in_the_dead_letter_queue(
    engine: Engine, deployed: Deployed
) -> None:
    # Nobody waits the minutes for which the stack hides a message.
    client_of(engine, "sqs").set_queue_attributes(
        QueueUrl=deployed.ingestion.url, Attributes={"VisibilityTimeout": "1"}
    )
    poison = message(deployed.organization_id, {"name": "api_usage", "customer_id": "nobody"})
    deployed.ingestion.send(poison.body, texts(poison))

    def listed() -> list[Any]:
        found: list[Any] = deployed.api.get("/v1/dead-letters/").json()["items"]
        return found

    wait_for(lambda: bool(listed()), "the message is dead")
    (dead,) = listed()
    assert "customer_id" in dead["reason"]


def aureon(engine: Engine, table: str, *arguments: str) -> str:
    """What the command says, as a person runs it who has deployed the stack."""
    ran = subprocess.run(
        [Path(sys.executable).with_name("aureon"), *arguments],
        env={"PATH": os.environ["PATH"], "AUREON_TABLE": table, **engine.environment},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_a_command_makes_the_first_organization_and_its_token(
    engine: Engine, deployed: Deployed
) -> None:
    organization_id = aureon(engine, deployed.table, "organizations", "create", "Acme")
    token = aureon(engine, deployed.table, "tokens", "create", "--organization", organization_id)
    own = {"Authorization": f"Bearer {token}"}

    body = {"email": "first@example.com", "external_id": "first"}
    made = deployed.api.post("/v1/customers/", json=body, headers=own)
    assert made.status_code == 201, made.text
    assert made.json()["organization_id"] == organization_id

    # It is an organization of its own: the one beside it does not see its customer.
    assert deployed.api.get("/v1/customers/external/first", headers=own).status_code == 200
    assert deployed.api.get("/v1/customers/external/first").status_code == 404


GUIDE = """
import os
from polar_sdk import Polar

with Polar(
    access_token=os.environ["AUREON_ACCESS_TOKEN"], server_url=os.environ["AUREON_URL"]
) as polar:
    customer = polar.customers.create(
        request={"email": "guide@example.com", "external_id": "guide"}
    )
    for units in (-10, 3):
        event = {"name": "api_usage", "external_customer_id": "guide", "metadata": {"units": units}}
        print(polar.events.ingest(request={"events": [event]}).inserted)
    state = polar.customers.get_state_external(external_id="guide")
    print(state.id == customer.id, state.active_meters[0].balance)
"""


def test_a_published_client_goes_through_the_guide(deployed: Deployed, tmp_path: Path) -> None:
    (client,) = [one for one in CLIENTS if one.name == "python-0"]
    if client.missing:
        pytest.skip(client.missing)
    script = tmp_path / "guide.py"
    script.write_text(GUIDE)

    ran = client.run(script, deployed)  # type: ignore[arg-type]

    assert ran.stdout.split() == ["1", "1", "True", "-7.0"], ran.stdout + ran.stderr


def test_what_is_shown_of_the_log_follows_it(deployed: Deployed) -> None:
    deployed.customer("shown")
    event = {"name": "only_shown", "external_customer_id": "shown"}
    deployed.api.post("/v1/events/ingest", json={"events": [event]})

    def names() -> set[str]:
        answer = deployed.api.get("/v1/events/names", params={"limit": 100})
        return {found["name"] for found in answer.json()["items"]}

    wait_for(lambda: "only_shown" in names(), "the projector has seen the page")


def test_a_crossing_is_told_through_the_stream_and_the_queue(deployed: Deployed) -> None:
    """To one endpoint at once, and to one that leads nowhere again after its pause."""

    def made(path: str, body: Any) -> Any:
        answer = deployed.api.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    hooks = [
        made("/v1/webhooks/endpoints", {"url": url, "events": ["credits.low"]})["id"]
        for url in ("aureon:listen", "https://nobody.invalid/")
    ]
    clause = {"property": "name", "operator": "eq", "value": "watched"}
    made(
        "/v1/meters/",
        {
            "name": "Watched",
            "filter": {"conjunction": "and", "clauses": [clause]},
            "aggregation": {"func": "sum", "property": "units"},
            "thresholds": [{"available_credits": "100"}],
        },
    )
    customer_id = deployed.customer("watched")
    for units in (-1_000, 950):
        event = {"name": "watched", "external_customer_id": "watched"}
        made("/v1/events/ingest", {"events": [{**event, "metadata": {"units": units}}]})

    def attempts(endpoint_id: str) -> list[Any]:
        query = {"endpoint_id": endpoint_id}
        answer = deployed.api.get("/v1/webhooks/deliveries", params=query)
        found: list[Any] = answer.json()["items"]
        return found

    listening, nowhere = hooks
    wait_for(lambda: len(attempts(nowhere)) >= 2, "it was tried again")
    (told,) = attempts(listening)
    assert (told["http_code"], told["webhook_event"]["type"]) == (202, "credits.low")
    assert not any(one["succeeded"] for one in attempts(nowhere))
    assert {one["webhook_event"]["id"] for one in attempts(nowhere)} == {
        told["webhook_event"]["id"]
    }
    alerts = deployed.api.get("/v1/alerts/", params={"customer_id": customer_id}).json()["items"]
    assert [one["state"] for one in alerts] == ["reached"]
    for endpoint_id in hooks:
        deployed.api.delete(f"/v1/webhooks/endpoints/{endpoint_id}")


def test_the_past_of_a_new_meter_is_asked_for(engine: Engine, deployed: Deployed) -> None:
    """The backfill waits for minutes; its job is in the queue meanwhile."""
    answer = deployed.api.post(
        "/v1/meters/",
        json={
            "name": "Late",
            "filter": {"conjunction": "and", "clauses": []},
            "aggregation": {"func": "count"},
        },
    )
    assert answer.status_code == 201, answer.text

    assert messages_in(engine, "Backfill") >= 1


def test_the_schedule_has_every_organization_audited(engine: Engine, deployed: Deployed) -> None:
    rules = client_of(engine, "events")
    functions = client_of(engine, "lambda")
    (rule,) = [
        one for one in rules.list_rules()["Rules"] if "cron(0 3 " in one["ScheduleExpression"]
    ]
    (mapping,) = [
        one
        for one in functions.list_event_source_mappings()["EventSourceMappings"]
        if "audits" in one["EventSourceArn"].lower()
    ]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    # Nobody waits for the night.
    rules.put_rule(Name=rule["Name"], ScheduleExpression="rate(1 minute)", State="ENABLED")
    wait_for(lambda: messages_in(engine, "Audits") >= 1, "the audit is asked for", seconds=180)
    rules.put_rule(Name=rule["Name"], ScheduleExpression="rate(1 day)", State="ENABLED")
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    wait_for(lambda: messages_in(engine, "Audits") == 0, "the audit is done")
    assert messages_in(engine, "AuditsDeadLetters") == 0


def test_an_update_of_the_stack_keeps_the_data(
    engine: Engine, deployed: Deployed, deployable: Synthesized
) -> None:
    customer_id = deployed.customer("kept")
    event = {"name": "api_usage", "external_customer_id": "kept", "metadata": {"units": 4}}
    deployed.api.post("/v1/events/ingest", json={"events": [event]})
    template = json.loads(deployable.text)
    for resource in template["Resources"].values():
        if resource.get("Properties", {}).get("Handler") == "ingest.handler":
            resource["Properties"]["MemorySize"] = 1_792

    storage, stacks = client_of(engine, "s3"), client_of(engine, "cloudformation")
    storage.put_object(
        Bucket=BUCKET, Key="changed.json", Body=as_the_engine_takes_it(json.dumps(template))
    )
    stacks.update_stack(
        StackName=STACK,
        TemplateURL=f"{engine.endpoint_url}/{BUCKET}/changed.json",
        Capabilities=["CAPABILITY_IAM"],
    )
    settled(stacks, "UPDATE_COMPLETE")

    functions = client_of(engine, "lambda").list_functions()["Functions"]
    changed = [one["Handler"] for one in functions if one["MemorySize"] == 1_792]
    assert changed == ["ingest.handler"]
    assert sorted(deployed.balance(customer_id)) == [1, 4]
    deployed.api.post("/v1/events/ingest", json={"events": [event]})
    assert sorted(deployed.balance(customer_id)) == [2, 8]


def messages_in(engine: Engine, construct: str) -> int:
    """How many messages a queue of the stack has, visible or not."""
    queues = client_of(engine, "sqs")
    resources = client_of(engine, "cloudformation").describe_stack_resources(StackName=STACK)
    (url,) = [
        found["PhysicalResourceId"]
        for found in resources["StackResources"]
        if found["ResourceType"] == "AWS::SQS::Queue"
        and found["LogicalResourceId"].startswith(f"{construct}Queue")
    ]
    kinds = ("", "NotVisible", "Delayed")
    names = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
    found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)
