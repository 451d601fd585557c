"""The local event source does with the table's stream what Lambda's does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aureon.storage import keys
from aureon.storage.store import Store, put_over
from aureon.storage.table import PAGE_MARK
from aureon_cli import stream_source
from aureon_cli.engine import Engine
from aureon_cli.stream_source import Note, Record, Stream, deliver, polling
from tests.support.handlers import HANDLERS, Api
from tests.support.projected import recounted, stored

ENOUGH_SECONDS = 30.0


@pytest.fixture
def store(served_store: Store) -> Store:
    return served_store


class Function:
    """A function that fails with the records that it is told to, and notes what it was given."""

    def __init__(self, expected: int, fails: Callable[[str, int], bool] = lambda *_: False) -> None:
        self.expected = expected
        self.fails = fails
        self.deliveries: list[list[str]] = []
        self.enough = threading.Event()

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        assert context.get_remaining_time_in_millis() > 0
        names = [name(record) for record in event["Records"]]
        self.deliveries.append(names)
        if sum(map(len, self.deliveries)) >= self.expected:
            self.enough.set()
        failed = [
            record["dynamodb"]["SequenceNumber"]
            for record in event["Records"]
            if self.fails(name(record), len(self.deliveries))
        ]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    @property
    def last(self) -> list[str]:
        return self.deliveries[-1]


def name(record: Record) -> str:
    text: str = record["dynamodb"]["NewImage"][keys.SORT]["S"]
    return text


def insert(store: Store, *names: str) -> None:
    for one in names:
        store.write(put_over(keys.Key("log", one), {PAGE_MARK: 0, "body": b"\x00\xff"}))


@pytest.fixture(autouse=True)
def environment(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in engine.environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(stream_source, "PAUSE_SECONDS", 0.0)


@contextmanager
def reading(store: Store, function: Any, path: Path) -> Iterator[None]:
    """Read the table's stream until the function was given as much as it expects."""
    with Note(path) as note, polling(store, "projector", function, note):
        yield
        assert function.enough.wait(ENOUGH_SECONDS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The note's path; it is there, as if all had been delivered when the last service ended."""
    path = tmp_path / "projected"
    path.touch()
    return path


def test_inserted_pages_are_delivered_in_their_order_and_nothing_else_is(
    store: Store, path: Path
) -> None:
    function = Function(3)
    with reading(store, function, path):
        insert(store, "a", "b")
        store.write(put_over(keys.Key("log", "no page"), {"body": b""}))
        insert(store, "a", "c")  # The first of them changes a page: it was there.

    assert list(chain.from_iterable(function.deliveries)) == ["a", "b", "c"]


def test_a_record_has_the_form_of_those_of_lambda(store: Store, path: Path) -> None:
    given: list[Record] = []

    class Keeping(Function):
        def __call__(self, event: dict[str, Any], context: Any) -> Any:
            given.extend(event["Records"])
            return super().__call__(event, context)

    with reading(store, Keeping(1), path):
        insert(store, "a")
    (record,) = given
    (stored_record,) = stream_source.stored(store)

    for one in (record, stored_record):
        assert one["eventName"] == "INSERT"
        assert one["dynamodb"]["NewImage"]["body"] == {"B": "AP8="}
        assert isinstance(one["dynamodb"]["ApproximateCreationDateTime"], int | float)


def test_what_failed_is_delivered_again_with_all_that_follows_it(store: Store, path: Path) -> None:
    insert(store, "a", "b", "c")
    function = Function(5, lambda record, delivery: record == "b" and delivery == 1)

    with reading(store, function, path):
        pass

    assert function.deliveries == [["a", "b", "c"], ["b", "c"]]
    assert path.exists()


def test_a_function_that_raises_is_given_all_of_it_again(
    store: Store, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    insert(store, "a", "b")

    def fails(record: str, delivery: int) -> bool:
        if delivery == 1:
            raise RuntimeError("the function is broken")
        return False

    function = Function(4, fails)
    with reading(store, function, path):
        pass

    assert function.deliveries == [["a", "b"], ["a", "b"]]
    assert "the function is broken" in capsys.readouterr().err
    assert path.exists()


def test_a_record_that_goes_on_failing_is_left_out_and_told_of(
    store: Store, path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_source, "MAX_ATTEMPTS", 2)
    insert(store, "a", "b", "c")
    function = Function(8, lambda record, delivery: record == "b")

    with reading(store, function, path):
        pass

    assert function.deliveries == [["a", "b", "c"], ["b", "c"], ["b", "c"], ["c"]]
    assert "goes on failing" in capsys.readouterr().err
    assert not path.exists()


def test_an_answer_that_names_no_record_of_the_delivery_is_refused(store: Store) -> None:
    insert(store, "a")
    nobody = {"batchItemFailures": [{"itemIdentifier": "nobody"}]}

    with pytest.raises(ValueError, match="not delivered"):
        deliver(list(stream_source.stored(store)), "projector", lambda *_: nobody)


def test_at_the_end_all_that_is_left_is_delivered(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_source, "POLL_SECONDS", ENOUGH_SECONDS)
    looked = threading.Event()
    read = Stream.read

    def seen(stream: Stream) -> Any:
        found = read(stream)
        looked.set()
        return found

    monkeypatch.setattr(Stream, "read", seen)
    function = Function(0)
    with Note(path) as note, polling(store, "projector", function, note):
        assert looked.wait(ENOUGH_SECONDS)
        insert(store, "a", "b")
        assert not path.exists()

    assert function.deliveries == [["a", "b"]]
    assert path.exists()


def test_where_there_was_no_time_for_all_the_next_one_delivers_what_is_stored(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, "a", "b")
    with monkeypatch.context() as patch, reading(store, Function(2), path):
        patch.setattr(stream_source, "DRAIN_SECONDS", 0.0)
    assert not path.exists()

    monkeypatch.setattr(Stream, "read", lambda stream: None)
    function = Function(2)
    with reading(store, function, path):
        pass

    assert sorted(function.last) == ["a", "b"]
    assert path.exists()


def test_a_place_in_the_stream_that_expired_is_taken_up_from_the_beginning(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, "a")
    read, expired = Stream.read, threading.Event()

    def expires_once(stream: Stream) -> Any:
        found = read(stream)
        if found is None and not expired.is_set():
            expired.set()
            raise ClientError({"Error": {"Code": "ExpiredIteratorException"}}, "GetRecords")
        return found

    monkeypatch.setattr(Stream, "read", expires_once)
    function = Function(2)
    with reading(store, function, path):
        pass

    assert [page for delivery in function.deliveries for page in delivery] == ["a", "a"]


def test_a_stream_that_cannot_be_read_is_told_of_once(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stream_source, "MAX_ATTEMPTS", 2)
    tries = threading.Semaphore(0)

    def fails(stream: Stream) -> Any:
        tries.release()
        raise ClientError({"Error": {"Code": "UnknownOperation"}}, "GetRecords")

    monkeypatch.setattr(Stream, "read", fails)
    with Note(path) as note, polling(store, "projector", Function(0), note):
        for _ in range(6):
            assert tries.acquire(timeout=ENOUGH_SECONDS)

    assert capsys.readouterr().err.count("can't be read") == 1
    assert not path.exists()


def test_the_projector_keeps_up_with_the_stream(api: Api, path: Path) -> None:
    api.meter()
    with Note(path) as note, polling(api.store, "projector", HANDLERS["projector"], note):
        for number in range(20):
            api.ingest(
                {
                    "name": "api_usage",
                    "external_customer_id": f"user_{number % 3}",
                    "metadata": {"units": number},
                }
            )

    assert stored(api.store) == recounted(api.store) != {}
