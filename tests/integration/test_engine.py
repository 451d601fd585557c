"""The embedded engine as a process: where it listens, what it leaves, how it fails."""

from __future__ import annotations

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx
import pytest
from botocore.exceptions import ClientError

from aureon.storage import store as aureon_store
from aureon.storage.store import Item, Store
from aureon.storage.table import SCHEMA
from aureon_cli import engine as embedded
from aureon_cli.engine import Engine, EngineError
from tests.support.recount import scan


@pytest.fixture
def store(served_store: Store) -> Store:
    return served_store


def test_it_listens_on_one_address_of_loopback_only(engine: Engine) -> None:
    port = httpx.URL(engine.endpoint_url).port
    assert port
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
        pass


def test_a_ctrl_c_in_the_terminal_does_not_reach_it(engine: Engine) -> None:
    """So that requests under way still find it, while the service ends."""
    assert os.getpgid(engine.process.pid) != os.getpgid(0)
    assert os.getsid(engine.process.pid) != os.getsid(0)


def test_it_sees_nothing_of_the_environment_that_could_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICES", "s3")
    monkeypatch.setenv("USE_SSL", "1")
    with embedded.running(tmp_path, persistent=False) as engine:
        health = httpx.get(f"{engine.endpoint_url}/_ministack/health").json()
    assert "dynamodb" in health["services"]


def test_it_leaves_its_log_and_nothing_else_unless_it_is_persistent(tmp_path: Path) -> None:
    with embedded.running(tmp_path, persistent=False) as engine:
        assert (tmp_path / "tmp").is_dir()
    assert engine.process.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "log"}


def test_scratch_files_of_an_engine_that_was_killed_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "left").touch()
    with embedded.running(tmp_path, persistent=False):
        assert not (tmp_path / "tmp" / "left").exists()


def test_a_folder_has_one_engine_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded.running(tmp_path, persistent=False) as first:
        monkeypatch.setattr(embedded, "STOP_SECONDS", 0.0)
        with (
            pytest.raises(EngineError, match=f"process {first.process.pid}"),
            embedded.running(tmp_path, persistent=False),
        ):
            pass
        monkeypatch.undo()


def test_an_engine_that_does_not_start_is_an_error_that_names_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with (
        pytest.raises(EngineError, match=str(tmp_path / "log")),
        embedded.running(tmp_path, persistent=False),
    ):
        pass


TABLE = "kept"
WORKERS = 8
ROUNDS = 40


def table_of(engine: Engine) -> Store:
    return Store(aureon_store.connect(engine.endpoint_url, **embedded.CREDENTIALS), TABLE)


def contend(store: Store, worker: int) -> None:
    """Writes that conflict, are refused, or hang on the order in which they were applied."""
    draw = Random(worker)
    client = store.client
    for turn in range(ROUNDS):
        key = {"pk": {"S": str(draw.randrange(3))}, "sk": {"S": "shared"}}
        told = {":turn": {"S": f"{worker}-{turn}"}, ":one": {"N": "1"}}
        set_last = "SET #last = :turn ADD #count :one"
        names = {"#last": "last", "#count": "count"}
        own = {"pk": {"S": f"own-{worker}-{turn % 5}"}, "sk": {"S": "own"}}
        with suppress(ClientError):
            match draw.randrange(4):
                case 0:
                    client.update_item(
                        TableName=TABLE,
                        Key=key,
                        UpdateExpression=set_last,
                        ExpressionAttributeNames=names,
                        ExpressionAttributeValues=told,
                    )
                case 1:
                    client.put_item(
                        TableName=TABLE,
                        Item=own | {"turn": {"N": str(turn)}},
                        ConditionExpression="attribute_not_exists(pk)",
                    )
                case 2:
                    client.delete_item(TableName=TABLE, Key=own)
                case _:
                    client.transact_write_items(
                        TransactItems=[
                            {"Put": {"TableName": TABLE, "Item": own | {"turn": {"N": "-1"}}}},
                            {
                                "Update": {
                                    "TableName": TABLE,
                                    "Key": key,
                                    "UpdateExpression": set_last,
                                    "ExpressionAttributeNames": names,
                                    "ExpressionAttributeValues": told,
                                }
                            },
                        ]
                    )


def content(store: Store) -> dict[tuple[str, str], Item]:
    return {(item["pk"], item["sk"]): item for item in scan(store)}


def test_an_engine_that_is_killed_has_all_that_it_answered_when_it_starts_again(
    tmp_path: Path,
) -> None:
    with embedded.running(tmp_path, persistent=True) as engine:
        store = table_of(engine)
        store.client.create_table(TableName=TABLE, **SCHEMA)
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda worker: contend(store, worker), range(WORKERS)))
        before = content(store)
        engine.process.kill()
    with embedded.running(tmp_path, persistent=True) as engine:
        assert content(table_of(engine)) == before
        contend(table_of(engine), WORKERS)
        after = content(table_of(engine))
        # Killed again: the second journal goes on where the first one's snapshot ended.
        engine.process.kill()
    with embedded.running(tmp_path, persistent=True) as engine:
        assert content(table_of(engine)) == after != before
    # It ended by itself: a snapshot, and nothing to play again.
    with embedded.running(tmp_path, persistent=True) as engine:
        assert content(table_of(engine)) == after
        (journal,) = (tmp_path / "state").glob("*/journal")
        assert journal.stat().st_size == 0
    assert "journal" not in (tmp_path / "log").read_text()
