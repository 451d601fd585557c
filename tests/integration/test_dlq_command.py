"""``aureon dlq``: the operator sees all dead letters, and sends them anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from aureon.ledger import dead_letters
from aureon.storage.queue import text
from aureon.storage.store import Store
from aureon_cli.engine import Engine
from aureon_cli.main import app
from tests.integration.conftest import NewApi
from tests.support.deliveries import Queues, Sent, message, texts
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved, stored


@pytest.fixture
def store(served_store: Store) -> Store:
    return served_store


@pytest.fixture(autouse=True)
def operator(
    engine: Engine, queues: Queues, api: Api, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Someone whose environment names the table and the queues, as those at AWS."""
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUREON_TABLE", api.store.table)
    api.meter()
    yield
    assert_conserved(api.store)


def dlq(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["dlq", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def bury(queues: Queues, *messages: Sent) -> list[str]:
    """Put messages where those go that have failed for good; return their ids, in order."""
    for sent in messages:
        queues.dead.send(sent.body, texts(sent))
    return [record["messageId"] for record in queues.deaths()]


def total(api: Api) -> Any:
    return sum(sums[0] for sums in stored(api.store).values())


def test_a_list_shows_the_messages_of_all_and_why_they_fail(
    api: Api, new_api: NewApi, queues: Queues
) -> None:
    other = new_api()
    ids = bury(
        queues,
        message(api.organization_id, usage(1)),
        Sent(other.organization_id, "{"),
        Sent("nobody's", "{}"),
    )

    listed = dlq("list").stdout

    assert all(message_id in listed for message_id in ids)
    assert "It would count now." in listed
    assert "The body is not JSON" in listed
    assert "The attribute organization_id is missing or wrong." in listed
    assert ids[1] not in dlq("list", "--organization", api.organization_id).stdout


def test_a_list_that_is_not_whole_says_so(
    api: Api, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MAX_FOUND", 2)
    bury(queues, *[message(api.organization_id, usage(1)) for _ in range(3)])

    assert dlq("list").stderr == "There may be more.\n"


def test_an_explanation_says_all_that_is_known_and_prints_the_body_alone(
    api: Api, queues: Queues
) -> None:
    sent = message(api.organization_id, usage(1), usage(2), batch_id="order-7")
    (message_id,) = bury(queues, sent)

    result = dlq("explain", message_id)

    assert result.stdout == sent.body + "\n"
    assert f"organization: {api.organization_id}\n" in result.stderr
    assert "events: 2\n" in result.stderr
    assert "counted: 0\n" in result.stderr
    assert "reason: It would count now.\n" in result.stderr
    assert "attribute batch_id: order-7\n" in result.stderr


def test_a_message_that_is_not_there_is_a_sentence() -> None:
    assert dlq("explain", "nothing", code=1).stderr == (
        "aureon: The dead letter nothing does not exist, or somebody is looking at it.\n"
    )


def test_messages_are_sent_anew_by_their_ids(api: Api, queues: Queues) -> None:
    first, _, third = bury(
        queues, *[message(api.organization_id, usage(units)) for units in (1, 2, 4)]
    )

    assert dlq("redrive", first, third).stdout == "redriven 2\n"

    queues.deliver()
    assert total(api) == 5


def test_an_id_that_is_not_there_is_named(api: Api, queues: Queues) -> None:
    (known,) = bury(queues, message(api.organization_id, usage(1)))

    result = dlq("redrive", known, "unknown", code=1)

    assert result.stdout == "redriven 1\n"
    assert result.stderr.startswith("aureon: unknown was left: ")


def test_all_are_sent_anew_in_as_many_looks_as_that_takes(
    api: Api, new_api: NewApi, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MAX_FOUND", 4)
    other = new_api()
    bury(queues, *[message(api.organization_id, usage(1)) for _ in range(10)])
    queues.dead.send("{}", {"other": text("x")})
    theirs = message(other.organization_id, usage(1))
    queues.dead.send(theirs.body, texts(theirs))

    assert dlq("redrive", "--all", "--organization", other.organization_id).output == (
        "redriven 1\n"
    )
    assert dlq("redrive", "--all").output == "redriven 11\n"

    queues.deliver()
    assert total(api) == 10


def test_messages_that_die_again_meanwhile_are_not_sent_anew_for_ever(
    api: Api, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MAX_FOUND", 1)
    bury(queues, Sent(api.organization_id, "{"), Sent(api.organization_id, "["))
    redrive = dead_letters.redrive

    def and_die(*arguments: Any) -> Any:
        result = redrive(*arguments)
        queues.deliver()
        return result

    monkeypatch.setattr(dead_letters, "redrive", and_die)

    assert dlq("redrive", "--all").stdout == "redriven 2\n"
    assert len(queues.deaths()) == 2


@pytest.mark.parametrize("arguments", [[], ["--all", "an-id"]])
def test_which_messages_are_meant_must_be_said(arguments: list[str]) -> None:
    assert "--all" in dlq("redrive", *arguments, code=2).stderr


def test_a_queue_that_is_not_named_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUREON_DEAD_LETTER_QUEUE_URL")
    assert dlq("list", code=1).stderr == (
        "aureon: Name the queue, or set AUREON_DEAD_LETTER_QUEUE_URL.\n"
    )


def test_queues_can_be_named_on_the_command_line(
    api: Api, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUREON_DEAD_LETTER_QUEUE_URL")
    monkeypatch.delenv("AUREON_QUEUE_URL")
    bury(queues, message(api.organization_id, usage(1)))

    named = ["--dead-letter-queue-url", queues.dead.url, "--queue-url", queues.ingestion.url]

    assert dlq("redrive", "--all", *named).stdout == "redriven 1\n"
