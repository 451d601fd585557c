"""A table that was restored: what a backup cut in two is made whole, and counts once again.

The engine restores nothing, so a backup is made here: of all that some requests wrote, a part as it
was before them, a part as it was after.
"""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from aureon.audit import claim_audit
from aureon.storage import keys
from aureon.storage import store as store_module
from aureon.storage.store import Item, Store
from aureon_cli.main import app
from tests.support.credit_makers import spend
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved, scan
from tests.support.seams import restart_handlers

NAMES = ("user_1", "user_2", "user_3")
Contents = dict[keys.Key, Item]


@pytest.fixture
def api(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """An organization with meters, customers with credits, and the command line on its table."""
    monkeypatch.setattr(store_module, "connect", lambda *_, **__: api.store.client)
    monkeypatch.setenv("AUREON_TABLE", api.store.table)
    api.meter()
    api.meter(func="max", property="units")
    api.meter(func="unique", property="units")
    for name in NAMES:
        api.customer(f"{name}@example.com", external_id=name)
        api.ingest(usage(-1_000, external_customer_id=name, external_id=f"grant of {name}"))
    return api


def command(api: Api, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--organization", api.organization_id])


def send(api: Api, batches: int) -> None:
    """Usage with ids, for several customers a request, and a spend with an id between."""
    for batch in range(batches):
        events = [
            usage(number, external_customer_id=name, external_id=f"{batch}#{name}%{number}")
            for name in NAMES
            for number in range(1, 4)
        ]
        assert api.ingest(*events).status == 200
        spent = spend(api, 5, external_customer_id=NAMES[0], external_id=f"spend {batch}")
        assert spent.status == 200, spent.body


def contents(store: Store) -> Contents:
    return {keys.Key(item[keys.PARTITION], item[keys.SORT]): item for item in scan(store)}


def restore(store: Store, chance: random.Random, *versions: Contents) -> None:
    """Let each item be as it is in one of these, or absent where it is absent there."""
    every = sorted(set().union(*versions))
    mixed = {key: chance.choice(versions).get(key) for key in every}
    store.delete_all(every)
    store.put_all({key: item for key, item in mixed.items() if item is not None})
    restart_handlers()


def balances(api: Api) -> dict[str, Any]:
    return {
        name: {
            meter["meter_id"]: (meter["balance"], meter["consumed_units"])
            for meter in api.get(f"/v1/customers/external/{name}/state").body["active_meters"]
        }
        for name in NAMES
    }


@pytest.mark.parametrize("seed", range(25))
def test_what_was_cut_in_two_is_made_whole_and_counts_once_when_it_is_sent_again(
    api: Api, seed: int
) -> None:
    before = contents(api.store)
    send(api, batches=3)
    whole, expected = contents(api.store), balances(api)
    restore(api.store, random.Random(seed), before, whole)

    found = command(api, "claims")
    repaired = command(api, "claims", "--repair")
    recounted = command(api, "audit", "--repair", "--no-projection")

    assert found.exit_code == 1, found.output
    assert (repaired.exit_code, recounted.exit_code) == (0, 0), repaired.output
    assert "repaired" in repaired.stdout
    assert_conserved(api.store)
    send(api, batches=3)
    assert balances(api) == expected
    assert_conserved(api.store)
    assert command(api, "claims").exit_code == 0
    assert command(api, "audit", "--no-projection").exit_code == 0


def test_nothing_is_wrong_with_a_table_that_was_always_there(api: Api) -> None:
    send(api, batches=2)
    before = contents(api.store)

    audited = command(api, "claims", "--repair")

    assert audited.exit_code == 0
    assert audited.stdout == ""
    assert "Claims: 23; events with an external id: 23. 0 different, 0 repaired." in audited.stderr
    assert contents(api.store) == before


def test_an_event_that_has_counted_twice_is_told_and_left_alone(api: Api) -> None:
    """It was sent again to the restored table before its claim was made again."""
    api.ingest(usage(3, external_customer_id="user_1", external_id="order#1"))
    api.store.delete_all([api.store.keys.claim("order#1")])
    api.ingest(usage(3, external_customer_id="user_1", external_id="order#1"))

    audited = command(api, "claims", "--repair")

    assert audited.exit_code == 1
    (line,) = [line for line in audited.stdout.splitlines() if "order#1" in line]
    assert "counted twice" in line
    assert "different" in line


def test_claims_and_pages_that_come_meanwhile_are_no_findings(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read may see a claim of a transaction that is being applied, and not yet its page."""
    send(api, batches=1)
    page = next(key for key in contents(api.store) if key.pk.startswith(api.store.keys.log("")))
    missing = {page: contents(api.store)[page]}
    api.store.delete_all(missing)
    clock = SimpleNamespace(sleep=lambda seconds: api.store.put_all(missing))
    monkeypatch.setattr(claim_audit, "time", clock)

    assert command(api, "claims").exit_code == 0
