"""Dead letters: each is shown with the reason, and counts once however often it is sent anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from aureon.access import tokens
from aureon.core import times
from aureon.core.errors import Unavailable
from aureon.ledger import dead_letters
from aureon.storage import queue
from aureon.storage.queue import Queue, text
from tests.integration.conftest import NewApi
from tests.support.deliveries import Queues, Sent, message, texts
from tests.support.faults import Crash, Fault, faults, nth_write
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved, stored

LIST = "/v1/dead-letters/"
REDRIVE = "/v1/dead-letters/redrive"

Send = Callable[..., Sent]


@pytest.fixture(autouse=True)
def conserved(api: Api) -> Iterator[None]:
    api.meter()
    yield
    assert_conserved(api.store)


@pytest.fixture
def send(api: Api) -> Send:
    """Make a message of the test's organization."""
    return lambda *events, **attributes: message(api.organization_id, *events, **attributes)


def bury(queues: Queues, *messages: Sent) -> None:
    """Put messages where those go that have failed for good."""
    for sent in messages:
        queues.dead.send(sent.body, texts(sent))


def die_partly(api: Api, queues: Queues, sent: Sent) -> None:
    """Let a message of many ids die when its first part has counted."""
    queues.send(sent)
    with faults(api.store.client, nth_write(1, Fault.DIE_BEFORE)), pytest.raises(Crash):
        queues.deliver()
    assert queues.deliver() == []


def listed(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    reply = api.get(LIST, **parameters)
    assert reply.status == 200, reply.body
    items: list[dict[str, Any]] = reply.body["items"]
    return items


def redrive(api: Api, *ids: str) -> Any:
    reply = api.post(REDRIVE, {"ids": ids} if ids else {})
    assert reply.status == 200, reply.body
    return reply.body


def total(api: Api) -> Any:
    return sum(sums[0] for sums in stored(api.store).values())


@contextmanager
def dying_after_the_send(queues: Queues) -> Iterator[None]:
    """The process ends when a message was sent anew, and is not deleted yet."""

    def die(**_: Any) -> None:
        raise Crash

    events = queues.client.meta.events
    events.register("after-call.sqs.SendMessage", die)
    try:
        with pytest.raises(Crash):
            yield
    finally:
        events.unregister("after-call.sqs.SendMessage", die)


def test_a_message_that_failed_for_good_is_listed_with_the_reason(
    api: Api, queues: Queues, send: Send
) -> None:
    before = times.now()
    queues.send(send(usage(1), {"name": "api_usage", "customer_id": "nobody"}), send(usage(2)))
    (first, _) = queues.deliver()

    (letter,) = listed(api)

    assert total(api) == 2
    assert before - timedelta(seconds=1) <= times.from_text(letter.pop("first_received_at"))
    assert letter == {
        "id": first["messageId"],
        "receive_count": 2,
        "events": 2,
        "counted": None,
        "succeeds_now": False,
        "reason": "body.events.1.customer_id: Customer does not exist.",
    }


@pytest.mark.parametrize(
    ("body", "events", "reason"),
    [
        ("{", None, "The body is not JSON"),
        ('{"events": 3}', None, "body.events: Input should be a valid"),
        ('{"events": [{"name": "x"}, {}]}', None, "And 1 more."),
        (json.dumps({"events": [usage(1)] * 1001}), None, "at most 1,000 events"),
        (json.dumps({"events": [usage(999_999_999_999_999)] * 2}), 2, "10^15"),
    ],
)
def test_each_reason_is_found_anew(
    api: Api, queues: Queues, send: Send, body: str, events: int | None, reason: str
) -> None:
    if events:
        api.ingest(usage(999_999_999_999_999), usage(999_999_999_999_999))
    bury(queues, Sent(api.organization_id, body))

    (letter,) = listed(api)

    assert reason in letter["reason"]
    assert letter["events"] == events
    assert letter["succeeds_now"] is False


def test_a_wrong_attribute_is_a_reason(api: Api, queues: Queues, send: Send) -> None:
    bury(queues, send(usage(1), received_at="yesterday"))

    (letter,) = listed(api)

    assert letter["reason"] == "The attribute received_at is not a time."
    assert letter["events"] is None


def test_a_message_of_which_nothing_is_wrong_any_more_would_count_now(
    api: Api, queues: Queues, send: Send
) -> None:
    """As after the database was down for long."""
    queues.send(send(usage(1), usage(2)))
    with faults(api.store.client, lambda call: Fault.THROTTLE), pytest.raises(Unavailable):
        queues.deliver()
    assert queues.deliver() == []

    (letter,) = listed(api)

    assert letter["reason"] == "It would count now."
    assert (letter["events"], letter["counted"], letter["succeeds_now"]) == (2, 0, True)
    assert total(api) == 0


def test_a_message_that_was_counted_in_part_says_so_and_is_completed(
    api: Api, queues: Queues, send: Send
) -> None:
    die_partly(api, queues, send(*[usage(1, external_id=f"e{n}") for n in range(150)]))
    counted = total(api)
    assert 0 < counted < 150

    (letter,) = listed(api)
    assert letter["reason"] == (
        f"{counted} of 150 events have counted; the others would count now."
    )
    assert (letter["counted"], letter["succeeds_now"]) == (counted, True)

    assert redrive(api)["redriven"] == 1
    queues.deliver()
    assert total(api) == 150


def test_a_message_that_was_counted_whole_says_so_and_counts_no_more(
    api: Api, queues: Queues, send: Send
) -> None:
    """The answer to its last delivery was lost, say."""
    queues.send(send(usage(1), usage(2, external_id="e2")))
    with faults(api.store.client, nth_write(0, Fault.DIE_AFTER)), pytest.raises(Crash):
        queues.deliver()
    assert queues.deliver() == []

    (letter,) = listed(api)
    assert letter["reason"] == "All of its events have counted."
    assert letter["counted"] == 2

    assert redrive(api)["redriven"] == 1
    queues.deliver()
    assert total(api) == 3


def test_events_that_repeat_what_counted_elsewhere_are_not_left_to_count(
    api: Api, queues: Queues, send: Send
) -> None:
    api.ingest(usage(1, external_id="e1"))
    repeat = usage(1, external_id="e2")
    bury(queues, send(usage(1, external_id="e1"), repeat, repeat))

    (letter,) = listed(api)

    assert letter["counted"] == 2
    assert redrive(api)["redriven"] == 1
    queues.deliver()
    assert total(api) == 2


def test_a_message_of_a_customer_that_was_just_deleted_has_to_wait(
    api: Api, queues: Queues, send: Send
) -> None:
    customer_id = api.customer("user@example.com", external_id="user_123")
    bury(queues, send(usage(1)))
    api.delete(f"/v1/customers/{customer_id}")

    (letter,) = listed(api)

    assert letter["reason"] == "A customer was deleted a moment ago."
    assert letter["succeeds_now"] is False


def test_looking_changes_nothing(api: Api, queues: Queues, send: Send) -> None:
    bury(queues, *[send(usage(number)) for number in range(25)])

    first = listed(api, limit=100)
    again = listed(api, limit=100)

    assert len(first) == 25
    assert [letter["id"] for letter in first] == [letter["id"] for letter in again]
    assert len(queues.dead.receive(wait_seconds=0)) == 10, "they are there for others at once"
    assert total(api) == 0


def test_the_oldest_come_first_in_pages(api: Api, queues: Queues, send: Send) -> None:
    moments = [f"2026-11-2{day}T00:00:00.000000Z" for day in (3, 1, 2)]
    bury(queues, *[send(usage(1), received_at=moment) for moment in moments])

    reply = api.get(LIST, limit=2, page=2)

    assert [letter["first_received_at"] for letter in reply.body["items"]] == [moments[0]]
    assert reply.body["pagination"] == {"total_count": 3, "max_page": 2}
    assert reply.body["complete"] is True


def test_those_that_are_asked_for_are_sent_anew(api: Api, queues: Queues, send: Send) -> None:
    bury(queues, send(usage(1)), send(usage(2)), send(usage(4)))
    by_units = {record["body"]: record["messageId"] for record in queues.deaths()}
    wanted = [by_units[send(usage(units)).body] for units in (1, 4)]

    assert redrive(api, *wanted) == {"redriven": 2, "left": [], "complete": True}

    queues.deliver()
    assert total(api) == 5
    assert len(listed(api)) == 1


def test_ids_that_are_not_there_are_named(api: Api, queues: Queues, send: Send) -> None:
    bury(queues, send(usage(1)))
    (known,) = queues.deaths()

    answer = redrive(api, known["messageId"], "unknown")

    assert (answer["redriven"], answer["complete"]) == (1, False)
    assert answer["left"] == [
        {"id": "unknown", "reason": "It does not exist, or somebody else is looking at it."}
    ]


def test_without_ids_all_are_sent_anew(api: Api, queues: Queues, send: Send) -> None:
    bury(queues, *[send(usage(1)) for _ in range(12)])

    assert redrive(api) == {"redriven": 12, "left": [], "complete": True}
    assert redrive(api) == {"redriven": 0, "left": [], "complete": True}

    queues.deliver()
    assert total(api) == 12
    assert queues.deaths() == []


def test_the_work_of_a_call_is_bounded_and_the_next_one_goes_on(
    api: Api, queues: Queues, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MAX_FOUND", 10)
    bury(queues, *[send(usage(1)) for _ in range(15)])

    reply = api.get(LIST, limit=100)
    assert len(reply.body["items"]) == 10
    assert reply.body["complete"] is False

    assert redrive(api) == {"redriven": 10, "left": [], "complete": False}
    assert redrive(api) == {"redriven": 5, "left": [], "complete": True}


def test_a_message_that_dies_again_meanwhile_waits_for_the_next_call(
    api: Api, queues: Queues, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(queues, *[send({"name": ""}) for _ in range(3)])
    deliver_at_once = Queue.send

    def send_and_deliver(self: Queue, *arguments: Any) -> None:
        deliver_at_once(self, *arguments)
        queues.deliver()

    monkeypatch.setattr(Queue, "send", send_and_deliver)

    assert redrive(api) == {"redriven": 3, "left": [], "complete": True}
    assert len(queues.deaths()) == 3


def test_a_look_ends_though_the_queue_does_not(
    api: Api, queues: Queues, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MAX_LOOKED_AT", 20)
    bury(queues, *[Sent("another", "{}") for _ in range(30)])

    assert api.get(LIST).body["complete"] is False
    assert redrive(api) == {"redriven": 0, "left": [], "complete": False}
    assert len(queues.dead.receive(wait_seconds=0)) == 10


def test_more_ids_than_one_call_takes_are_refused(api: Api, queues: Queues) -> None:
    reply = api.post(REDRIVE, {"ids": ["x"] * (dead_letters.MAX_FOUND + 1)})
    assert reply.problems() == {("body", "ids")}


def test_a_crash_between_sending_and_deleting_counts_nothing_twice(
    api: Api, queues: Queues, send: Send
) -> None:
    """Neither where nothing had counted, nor where a part had, nor after the full hour."""
    die_partly(api, queues, send(*[usage(1, external_id=f"e{n}") for n in range(150)]))
    bury(queues, send(usage(5)))

    for _ in range(2):
        with dying_after_the_send(queues):
            redrive(api)
    queues.deliver()
    redrive(api)
    queues.deliver()

    assert total(api) == 155
    assert queues.deaths() == []


def test_a_redriven_message_counts_in_the_hour_in_which_it_came_first(
    api: Api, queues: Queues, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what was counted before the full hour is not counted again after it."""
    die_partly(
        api,
        queues,
        send(*[usage(1) for _ in range(3)], *[usage(1, external_id=f"e{n}") for n in range(150)]),
    )

    later = times.now() + timedelta(hours=1)
    monkeypatch.setattr(times, "now", lambda: later)
    redrive(api)
    queues.deliver()

    assert total(api) == 153


def test_what_a_message_was_called_at_first_travels_through_every_redrive(
    api: Api, queues: Queues, send: Send
) -> None:
    poison = send({"name": "api_usage", "customer_id": "nobody"})
    queues.send(poison)
    (first,) = queues.deliver()

    seen = []
    for _ in range(2):
        redrive(api)
        (delivered,) = queues.deliver()
        seen.append(delivered)

    assert len({record["messageId"] for record in [first, *seen]}) == 3
    for record in seen:
        attributes = {
            name: attribute["stringValue"]
            for name, attribute in record["messageAttributes"].items()
        }
        sent_at = times.from_text(attributes.pop("received_at"))
        assert sent_at.timestamp() * 1000 == int(first["attributes"]["SentTimestamp"])
        assert attributes == {
            "organization_id": api.organization_id,
            "first_message_id": first["messageId"],
        }


def test_a_batch_id_is_kept(api: Api, queues: Queues, send: Send) -> None:
    sent = send(usage(1), batch_id="order-7")
    queues.send(sent)
    queues.deliver()
    bury(queues, sent)

    assert listed(api)[0]["reason"] == "All of its events have counted."
    redrive(api)
    queues.deliver()

    assert total(api) == 1


def test_a_message_with_as_many_attributes_as_there_may_be_keeps_those_that_count(
    api: Api, queues: Queues, send: Send
) -> None:
    others = {f"other-{number}": text("x") for number in range(7)}
    sent = send(usage(1), batch_id="order-7", request_key="none", may_grant="yes")
    queues.dead.send(sent.body, others | dict(texts(sent)))

    redrive(api)

    (record,) = queues.ingestion.receive(wait_seconds=0)
    assert len(record["messageAttributes"]) == queue.MAX_ATTRIBUTES
    assert set(dead_letters.OURS) <= record["messageAttributes"].keys()


def test_a_message_that_the_queue_does_not_take_stays_and_is_named(
    api: Api, queues: Queues, send: Send
) -> None:
    queues.client.set_queue_attributes(
        QueueUrl=queues.ingestion.url, Attributes={"MaximumMessageSize": "1024"}
    )
    large = send(usage(1, metadata={"units": 1, **{f"m{n}": "x" * 400 for n in range(4)}}))
    bury(queues, large, send(usage(2)))

    answer = redrive(api)

    assert answer["redriven"] == 1
    ((left),) = answer["left"]
    assert "1024" in left["reason"]
    assert [record["messageId"] for record in queues.deaths()] == [left["id"]]


def test_an_organization_neither_sees_nor_touches_what_is_anothers(
    api: Api, new_api: NewApi, queues: Queues
) -> None:
    """Not by its ids either, and though another's messages are in front of the queue."""
    other = new_api()
    other.meter()
    bury(queues, *[message(other.organization_id, usage(1)) for _ in range(30)])
    bury(queues, Sent("nobody's", "{}"), message(api.organization_id, usage(10)))
    theirs = [letter["id"] for letter in listed(other, limit=100)]
    assert len(theirs) == 30

    (ours,) = listed(api, limit=100)
    assert ours["id"] not in theirs
    assert redrive(api, theirs[0])["redriven"] == 0
    assert api.delete(f"{LIST}{theirs[0]}").status == 404
    assert redrive(api)["redriven"] == 1

    queues.deliver()
    assert total(api) == 10
    assert {letter["id"] for letter in listed(other, limit=100)} == set(theirs)


def test_a_message_that_names_no_organization_is_nobodys(api: Api, queues: Queues) -> None:
    queues.dead.send("{}", {"organization_id": {"binaryValue": b"x", "dataType": "Binary"}})
    queues.dead.send("{}", {"other": text("x")})

    assert listed(api) == []
    assert redrive(api)["redriven"] == 0


@pytest.mark.parametrize(
    ("scope", "method", "path"), [("events:write", "GET", LIST), ("events:read", "POST", REDRIVE)]
)
def test_looking_and_sending_take_scopes_of_their_own(
    api: Api, queues: Queues, scope: str, method: str, path: str
) -> None:
    token, _ = tokens.create(api.store, scopes=[scope])
    narrow = Api(api.store, token)

    assert narrow.request(method, path, b"{}").status == 403


def test_where_there_is_no_queue_there_are_no_dead_letters(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(queue.INGESTION, raising=False)
    monkeypatch.delenv(queue.DEAD_LETTERS, raising=False)

    reply = api.get(LIST)
    assert (reply.status, reply.body["items"], reply.body["complete"]) == (200, [], True)

    reply = api.post(REDRIVE, {})
    assert reply.status == 409
    assert reply.body == {"error": "Conflict", "detail": "There is no ingestion queue here."}


def test_a_queue_that_does_not_answer_is_a_503(
    api: Api, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = queue.connect(
        "http://127.0.0.1:1",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    monkeypatch.setattr(queue, "_client", lambda: nowhere)

    reply = api.get(LIST)

    assert reply.status == 503
    assert reply.headers["Retry-After"] == "1"
