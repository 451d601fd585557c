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

from aureon import exact
from aureon_cli import batches, http_api
from aureon_cli.main import app
from tests.faults import Crash
from tests.local_service import Service

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
    monkeypatch.setattr(http_api, "FIRST_PAUSE_SECONDS", 0.0)
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
    assert found[1][0] == f"Customer {before['id']} is there, with another name."
    assert found[2][0].endswith("is there, with another external_id.")
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
    assert found[5] == ("This is no object.", [])
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
    other = imported(service, "balances", "balances.jsonl", *options)

    assert first.stdout == "inserted 2, duplicates 0, conflicts 0, rejected 0\n"
    assert other.stdout == "inserted 1, duplicates 1, conflicts 1, rejected 0\n"
    # The batch was sent under the same key again: its answer is the first one's.
    assert again.stdout == first.stdout
    assert str(balances(http, name("ann"))) == "[Decimal('-12345678901234.123456789')]"
    assert str(balances(http, name("bob"))) == "[Decimal('2.5')]"
    assert balances(http, name("eve")) == [-7]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"credits": 1, "balance": -1}, "One of credits and balance says how much there is."),
        ({}, "One of credits and balance says how much there is."),
        ({"credits": "many"}, "credits: This is no number."),
        ({"balance": True}, "balance: This is no number."),
        ({"credits": 10**15}, "metadata.units: "),
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
        "\ufeffname,external_customer_id,timestamp,metadata.units,metadata.region,metadata.ok,note",
        f"{name('usage')},{name('ann')},2026-01-31T10:00:00Z,0.1,eu,true,a",
        f"{name('usage')},{name('ann')},2026-01-31T11:00:00+01:00,0.2,007,false,b",
        "",
        f"{name('usage')},{name('ann')},yesterday,4,eu,true,c",
        f"{name('usage')},{name('ann')},,1,,,d",
        f"{name('usage')},{name('ann')},,1",
        f'{name("usage")},{name("ann")},,1,"a"b,,',
    )

    result = imported(service, "events", "events.csv", code=1)

    assert result.stdout == "inserted 3, duplicates 0, conflicts 0, rejected 3\n"
    assert "aureon: Columns that are not taken: note.\n" in result.stderr
    found = rejected("events.csv")
    assert found.keys() == {5, 7, 8}
    assert found[5][0].startswith("timestamp: ")
    assert found[7][0] == "There are 7 columns, and 4 fields."
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
        ("e-mail,name\nann@example.com,Ann\n", "The first line names the columns, email among"),
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


def test_a_quotation_mark_that_is_missing_is_reported_with_all_that_it_takes_along(
    service: Service, http: httpx.Client, name: Name
) -> None:
    write(
        "customers.csv",
        "email,name,external_id",
        f'{name("ann")}@example.com,"Ann",{name("ann")}',
        f'{name("bob")}@example.com,"Bob,{name("bob")}',
        f"{name('eve')}@example.com,Eve,{name('eve')}",
    )

    result = imported(service, "customers", "customers.csv", code=1)

    assert result.stdout == "inserted 1, duplicates 0, rejected 1\n"
    ((number, (error, said)),) = rejected("customers.csv").items()
    assert number == 3
    assert error.endswith("Is a quotation mark missing?")
    assert name("bob") in said
    assert name("eve") in said
    assert state(http, name("ann"))["name"] == "Ann"


def test_a_file_is_not_taken_for_two_things(service: Service, name: Name) -> None:
    write("some.jsonl", {"email": f"{name('ann')}@example.com"})
    imported(service, "customers", "some.jsonl")

    result = imported(service, "events", "some.jsonl", code=1)

    assert "tells of what went elsewhere, with another token, or as something else" in result.stderr
