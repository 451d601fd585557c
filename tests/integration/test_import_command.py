"""``aureon import``: an organization moves in once, however often, or each line says why not."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from typer.testing import CliRunner, Result

from aureon.core import exact
from aureon.core.retry import Backoff
from aureon_cli.main import app
from aureon_cli.transfer import batches, http_api
from aureon_cli.transfer.sending import CONFLICT
from tests.support.faults import Crash
from tests.support.local_service import Service

# What a test names is its own: the service is shared.
Name = Callable[[str], str]
POLAR_CUSTOMER: Final = {
    "id": "992fae2a-2a17-4b7a-8d9e-e287cf90131b",
    "created_at": "2026-01-01T00:00:00Z",
    "email_verified": True,
    "organization_id": "1dbfc517-0bbf-4301-9ba8-555ca42b9737",
    "avatar_url": None,
    "billing_address": {"country": "US", "line1": None},
    "tax_id": ["US123", "us_ein"],
}


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Name:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "MAX_EVENTS_PER_REQUEST", 3)
    monkeypatch.setattr(http_api, "BACKOFF", Backoff(0.0))
    suffix = uuid.uuid4().hex[:8]
    return lambda text: f"{text}-{suffix}"


@pytest.fixture
def http(service: Service) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=service.url, headers=headers) as client:
        yield client


def imported(service: Service, *arguments: str, code: int = 0, text: bytes | None = None) -> Result:
    where = ["--url", service.url, "--token", service.token]
    result = CliRunner().invoke(app, ["import", *arguments, *where], input=text)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def rejected(file: str) -> dict[int, tuple[str, Any]]:
    found = {}
    for text in Path(f"{file}.aureon-rejected.jsonl").read_bytes().splitlines():
        number, error, said = exact.parse(text).values()
        found[number] = (error, said)
    return found


def forget(file: str) -> None:
    """Let nothing be known of what was done."""
    Path(f"{file}.aureon-progress").unlink()


def write(file: str, *lines: Any) -> str:
    """Write lines: values as JSON, or texts as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    Path(file).write_text("".join(f"{text}\n" for text in texts))
    return file


def meter(http: httpx.Client, event_name: str, **aggregation: str) -> str:
    answer = http.post(
        "/v1/meters/",
        json={
            "name": f"Meter of {event_name}",
            "filter": {
                "conjunction": "and",
                "clauses": [{"property": "name", "operator": "eq", "value": event_name}],
            },
            "aggregation": aggregation or {"func": "sum", "property": "units"},
        },
    )
    return str(answer.raise_for_status().json()["id"])


def state(http: httpx.Client, external_id: str) -> Any:
    answer = http.get(f"/v1/customers/external/{external_id}/state")
    return exact.parse(answer.raise_for_status().content)


def balances(http: httpx.Client, external_id: str) -> list[Any]:
    return [meter["balance"] for meter in state(http, external_id)["active_meters"]]


def test_customers_move_in_with_what_is_known_of_them(
    service: Service, http: httpx.Client, name: Name
) -> None:
    write(
        "customers.csv",
        "email,name,external_id,metadata.plan,metadata.seats,billing_address.country,locale",
        f'{name("ann")}@example.com,"Ann, ""the"" first\nand second",{name("ann")},pro,3,DE,de',
        f"{name('bob')}@example.com,,,,,,",
    )

    result = imported(service, "customers", "customers.csv")

    assert result.stdout == "inserted 2, duplicates 0, rejected 0\n"
    assert result.stderr == ""
    ann = state(http, name("ann"))
    assert ann["name"] == 'Ann, "the" first\nand second'
    assert ann["metadata"] == {"plan": "pro", "seats": 3}
    assert ann["billing_address"]["country"] == "DE"
    assert ann["locale"] == "de"
    (bob,) = http.get("/v1/customers/", params={"email": f"{name('bob')}@example.com"}).json()[
        "items"
    ]
    assert (bob["name"], bob["external_id"], bob["metadata"]) == (None, None, {})


def test_customers_that_are_there_are_left_as_they_are(
    service: Service, http: httpx.Client, name: Name
) -> None:
    ann = {"email": f"{name('Ann')}@example.com", "name": "Ann", "external_id": name("ann")}
    bob = {"email": f"{name('bob')}@example.com"}
    write("customers.jsonl", ann, bob, ann)
    assert imported(service, "customers", "customers.jsonl").stdout == (
        "inserted 2, duplicates 1, rejected 0\n"
    )
    before = state(http, name("ann"))

    forget("customers.jsonl")
    again = imported(service, "customers", "customers.jsonl")
    write("others.jsonl", {**ann, "name": "Anne"}, {**bob, "external_id": name("bob")})
    differing = imported(service, "customers", "others.jsonl", code=1)

    assert again.stdout == "inserted 0, duplicates 3, rejected 0\n"
    assert differing.stdout == "inserted 0, duplicates 0, rejected 2\n"
    found = rejected("others.jsonl")
    assert found[1][0] == f"Customer {before['id']} exists, with another name."
    assert found[2][0].endswith("exists, with another external_id.")
    assert state(http, name("ann")) == before


def test_customers_that_break_a_rule_are_reported_and_their_neighbours_are_made(
    service: Service, http: httpx.Client, name: Name
) -> None:
    """Each is counted once, though a batch is sent again without those that were refused."""
    write(
        "customers.jsonl",
        {"email": f"{name('a')}@example.com", "external_id": name("a")},
        {"email": "nobody", "name": "x" * 300},
        {"email": f"{name('c')}@example.com", "external_id": name("c")},
        "{",
        [],
        {"email": f"{name('f')}@example.com", "external_id": name("f")},
    )

    result = imported(service, "customers", "customers.jsonl", code=1)

    assert result.stdout == "inserted 3, duplicates 0, rejected 3\n"
    found = rejected("customers.jsonl")
    assert found.keys() == {2, 4, 5}
    assert found[2][0].startswith("email: ")
    assert "name: " in found[2][0]
    assert found[5] == ("The entry is not an object.", [])
    for external_id in "acf":
        state(http, name(external_id))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(5))
def test_customers_of_a_run_that_died_are_completed_by_the_next(
    service: Service,
    http: httpx.Client,
    name: Name,
    number: int,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [name(str(place)) for place in range(5)]
    write(
        "customers.jsonl",
        *({"email": f"{one}@example.com", "external_id": one} for one in people),
    )
    numbers = itertools.count()
    send = httpx.HTTPTransport.handle_request

    def dying(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        this = next(numbers)
        if (this, moment) == (number, "before"):
            raise Crash
        answer = send(transport, request)
        if (this, moment) == (number, "after"):
            answer.read()
            raise Crash
        return answer

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(httpx.HTTPTransport, "handle_request", dying)
        imported(service, "customers", "customers.jsonl", "--parallel", "1")

    result = imported(service, "customers", "customers.jsonl")

    assert "rejected 0" in result.stdout
    assert [state(http, one)["email"] for one in people] == [f"{one}@example.com" for one in people]


def test_balances_open_once_whatever_file_they_come_from(
    service: Service, http: httpx.Client, name: Name
) -> None:
    meter(http, name("usage"))
    for one in ("ann", "bob", "eve"):
        customer = {"email": f"{name(one)}@example.com", "external_id": name(one)}
        http.post("/v1/customers/", json=customer).raise_for_status()
    options = ["--name", name("usage"), "--property", "units"]
    write(
        "balances.csv",
        "external_customer_id,credits",
        f"{name('ann')},12345678901234.123456789",
        f"{name('bob')},-2.5",
    )
    write(
        "balances.jsonl",
        {"external_customer_id": name("ann"), "credits": 99},
        {"external_customer_id": name("eve"), "balance": -7, "timestamp": "2026-01-31T00:00:00Z"},
    )

    first = imported(service, "balances", "balances.csv", *options)
    forget("balances.csv")
    again = imported(service, "balances", "balances.csv", *options)
    other = imported(service, "balances", "balances.jsonl", *options, code=1)

    assert first.stdout == "inserted 2, duplicates 0, conflicts 0, rejected 0\n"
    assert other.stdout == "inserted 1, duplicates 1, conflicts 1, rejected 0\n"
    ((number, (reason, _)),) = rejected("balances.jsonl").items()
    assert (number, reason) == (1, CONFLICT)
    # The batch was sent under the same key again: its answer is the first one's.
    assert again.stdout == first.stdout
    assert str(balances(http, name("ann"))) == "[Decimal('-12345678901234.123456789')]"
    assert str(balances(http, name("bob"))) == "[Decimal('2.5')]"
    assert balances(http, name("eve")) == [-7]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"credits": 1, "balance": -1}, "Either credits or balance has to say how much there is."),
        ({}, "Either credits or balance has to say how much there is."),
        ({"credits": "many"}, "credits: This is not a number."),
        ({"balance": True}, "balance: This is not a number."),
        ({"credits": 10**45}, "metadata.units: "),
    ],
)
def test_a_balance_that_is_none_is_reported(
    service: Service, name: Name, line: dict[str, Any], reason: str
) -> None:
    write("balances.jsonl", {"external_customer_id": name("ann"), **line})

    imported(service, *("balances", "balances.jsonl", "--name", "u", "--property", "units"), code=1)

    assert rejected("balances.jsonl")[1][0].startswith(reason)


def test_events_from_a_table_count_with_their_types(
    service: Service, http: httpx.Client, name: Name
) -> None:
    meter(http, name("usage"))
    meter(http, name("usage"), func="unique", property="region")
    customer = {"email": f"{name('ann')}@example.com", "external_id": name("ann")}
    http.post("/v1/customers/", json=customer).raise_for_status()
    write(
        "events.csv",
        "\ufeffname, external_customer_id ,timestamp,metadata.units,metadata.region,metadata.ok,no",
        f"{name('usage')},{name('ann')},2026-01-31T10:00:00Z,0.1,eu,true,a",
        f" {name('usage')} , {name('ann')},2026-01-31T11:00:00+01:00, 0.2 ,007,false,b",
        "",
        f"{name('usage')},{name('ann')},yesterday,4,eu,true,c",
        f"{name('usage')},{name('ann')},,1,,,d",
        f"{name('usage')},{name('ann')},,1",
        f'{name("usage")},{name("ann")},,1,"a"b,,',
    )

    said = imported(service, "events", "events.csv", code=1).stderr
    assert said == (
        "aureon: Not taken: no. Call it metadata.NAME to keep it, or give --ignore-columns "
        "to leave it out.\n"
    )
    result = imported(service, "events", "events.csv", "--ignore-columns", code=1)

    assert result.stdout == "inserted 3, duplicates 0, conflicts 0, rejected 3\n"
    found = rejected("events.csv")
    assert found.keys() == {5, 7, 8}
    assert found[5][0].startswith("timestamp: ")
    assert found[7][0] == "There are 7 columns, and 4 cells."
    assert found[8][0].startswith("This is not CSV: ")
    assert sorted(map(str, balances(http, name("ann")))) == ["1.3", "2"]


def test_events_of_another_system_count_once_by_the_ids_that_they_had_there(
    service: Service, http: httpx.Client, name: Name
) -> None:
    """In answers of lists, as clients give them: with whole customers, and a cost as a text."""
    meter(http, name("usage"))
    ann, bob = {**POLAR_CUSTOMER}, {**POLAR_CUSTOMER, "id": name("bob")}
    ann |= {"email": f"{name('ann')}@example.com", "external_id": name("ann")}
    bob |= {"email": f"{name('bob')}@example.com", "external_id": None}
    write("customers.jsonl", ann, bob)

    def event(id_: str, customer: dict[str, Any], **metadata: Any) -> dict[str, Any]:
        return {
            "id": name(id_),
            "name": name("usage"),
            "label": "Usage",
            "source": "user",
            "timestamp": "2026-01-31T10:00:00Z",
            "organization_id": POLAR_CUSTOMER["organization_id"],
            "customer_id": customer["id"],
            "customer": customer,
            "external_customer_id": None,
            "external_id": None,
            "metadata": {"units": 2, **metadata},
        }

    cost = {"_cost": {"amount": "0.02", "currency": "usd"}}
    events = [event("1", ann), event("2", bob, **cost), event("3" * 300, ann), event("1", ann)]
    write("events.jsonl", *events)

    people = imported(service, "customers", "customers.jsonl", "--old-ids")
    first = imported(service, "events", "events.jsonl", "--old-ids")
    write("again.jsonl", *reversed(events))
    again = imported(service, "events", "again.jsonl", "--old-ids")

    assert people.stdout == "inserted 2, duplicates 0, rejected 0\n"
    assert first.stdout == "inserted 3, duplicates 1, conflicts 0, rejected 0\n"
    assert again.stdout == "inserted 0, duplicates 4, conflicts 0, rejected 0\n"
    assert balances(http, name("ann")) == [4]
    assert balances(http, name("bob")) == [2]


def test_an_export_of_either_format_moves_in_as_the_same_events(
    service: Service, http: httpx.Client, name: Name
) -> None:
    """Here into where it came from, so that all of it counts once more, and then no more."""
    meter(http, name("usage"))
    customer = {"email": f"{name('ann')}@example.com", "external_id": name("ann")}
    http.post("/v1/customers/", json=customer).raise_for_status()
    metadata = [
        '{"units": 0.1, "text": "10", "number": 10, "truth": true}',
        '{"units": 123456789012.123456789, "_cost": {"amount": 0.02, "currency": "usd"}}',
        '{"units": 1, "text": "a,b\\n\\"c\\"", "=": "=1+1"}',
    ]
    events = ",".join(
        f'{{"name":"{name("usage")}","external_customer_id":"{name("ann")}","metadata":{one}}}'
        for one in metadata
    )
    sent = http.post(
        "/v1/events/ingest",
        content=f'{{"events":[{events}]}}',
        headers={"Content-Type": "application/json"},
    )
    sent.raise_for_status()
    (once,) = balances(http, name("ann"))
    for format_ in ("jsonl", "csv"):
        answer = http.get(
            "/v1/events/export",
            params={"external_customer_id": name("ann"), "format": format_},
        )
        Path(f"exported.{format_}").write_bytes(answer.content)

    first = imported(service, "events", "exported.jsonl")
    again = imported(service, "events", "exported.csv")

    assert first.stdout == "inserted 3, duplicates 0, conflicts 0, rejected 0\n"
    assert again.stdout == "inserted 0, duplicates 3, conflicts 0, rejected 0\n"
    assert balances(http, name("ann")) == [2 * once]


def test_standard_input_is_taken_as_what_is_said(
    service: Service, http: httpx.Client, name: Name
) -> None:
    text = f"email,external_id\n{name('ann')}@example.com,{name('ann')}\n".encode()

    result = imported(service, "customers", "-", "--format", "csv", text=text)

    assert result.stdout == "inserted 1, duplicates 0, rejected 0\n"
    assert state(http, name("ann"))["external_id"] == name("ann")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "e-mail,name\nann@example.com,Ann\n",
            "The first line has to name the columns, email",
        ),
        ("email,email\n", "The first line names a column twice."),
        ('email,"name\n', "The first line names no columns. This is not CSV: "),
    ],
)
def test_a_table_without_its_columns_is_refused_as_a_whole(
    service: Service, name: Name, content: str, reason: str
) -> None:
    Path("customers.csv").write_text(content)

    result = imported(service, "customers", "customers.csv", code=1)

    assert result.stderr.startswith(f"aureon: {reason}")


def test_a_quotation_mark_that_is_missing_costs_its_own_line_alone(
    service: Service, http: httpx.Client, name: Name
) -> None:
    write(
        "customers.csv",
        "email,name,external_id",
        f'{name("ann")}@example.com,"Ann",{name("ann")}',
        f'{name("bob")}@example.com,"Bob,{name("bob")}',
        *(f"{name(one)}@example.com,{one},{name(one)}" for one in ("eve", "joe", "sue")),
    )

    result = imported(service, "customers", "customers.csv", code=1)

    assert result.stdout == "inserted 4, duplicates 0, rejected 1\n"
    ((number, (error, said)),) = rejected("customers.csv").items()
    assert (number, error) == (3, "This is not CSV: a quotation mark is missing.")
    assert name("bob") in said
    assert state(http, name("sue"))["name"] == "sue"


def test_a_file_is_not_taken_for_two_things(service: Service, name: Name) -> None:
    write("some.jsonl", {"email": f"{name('ann')}@example.com"})
    imported(service, "customers", "some.jsonl")

    result = imported(service, "events", "some.jsonl", "--ignore-columns", code=1)

    assert "belongs to another destination, token or reading of the file" in result.stderr


def usage(name: Name, customer: str, units: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": name("usage"),
        "external_customer_id": name(customer),
        "metadata": {"units": units},
        **more,
    }


def test_a_string_where_a_meter_counts_numbers_is_sent_only_where_that_is_meant(
    service: Service, http: httpx.Client, name: Name
) -> None:
    """Sent, it counts as nothing, and its event's id is used up."""
    meter(http, name("usage"))
    strings = ["7", " 5", "1,234.5", "$5"]
    write("events.jsonl", usage(name, "ann", 1), *(usage(name, "ann", text) for text in strings))
    Path("more.jsonl").write_bytes(Path("events.jsonl").read_bytes())
    customer = {"email": f"{name('ann')}@example.com", "external_id": name("ann")}
    http.post("/v1/customers/", json=customer).raise_for_status()
    where = ["--url", service.url, "--token", service.token]

    for command in (["import", "events"], ["ingest"]):
        result = CliRunner().invoke(app, [*command, "events.jsonl", *where])
        assert result.exit_code == 1
        assert "inserted 1, duplicates 0, conflicts 0, rejected 4" in result.stdout
        reasons = {reason for reason, _ in rejected("events.jsonl").values()}
        assert reasons == {
            f"metadata.units is a string, and the meter Meter of {name('usage')} counts numbers. "
            "Write a number (aureon import reads it as one with --number units), or give "
            "--text-is-text to send it as it is."
        }
        forget("events.jsonl")
    read = imported(service, "events", "more.jsonl", "--number", "units", code=1)
    forget("more.jsonl")
    sent = imported(service, "events", "more.jsonl", "--text-is-text")

    assert "inserted 3, duplicates 0, conflicts 0, rejected 2" in read.stdout
    assert "inserted 5, duplicates 0, conflicts 0, rejected 0" in sent.stdout
    assert balances(http, name("ann")) == [1 + 1 + (1 + 7 + 5) + 1]


def test_a_token_that_cannot_read_meters_is_told_of_both_ways_out(
    service: Service, http: httpx.Client, name: Name
) -> None:
    answer = http.post("/v1/tokens/", json={"name": "w", "scopes": ["events:write"]})
    token = answer.raise_for_status().json()["token"]
    write("events.jsonl", usage(name, "ann", 1))
    where = ["ingest", "events.jsonl", "--url", service.url, "--token", token]

    refused = CliRunner().invoke(app, where)
    sent = CliRunner().invoke(app, [*where, "--text-is-text"])

    assert refused.exit_code == 1
    assert refused.stderr == (
        f"aureon: {service.url} does not take this token for meters:read, by which strings are "
        "found that stand for numbers. Give --text-is-text to send all as it is.\n"
    )
    assert sent.stdout == "inserted 1, duplicates 0, conflicts 0, rejected 0\n"


def test_a_dry_run_says_what_would_count_for_which_meter_and_sends_nothing(
    service: Service, http: httpx.Client, name: Name
) -> None:
    meter(http, name("usage"))
    meter(http, name("usage"), func="unique", property="region")
    customer = {"email": f"{name('ann')}@example.com", "external_id": name("ann")}
    http.post("/v1/customers/", json=customer).raise_for_status()
    write(
        "events.jsonl",
        usage(name, "ann", 1.5, external_id=name("1")),
        usage(name, "ann", 1.50, external_id=name("1")),
        usage(name, "ann", 2, external_id=name("1")),
        usage(name, "bob", 3, metadata={"units": 3, "region": "eu"}),
        {"name": name("usage"), "customer_id": "nobody"},
        usage(name, "ann", "4"),
        {"name": name("other"), "external_customer_id": name("ann")},
        {"name": ""},
        "nope",
    )

    results = [
        CliRunner().invoke(
            app,
            [*command, "events.jsonl", "--dry-run", "--url", service.url, "--token", service.token],
        )
        for command in (["ingest"], ["import", "events"])
    ]

    for result in results:
        assert result.exit_code == 1, result.output
        assert result.stdout.startswith("inserted 3, duplicates 2, conflicts 1, rejected 4\n")
        said = result.stdout.splitlines()
        assert f"meter Meter of {name('usage')}: 2 events, 4.5 in all" in said
        assert f"meter Meter of {name('usage')}: 1 events, 1 values" in said
        assert "no meter: 1 events" in said
        assert "customers: 1 exist, 1 are new external ids" in said
        assert result.stderr == (
            "aureon: Nothing was sent. What would be rejected is in "
            "events.jsonl.aureon-dry-run.jsonl.\n"
        )
    lines = Path("events.jsonl.aureon-dry-run.jsonl").read_bytes().splitlines()
    assert sorted(exact.parse(line)["line"] for line in lines) == [3, 5, 6, 8, 9]
    assert not Path("events.jsonl.aureon-progress").exists()
    assert balances(http, name("ann")) == []
    assert imported(service, "events", "events.jsonl", code=1).stdout == (
        "inserted 3, duplicates 2, conflicts 1, rejected 4\n"
    )


def test_a_dry_run_of_customers_makes_none(
    service: Service, http: httpx.Client, name: Name
) -> None:
    ann = {"email": f"{name('ann')}@example.com", "external_id": name("ann"), "tax_id": "US1"}
    http.post("/v1/customers/", json=ann).raise_for_status()
    bob = {"email": f"{name('bob')}@example.com", "external_id": name("bob")}
    lines = [ann, {**ann, "tax_id": "US2"}, bob, bob, {**bob, "name": "Bo"}, {"email": "nobody"}]
    write("customers.jsonl", *lines)

    tried = imported(service, "customers", "customers.jsonl", "--dry-run", code=1)

    assert tried.stdout == "inserted 1, duplicates 2, rejected 3\n"
    assert http.get(f"/v1/customers/external/{name('bob')}").status_code == 404
    done = imported(service, "customers", "customers.jsonl", code=1)
    assert done.stdout == tried.stdout


def test_another_systems_file_moves_in_once_whatever_form_it_has(
    service: Service, http: httpx.Client, name: Name
) -> None:
    meter(http, name("usage"), func="sum", property="tokens")
    events = [
        {
            "specversion": "1.0",
            "type": name("usage"),
            "subject": name("ann"),
            "source": source,
            "id": name("1"),
            "time": "2026-01-31T10:00:00Z",
            "data": {"tokens": tokens, "region": None},
        }
        for source, tokens in (("a", 3), ("b", 4))
    ]
    write("lines.jsonl", *events)
    Path("document.json").write_text(json.dumps(events, indent=2), encoding="utf-16")
    customer = {"email": f"{name('ann')}@example.com", "external_id": name("ann")}
    http.post("/v1/customers/", json=customer).raise_for_status()

    first = imported(service, "events", "lines.jsonl", "--from", "openmeter")
    again = imported(service, "events", "document.json", "--from", "openmeter")
    mapped = ("document.json", "--from", "openmeter", "--map", "external_id=source+id+type")
    other = imported(service, "events", *mapped, code=1)

    assert first.stdout == "inserted 2, duplicates 0, conflicts 0, rejected 0\n"
    assert again.stdout == "inserted 0, duplicates 2, conflicts 0, rejected 0\n"
    assert "belongs to another destination, token or reading of the file" in other.stderr
    forget("document.json")
    imported(service, "events", *mapped)
    assert balances(http, name("ann")) == [14]
    write("bad.jsonl", events[0], {**events[0], "traceparent": "00-1"})
    imported(service, "events", "bad.jsonl", "--from", "openmeter", code=1)
    assert rejected("bad.jsonl")[2][0].startswith("Not taken: traceparent. Map it to keep it, or ")
