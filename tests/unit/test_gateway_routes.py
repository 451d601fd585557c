"""Which handler serves which path."""

from __future__ import annotations

import pytest

from aureon.api.routes import NO_TOKEN, ROUTES, Route, RouteTable, Target

TABLE = RouteTable(ROUTES)


def find(path: str) -> Target:
    target = TABLE.find(path)
    assert target is not None
    return target


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_found_under_its_own_path(route: Route) -> None:
    target = find(route.path.replace("{", "").replace("}", ""))
    assert target.path == route.path
    assert target.route(route.method) == route


@pytest.mark.parametrize(
    "path", ["/v1/customers/", "/v1/customers", "//v1/customers", "/v1//customers//"]
)
def test_trailing_and_double_slashes_make_no_difference(path: str) -> None:
    assert find(path).path == "/v1/customers/"


def test_a_parameter_is_one_part_of_the_path() -> None:
    assert find("/v1/customers/42").parameters == {"id": "42"}
    assert find("/v1/customers/42/state").parameters == {"id": "42"}
    assert TABLE.find("/v1/meters/42/43") is None


@pytest.mark.parametrize(
    "external_id",
    ["a", "a/b", "a//b", "/a", "state", "a/state/b", "a b", "ü", "#%?", "line\nbreak"],
)
def test_an_external_id_may_hold_anything(external_id: str) -> None:
    path = f"/v1/customers/external/{external_id}"
    assert find(path).path == "/v1/customers/external/{external_id}"
    assert find(f"{path}/state").path == "/v1/customers/external/{external_id}/state"
    assert find(path).parameters["external_id"] == external_id


def test_an_external_id_that_ends_in_state_is_read_as_the_state_of_the_rest() -> None:
    assert find("/v1/customers/external/a/state/").parameters == {"external_id": "a"}


def test_a_literal_path_wins_over_a_parameter() -> None:
    table = RouteTable(
        [
            Route("GET", "/v1/{id}", "one", "get_one", NO_TOKEN),
            Route("GET", "/v1/names", "names", "get_names", NO_TOKEN),
        ]
    )
    target = table.find("/v1/names")
    assert target is not None
    assert [route.handler for route in target.routes.values()] == ["names"]


@pytest.mark.parametrize(
    "path",
    ["", "/assets", "/assets/a/b", "/v1", "/v2/customers", "/v1/customersx", "/v1/meters/1/x"],
)
def test_an_unknown_path_is_not_found(path: str) -> None:
    assert TABLE.find(path) is None
