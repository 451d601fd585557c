"""Organizations: what each is called, and the settings of what it shows to its customers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aureon.access import tokens
from tests.integration.conftest import NewApi
from tests.support.handlers import Api

CURRENT = "/v1/organizations/current"


def test_settings_are_changed_one_by_one_and_taken_away(api: Api) -> None:
    fresh = api.get(CURRENT).body
    assert fresh == {
        "id": api.organization_id,
        "name": "Test",
        "created_at": fresh["created_at"],
        "modified_at": None,
        "colour": None,
        "time_zone": None,
        "origins": [],
        "portal_metadata_keys": [],
    }
    chosen: dict[str, Any] = {
        "name": "Acme",
        "colour": "#3366FF",
        "time_zone": "Europe/Berlin",
        "origins": ["https://app.acme.dev", "https://app.acme.dev"],
        "portal_metadata_keys": ["model", "region"],
    }
    for name, value in chosen.items():
        assert api.patch(CURRENT, {name: value}).status == 200
    found = api.get(CURRENT).body
    kept = chosen | {"colour": "#3366ff", "origins": ["https://app.acme.dev"]}
    assert {name: found[name] for name in chosen} == kept
    assert found["modified_at"] > found["created_at"]

    gone: dict[str, Any] = {
        "colour": None,
        "time_zone": None,
        "origins": None,
        "portal_metadata_keys": [],
    }
    emptied = api.patch(CURRENT, gone).body
    assert emptied == api.get(CURRENT).body
    assert emptied | {"modified_at": None} == fresh | {"name": "Acme"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://App.Acme.dev/", "https://app.acme.dev"),
        ("https://app.acme.dev:443", "https://app.acme.dev"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(api: Api, sent: str, kept: str) -> None:
    assert api.patch(CURRENT, {"origins": [sent]}).body["origins"] == [kept]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", None),
        ("name", "n" * 257),
        ("colour", "blue"),
        ("colour", "#36f"),
        ("time_zone", "Mars/Phobos"),
        ("origins", ["*"]),
        ("origins", ["https://a.dev/path"]),
        ("origins", ["https://a.dev; script-src *"]),
        ("origins", ["javascript://a.dev"]),
        ("origins", ["https://*.dev"]),
        ("origins", ["https://a.dev", "a.dev"]),
        ("origins", [f"https://{number}.dev" for number in range(21)]),
        ("origins", ["https://" + "a" * 250 + ".dev"]),
        ("portal_metadata_keys", ["k" * 41]),
        ("portal_metadata_keys", [str(number) for number in range(51)]),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_at_its_place(
    api: Api, name: str, value: Any
) -> None:
    before = api.get(CURRENT).body
    assert api.patch(CURRENT, {"colour": "#000000", name: value}).problems() == {("body", name)}
    assert api.get(CURRENT).body == before


def test_a_change_is_told_with_the_name_of_the_token_and_one_that_was_refused_is_not(
    api: Api,
) -> None:
    token, record = tokens.create(api.store, name="Ada")
    ada = replace(api, token=token)
    assert ada.patch(CURRENT, {"colour": "blue"}).status == 422
    told = {"name": "Acme", "origins": ["https://a.dev", "https://b.dev"], "colour": None}
    assert ada.patch(CURRENT, told).status == 200
    (one,) = api.get("/v1/activity/", action="organization.changed").body["items"]
    assert (one["token_id"], one["token_name"]) == (record.id, "Ada")
    assert one["subject_id"] == api.organization_id
    assert one["details"] == {
        "name": "Acme",
        "colour": "",
        "origins": "https://a.dev, https://b.dev",
    }


def test_another_organization_is_not_changed(new_api: NewApi) -> None:
    mine, theirs = new_api(), new_api()
    before = theirs.get(CURRENT).body
    assert mine.patch(CURRENT, {"name": "Mine", "id": theirs.organization_id}).status == 200
    assert theirs.get(CURRENT).body == before
